// Causal attention with rotary positions, forward and backward (as in FlashAttention-2, Dao 2023), of what a layer's
// input is multiplied to: y (sequences LENGTH, 7 WIDTH) has queries, keys and values in its first three times WIDTH
// columns. Its result is in the first WIDTH columns of f (sequences LENGTH, 5 WIDTH). In the backward pass d is the
// gradient of f, dy that of y, laid out likewise.
//
//   q, k turned by their positions' angles,  s = q k' / sqrt(HEAD_DIM),  p = softmax of s up to the diagonal,  f = p v
//   delta = rows' sums of d f,  dv = p' d,  ds = p (d v' - delta),  dq = ds k,  dk = ds' q,  turned back
//
// A block is a head of a sequence, of 8 warps, each of which takes ROWS queries (keys, in the backward pass of keys and
// values) at a time, from the sequence's ends in turn, so that all have about as much to do. What these meet lies in
// shared memory, CHUNK positions at once: all of them, where there is room. Products are of 32 positions at a time.
// Rows of HEAD_DIM numbers are followed by eight that are not used, so that they lie in different banks, but for those
// of eight. What lies past the sequence's end is zero and is given to nobody.
//
// Constants: FLOAT16; WIDTH, HEADS, HEAD_DIM (8, 16 or 32), LENGTH; CHUNK, a multiple of 32; PARTS, of 16 rows, that a
// warp has at once; BLOCKS, at least on a multiprocessor. Shared memory: 4 CHUNK STRIDE bytes, and 8 CHUNK more for
// attention_dkv.
#define WARPS 8
#define THREADS (32 * WARPS)
#define ROWS (16 * PARTS)
#define STRIDE (HEAD_DIM == 8 ? 8 : HEAD_DIM + 8)
#define DEPTH (HEAD_DIM == 8 ? 1 : HEAD_DIM / 16)
#define Y_STRIDE (7 * WIDTH)
#define F_STRIDE (5 * WIDTH)
// 1 / sqrt(HEAD_DIM)
#define SCALE (HEAD_DIM == 8 ? 0.35355339059327373f : HEAD_DIM == 16 ? 0.25f : 0.17677669529663687f)
// A row's reference follows its largest score when that is so much larger, as a power of two
#define ROOM 8.f
#define GROUP_ROWS (WARPS * ROWS)

typedef u32 Operand[PARTS][DEPTH][4];        // rows of HEAD_DIM numbers, on the left of products
typedef float Scores[PARTS][4][4];           // of rows with 32 positions
typedef float Sums[PARTS][HEAD_DIM / 8][4];  // of rows

// Two numbers turned by an angle, its cosine and sine given, and scaled
DEVICE float2 turned(float a, float b, float2 angle, float by) {
  return {(a * angle.x - b * angle.y) * by, (b * angle.x + a * angle.y) * by};
}

DEVICE u32 turned(u32 pair, float2 angle, float by) {
  float2 x = turned(first_of(pair), second_of(pair), angle, by);
  return pack(x.x, x.y);
}

// Positions from first on of a column of HEAD_DIM numbers into shared memory
DEVICE void load_chunk(u16* to, const u16* from, int stride, int first) {
  for (int i = threadIdx.x; i < CHUNK * (HEAD_DIM / 8); i += THREADS) {
    int row = i / (HEAD_DIM / 8), column = i % (HEAD_DIM / 8) * 8;
    u16* at = to + row * STRIDE + column;
    if (first + row < LENGTH) copy_16_bytes(at, from + (i64)(first + row) * stride + column);
    else *(uint4*)at = {};
  }
  end_copies();
}

// The same, turned and scaled
DEVICE void load_chunk_turned(u16* to, const u16* from, const float2* angles, int first, float by) {
  for (int i = threadIdx.x; i < CHUNK * (HEAD_DIM / 8); i += THREADS) {
    int row = i / (HEAD_DIM / 8), column = i % (HEAD_DIM / 8) * 8;
    uint4 x = {};
    if (first + row < LENGTH) {
      x = *(const uint4*)(from + (i64)(first + row) * Y_STRIDE + column);
      const float2* angle = angles + ((first + row) * HEAD_DIM + column) / 2;
      x = {turned(x.x, angle[0], by), turned(x.y, angle[1], by), turned(x.z, angle[2], by), turned(x.w, angle[3], by)};
    }
    *(uint4*)(to + row * STRIDE + column) = x;
  }
}

// Keys and values from a position on into shared memory, if those that are there are others
DEVICE void see_keys(u16* keys, u16* values, const u16* q, const float2* angles, int chunk, int& loaded) {
  if (chunk == loaded) return;
  __syncthreads();
  load_chunk(values, q + 2 * WIDTH, Y_STRIDE, chunk);
  load_chunk_turned(keys, q + WIDTH, angles, chunk, 1.f);
  wait_for_copies<0>();
  __syncthreads();
  loaded = chunk;
}

// Rows of a column from first on as an operand; past the last it is the last again
DEVICE void load_rows(Operand a, const u16* from, int stride, int first) {
#pragma unroll
  for (int part = 0; part < PARTS; part++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = min(first + part * 16 + half * 8 + LANE / 4, LENGTH - 1);
      const u16* at = from + (i64)row * stride + LANE % 4 * 2;
#pragma unroll
      for (int k = 0; k < DEPTH; k++) {
        a[part][k][half] = *(const u32*)(at + k * 16);
        a[part][k][2 + half] = HEAD_DIM == 8 ? 0 : *(const u32*)(at + k * 16 + 8);
      }
    }
  }
}

DEVICE void load_rows_turned(Operand a, const u16* from, const float2* angles, int first, float by) {
  load_rows(a, from, Y_STRIDE, first);
#pragma unroll
  for (int part = 0; part < PARTS; part++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = min(first + part * 16 + half * 8 + LANE / 4, LENGTH - 1);
      const float2* angle = angles + row * (HEAD_DIM / 2) + LANE % 4;
#pragma unroll
      for (int k = 0; k < DEPTH; k++) {
        a[part][k][half] = turned(a[part][k][half], angle[k * 8], by);
        if (HEAD_DIM > 8) a[part][k][2 + half] = turned(a[part][k][2 + half], angle[k * 8 + 4], by);
      }
    }
  }
}

// scores += rows times the chunk's 32 positions from n on
DEVICE void multiply_scores(Scores scores, Operand rows, const u16* chunk, int n) {
  u32 b[4];
#if HEAD_DIM == 8
  load_matrices(b, chunk + (n + LANE) * STRIDE);
#pragma unroll
  for (int i = 0; i < 4; i++) {
#pragma unroll
    for (int part = 0; part < PARTS; part++) multiply_add_8(scores[part][i], rows[part][0][0], rows[part][0][1], b[i]);
  }
#else
  const u16* row = chunk + (n + LANE / 16 * 8 + LANE % 8) * STRIDE + LANE / 8 % 2 * 8;
#pragma unroll
  for (int i = 0; i < 2; i++) {
#pragma unroll
    for (int k = 0; k < DEPTH; k++) {
      load_matrices(b, row + i * 16 * STRIDE + k * 16);
#pragma unroll
      for (int part = 0; part < PARTS; part++) {
        multiply_add(scores[part][2 * i], rows[part][k], b[0], b[1]);
        multiply_add(scores[part][2 * i + 1], rows[part][k], b[2], b[3]);
      }
    }
  }
#endif
}

// sums += weights of 32 positions times the chunk's from n on
DEVICE void multiply_positions(Sums sums, Scores weights, const u16* chunk, int n) {
#pragma unroll
  for (int k = 0; k < 2; k++) {
    u32 p[PARTS][4], b[4];
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
#pragma unroll
      for (int j = 0; j < 4; j++) {
        float* x = weights[part][2 * k + j / 2] + 2 * (j % 2);
        p[part][j] = pack(x[0], x[1]);
      }
    }
#if HEAD_DIM == 8
    // four matrices at once, of which two are for these 16 positions
    load_transposed(b, chunk + (n + LANE) * STRIDE);
#pragma unroll
    for (int part = 0; part < PARTS; part++) multiply_add(sums[part][0], p[part], b[2 * k], b[2 * k + 1]);
#else
    const u16* row = chunk + (n + k * 16 + LANE / 8 % 2 * 8 + LANE % 8) * STRIDE + LANE / 16 * 8;
#pragma unroll
    for (int i = 0; i < HEAD_DIM / 16; i++) {
      load_transposed(b, row + i * 16);
#pragma unroll
      for (int part = 0; part < PARTS; part++) {
        multiply_add(sums[part][2 * i], p[part], b[0], b[1]);
        multiply_add(sums[part][2 * i + 1], p[part], b[2], b[3]);
      }
    }
#endif
  }
}

#define EACH_SCORE                                        \
  _Pragma("unroll") for (int part = 0; part < PARTS; part++) \
  _Pragma("unroll") for (int i = 0; i < 4; i++)              \
  _Pragma("unroll") for (int j = 0; j < 4; j++)

// The position of score i, j of part, and its row
#define POSITION (n + i * 8 + LANE % 4 * 2 + j % 2)
#define ROW (first + part * 16 + j / 2 * 8 + LANE / 4)

// The first row of a warp in a group of rows, from the one end and from the other
DEVICE int first_row(int group) {
  return (group * WARPS + (group % 2 ? WARPS - 1 - WARP : WARP)) * ROWS;
}

// -> f, and log_sums (sequences HEADS, LENGTH): log2 of the sum of exp s. angles (LENGTH, HEAD_DIM / 2): cosine, sine.
KERNEL __launch_bounds__(THREADS, BLOCKS) attention(const u16* y, const float2* angles, u16* f, float* log_sums) {
  extern __shared__ __align__(128) char shared[];
  u16* keys = (u16*)shared;
  u16* values = keys + CHUNK * STRIDE;
  int sequence = blockIdx.x / HEADS, head = blockIdx.x % HEADS, loaded = -1;
  const u16* q = y + (i64)sequence * LENGTH * Y_STRIDE + head * HEAD_DIM;
  u16* out = f + (i64)sequence * LENGTH * F_STRIDE + head * HEAD_DIM;
#pragma unroll 1
  for (int group = 0; group * GROUP_ROWS < LENGTH; group++) {
    int first = first_row(group);
    Operand rows;
    load_rows_turned(rows, q, angles, first, SCALE * LOG2_E);
    Sums sums = {};
    float total[PARTS][2] = {}, reference[PARTS][2];
#pragma unroll
    for (int part = 0; part < PARTS; part++) reference[part][0] = reference[part][1] = NOTHING;
#pragma unroll 1
    for (int chunk = 0; chunk < min((group + 1) * GROUP_ROWS, LENGTH); chunk += CHUNK) {
      see_keys(keys, values, q, angles, chunk, loaded);
#pragma unroll 1
      for (int n = chunk; n < min(first + ROWS, chunk + CHUNK); n += 32) {
        Scores scores = {};
        multiply_scores(scores, rows, keys, n - chunk);
        if (n + 31 > first) EACH_SCORE if (POSITION > ROW) scores[part][i][j] = NOTHING;
        float largest[PARTS][2];
        bool outgrown = false;
#pragma unroll
        for (int part = 0; part < PARTS; part++) largest[part][0] = largest[part][1] = NOTHING;
        EACH_SCORE largest[part][j / 2] = fmaxf(largest[part][j / 2], scores[part][i][j]);
#pragma unroll
        for (int part = 0; part < PARTS; part++) {
          outgrown = outgrown || largest[part][0] > reference[part][0] + ROOM
              || largest[part][1] > reference[part][1] + ROOM;
        }
        if (any_lane(outgrown)) {
#pragma unroll
          for (int part = 0; part < PARTS; part++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
              float to = fmaxf(reference[part][half], max_of_lanes(largest[part][half], 4));
              float by = fast_exp2(reference[part][half] - to);
              reference[part][half] = to;
              total[part][half] *= by;
#pragma unroll
              for (int i = 0; i < HEAD_DIM / 8; i++) {
                sums[part][i][2 * half] *= by;
                sums[part][i][2 * half + 1] *= by;
              }
            }
          }
        }
        EACH_SCORE {
          scores[part][i][j] = fast_exp2(scores[part][i][j] - reference[part][j / 2]);
          total[part][j / 2] += scores[part][i][j];
        }
        multiply_positions(sums, scores, values, n - chunk);
      }
    }
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        int row = first + part * 16 + half * 8 + LANE / 4;
        float sum = sum_of_lanes(total[part][half], 4);
        if (row >= LENGTH) continue;
        if (LANE % 4 == 0) log_sums[blockIdx.x * LENGTH + row] = reference[part][half] + fast_log2(sum);
#pragma unroll
        for (int i = 0; i < HEAD_DIM / 8; i++) {
          float* x = sums[part][i] + 2 * half;
          *(u32*)(out + (i64)row * F_STRIDE + i * 8 + LANE % 4 * 2) = pack(x[0] / sum, x[1] / sum);
        }
      }
    }
  }
}

// Gradients of rows of queries or keys, scaled and turned back, to a column of dy
DEVICE void store_turned_back(u16* to, Sums sums, const float2* angles, int first, float by) {
#pragma unroll
  for (int part = 0; part < PARTS; part++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = first + part * 16 + half * 8 + LANE / 4;
      if (row >= LENGTH) continue;
#pragma unroll
      for (int i = 0; i < HEAD_DIM / 8; i++) {
        float2 angle = angles[row * (HEAD_DIM / 2) + i * 4 + LANE % 4];
        float2 x = turned(sums[part][i][2 * half], sums[part][i][2 * half + 1], {angle.x, -angle.y}, by);
        *(u32*)(to + (i64)row * Y_STRIDE + i * 8 + LANE % 4 * 2) = pack(x.x, x.y);
      }
    }
  }
}

// -> the gradient of queries, and delta (sequences HEADS, LENGTH)
KERNEL __launch_bounds__(THREADS, BLOCKS) attention_dq(const u16* y, const float2* angles, const u16* f, const u16* d,
    const float* log_sums, u16* dy, float* delta) {
  extern __shared__ __align__(128) char shared[];
  u16* keys = (u16*)shared;
  u16* values = keys + CHUNK * STRIDE;
  int sequence = blockIdx.x / HEADS, head = blockIdx.x % HEADS, loaded = -1;
  const u16* q = y + (i64)sequence * LENGTH * Y_STRIDE + head * HEAD_DIM;
  i64 column = (i64)sequence * LENGTH * F_STRIDE + head * HEAD_DIM;
#pragma unroll 1
  for (int group = 0; group * GROUP_ROWS < LENGTH; group++) {
    int first = first_row(group);
    Operand rows, gradients, results;
    load_rows_turned(rows, q, angles, first, SCALE * LOG2_E);
    load_rows(gradients, d + column, F_STRIDE, first);
    load_rows(results, f + column, F_STRIDE, first);
    float log_sum[PARTS][2], product[PARTS][2];
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        float x = 0.f;
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
#pragma unroll
          for (int i = half; i < (HEAD_DIM == 8 ? 2 : 4); i += 2) {
            u32 a = results[part][k][i], b = gradients[part][k][i];
            x += first_of(a) * first_of(b) + second_of(a) * second_of(b);
          }
        }
        product[part][half] = x = sum_of_lanes(x, 4);
        int row = first + part * 16 + half * 8 + LANE / 4;
        log_sum[part][half] = log_sums[blockIdx.x * LENGTH + min(row, LENGTH - 1)];
        if (row < LENGTH && LANE % 4 == 0) delta[blockIdx.x * LENGTH + row] = x;
      }
    }
    Sums sums = {};
#pragma unroll 1
    for (int chunk = 0; chunk < min((group + 1) * GROUP_ROWS, LENGTH); chunk += CHUNK) {
      see_keys(keys, values, q, angles, chunk, loaded);
#pragma unroll 1
      for (int n = chunk; n < min(first + ROWS, chunk + CHUNK); n += 32) {
        Scores scores, slopes;
        EACH_SCORE {
          scores[part][i][j] = -log_sum[part][j / 2];
          slopes[part][i][j] = -product[part][j / 2];
        }
        multiply_scores(scores, rows, keys, n - chunk);
        multiply_scores(slopes, gradients, values, n - chunk);
        if (n + 31 > first) EACH_SCORE if (POSITION > ROW) scores[part][i][j] = NOTHING;
        EACH_SCORE scores[part][i][j] = fast_exp2(scores[part][i][j]) * slopes[part][i][j];
        multiply_positions(sums, scores, keys, n - chunk);
      }
    }
    store_turned_back(dy + (q - y), sums, angles, first, SCALE);
  }
}

// -> the gradients of keys and values
KERNEL __launch_bounds__(THREADS, BLOCKS) attention_dkv(const u16* y, const float2* angles, const u16* d,
    const float* log_sums, const float* delta, u16* dy) {
  extern __shared__ __align__(128) char shared[];
  u16* queries = (u16*)shared;
  u16* gradients = queries + CHUNK * STRIDE;
  float* log_sum = (float*)(gradients + CHUNK * STRIDE);
  float* product = log_sum + CHUNK;
  int sequence = blockIdx.x / HEADS, head = blockIdx.x % HEADS, loaded = -1;
  const u16* q = y + (i64)sequence * LENGTH * Y_STRIDE + head * HEAD_DIM;
#pragma unroll 1
  for (int group = 0; group * GROUP_ROWS < LENGTH; group++) {
    int first = first_row(group);
    Operand keys, values;
    load_rows_turned(keys, q + WIDTH, angles, first, 1.f);
    load_rows(values, q + 2 * WIDTH, Y_STRIDE, first);
    Sums dk = {}, dv = {};
#pragma unroll 1
    for (int chunk = group * GROUP_ROWS / CHUNK * CHUNK; chunk < LENGTH; chunk += CHUNK) {
      if (chunk != loaded) {
        __syncthreads();
        load_chunk(gradients, d + (i64)sequence * LENGTH * F_STRIDE + head * HEAD_DIM, F_STRIDE, chunk);
        load_chunk_turned(queries, q, angles, chunk, SCALE * LOG2_E);
        for (int i = threadIdx.x; i < CHUNK; i += THREADS) {
          bool within = chunk + i < LENGTH;
          log_sum[i] = within ? -log_sums[blockIdx.x * LENGTH + chunk + i] : NOTHING;
          product[i] = within ? -delta[blockIdx.x * LENGTH + chunk + i] : 0.f;
        }
        wait_for_copies<0>();
        __syncthreads();
        loaded = chunk;
      }
#pragma unroll 1
      for (int n = max(first / 32 * 32, chunk); n < min(LENGTH, chunk + CHUNK); n += 32) {
        Scores scores, slopes;
#pragma unroll
        for (int i = 0; i < 4; i++) {
          int at = n - chunk + i * 8 + LANE % 4 * 2;
#pragma unroll
          for (int part = 0; part < PARTS; part++) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
              scores[part][i][j] = log_sum[at + j % 2];
              slopes[part][i][j] = product[at + j % 2];
            }
          }
        }
        multiply_scores(scores, keys, queries, n - chunk);
        multiply_scores(slopes, values, gradients, n - chunk);
        if (n < first + ROWS) EACH_SCORE if (POSITION < ROW) scores[part][i][j] = NOTHING;
        EACH_SCORE scores[part][i][j] = fast_exp2(scores[part][i][j]);
        multiply_positions(dv, scores, gradients, n - chunk);
        EACH_SCORE scores[part][i][j] *= slopes[part][i][j];
        multiply_positions(dk, scores, queries, n - chunk);
      }
    }
    // queries were scaled by SCALE log2(e), of which the latter was for exp2
    store_turned_back(dy + (q - y) + WIDTH, dk, angles, first, LN_2);
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        int row = first + part * 16 + half * 8 + LANE / 4;
        if (row >= LENGTH) continue;
#pragma unroll
        for (int i = 0; i < HEAD_DIM / 8; i++) {
          float* x = dv[part][i] + 2 * half;
          *(u32*)(dy + (q - y) + 2 * WIDTH + (i64)row * Y_STRIDE + i * 8 + LANE % 4 * 2) = pack(x[0], x[1]);
        }
      }
    }
  }
}
