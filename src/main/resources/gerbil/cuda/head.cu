// The head's cross-entropy and its gradients, with logits that are computed tile by tile, used, and never in memory (as
// in cut cross-entropy, Wijmans et al. 2024): of rows h of the batch, with targets t, and entries w, b of the vocabulary
//
//   z = h w' + b,  L = log sum exp z,  p = exp(z - L),  loss = L - z[t],  dh = p w - w[t],  dw = p' h - sum h of t
//
// and db as dw, with ones for h. What concerns a row's own target is exact in float: it dominates the gradient. All
// else is of 16-bit h and w. Logarithms are to base 2: h and b come times log2(e).
//
// Both kernels have the same form. A block of 128 threads owns 128 rows of one matrix, 32 a warp, in registers or, with
// OWN_SHARED, in shared memory. Tiles of TILE rows of the other matrix pass through shared memory, one used while the
// next arrives; each row of WIDTH numbers is followed by eight that are not used, so that rows lie in different banks,
// and each tile by a float for each row. Of a tile 32 rows at a time are multiplied to scores, which stay in registers,
// and, once they are probabilities, multiplied with the same rows again.
//
// Constants: FLOAT16; WIDTH, a multiple of 16; TILE, a multiple of 32; OWN_SHARED; BLOCKS, at least on a multiprocessor.
// Shared memory: 2 TILE (2 (WIDTH + 8) + 4) bytes, and with OWN_SHARED 128 * 2 (WIDTH + 8).
#define WARPS 4
#define THREADS (32 * WARPS)
#define PARTS 2                    // of a warp's rows, 16 each, as multiply_add takes them
#define OWN_ROWS (16 * PARTS * WARPS)
#define STEP 32
#define STRIDE (WIDTH + 8)
#define DEPTH (WIDTH / 16)
#define TILE_BYTES (TILE * (STRIDE * 2 + 4))

// Powers of two that float16 needs: probabilities of a row are kept below 2^(SHIFT + ROOM), so that they do not
// overflow, and the largest at about 2^SHIFT, so that small ones do not vanish
#if FLOAT16
#define SHIFT 10.f
#define ROOM 4.f
#define ENTRY_SHIFT 14.f
#else
#define SHIFT 0.f
#define ROOM 16.f
#define ENTRY_SHIFT 0.f
#endif

DEVICE void copy_row(u16* to, const u16* from, int column) {
  copy_16_bytes(to + column * 8, from + column * 8);
}

// Begins to load the rows of a tile and the number that goes with each, into the room of those of its parity
DEVICE void load_tile(char* rooms, const u16* matrix, const float* values, i64 tile) {
  char* room = rooms + tile % 2 * TILE_BYTES;
  u16* rows = (u16*)room;
  const u16* from = matrix + tile * TILE * WIDTH;
#pragma unroll
  for (int i = threadIdx.x; i < TILE * (WIDTH / 8); i += THREADS) {
    copy_row(rows + i / (WIDTH / 8) * STRIDE, from + i / (WIDTH / 8) * WIDTH, i % (WIDTH / 8));
  }
  for (int i = threadIdx.x; i < TILE / 4; i += THREADS) {
    copy_16_bytes(room + TILE * STRIDE * 2 + i * 16, values + tile * TILE + i * 4);
  }
  end_copies();
}

// Waits for a tile, which is returned, and begins to load the one after it, if there is one
DEVICE const u16* next_tile(char* rooms, const u16* matrix, const float* values, int tile, int end) {
  wait_for_copies<0>();
  __syncthreads();
  if (tile + 1 < end) load_tile(rooms, matrix, values, tile + 1);
  return (const u16*)(rooms + tile % 2 * TILE_BYTES);
}

// A warp's rows, as the left operand of products
struct Own {
#if OWN_SHARED
  const u16* rows;
  DEVICE void get(u32* a, int part, int k) {
    load_matrices(a, rows + (part * 16 + (LANE & 15)) * STRIDE + k * 16 + (LANE >> 4) * 8);
  }
#else
  u32 numbers[PARTS][DEPTH][4];
  DEVICE void get(u32* a, int part, int k) {
#pragma unroll
    for (int i = 0; i < 4; i++) a[i] = numbers[part][k][i];
  }
#endif
};

// The rows of a block from first on, for which there is room behind the tiles; past the last it is the last again
DEVICE void load_own(Own& own, char* room, const u16* matrix, int first, int rows) {
#if OWN_SHARED
  for (int i = threadIdx.x; i < OWN_ROWS * (WIDTH / 8); i += THREADS) {
    int row = i / (WIDTH / 8);
    copy_row((u16*)room + row * STRIDE, matrix + (i64)min(first + row, rows - 1) * WIDTH, i % (WIDTH / 8));
  }
  end_copies();
  own.rows = (const u16*)room + WARP * 16 * PARTS * STRIDE;
#else
#pragma unroll
  for (int part = 0; part < PARTS; part++) {
    int row = first + (WARP * PARTS + part) * 16 + LANE / 4;
    const u32* upper = (const u32*)(matrix + (i64)min(row, rows - 1) * WIDTH) + LANE % 4;
    const u32* lower = (const u32*)(matrix + (i64)min(row + 8, rows - 1) * WIDTH) + LANE % 4;
#pragma unroll
    for (int k = 0; k < DEPTH; k++) {
      own.numbers[part][k][0] = upper[k * 8];
      own.numbers[part][k][1] = lower[k * 8];
      own.numbers[part][k][2] = upper[k * 8 + 4];
      own.numbers[part][k][3] = lower[k * 8 + 4];
    }
  }
#endif
}

// scores = own rows times rows of the tile from n on, plus the values of these
DEVICE void multiply_scores(float (*scores)[STEP / 8][4], Own& own, const u16* tile, const float* values, int n) {
#pragma unroll
  for (int i = 0; i < STEP / 8; i++) {
    float2 value = *(const float2*)(values + n + i * 8 + LANE % 4 * 2);
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
      scores[part][i][0] = scores[part][i][2] = value.x;
      scores[part][i][1] = scores[part][i][3] = value.y;
    }
  }
  const u16* row = tile + (n + LANE / 16 * 8 + LANE % 8) * STRIDE + LANE / 8 % 2 * 8;
#pragma unroll
  for (int k = 0; k < DEPTH; k++) {
    u32 a[PARTS][4], b[4];
#pragma unroll
    for (int part = 0; part < PARTS; part++) own.get(a[part], part, k);
#pragma unroll
    for (int i = 0; i < STEP / 16; i++) {
      load_matrices(b, row + i * 16 * STRIDE + k * 16);
#pragma unroll
      for (int part = 0; part < PARTS; part++) {
        multiply_add(scores[part][2 * i], a[part], b[0], b[1]);
        multiply_add(scores[part][2 * i + 1], a[part], b[2], b[3]);
      }
    }
  }
}

// sums += p times the 16 rows of the tile from n on
DEVICE void multiply_tile(float (*sums)[WIDTH / 8][4], u32 (*p)[4], const u16* tile, int n) {
  const u16* row = tile + (n + LANE / 8 % 2 * 8 + LANE % 8) * STRIDE + LANE / 16 * 8;
#pragma unroll
  for (int i = 0; i < WIDTH / 16; i++) {
    u32 b[4];
    load_transposed(b, row + i * 16);
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
      multiply_add(sums[part][2 * i], p[part], b[0], b[1]);
      multiply_add(sums[part][2 * i + 1], p[part], b[2], b[3]);
    }
  }
}

// total += 2^(score - reference), of scores with rows of the tile from n on, and sums += these powers times the rows
DEVICE void add_powers(float (*scores)[STEP / 8][4], float (*reference)[2], float (*total)[2],
    float (*sums)[WIDTH / 8][4], const u16* tile, int n) {
#pragma unroll
  for (int k = 0; k < STEP / 16; k++) {
    u32 p[PARTS][4];
#pragma unroll
    for (int part = 0; part < PARTS; part++) {
#pragma unroll
      for (int j = 0; j < 4; j++) {
        float* x = scores[part][2 * k + j / 2] + 2 * (j % 2);
        float one = fast_exp2(x[0] - reference[part][j % 2]), two = fast_exp2(x[1] - reference[part][j % 2]);
        total[part][j % 2] += one + two;
        p[part][j] = pack(one, two);
      }
    }
    multiply_tile(sums, p, tile, n + k * 16);
  }
}

// Where a row's largest score has grown past the room above its reference, the reference follows, and what was summed
// with the old one is brought to the new
DEVICE void follow_largest(float (*scores)[STEP / 8][4], float (*reference)[2], float (*total)[2],
    float (*sums)[WIDTH / 8][4]) {
  float largest[PARTS][2];
  bool outgrown = false;
#pragma unroll
  for (int part = 0; part < PARTS; part++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float x = NOTHING;
#pragma unroll
      for (int i = 0; i < STEP / 8; i++) x = fmaxf(x, fmaxf(scores[part][i][2 * half], scores[part][i][2 * half + 1]));
      largest[part][half] = x;
      outgrown = outgrown || x > reference[part][half] + (SHIFT + ROOM);
    }
  }
  if (!any_lane(outgrown)) return;
#pragma unroll
  for (int part = 0; part < PARTS; part++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float to = fmaxf(reference[part][half], max_of_lanes(largest[part][half], 4) - SHIFT);
      float by = fast_exp2(reference[part][half] - to);
      reference[part][half] = to;
      total[part][half] *= by;
#pragma unroll
      for (int i = 0; i < WIDTH / 8; i++) {
        sums[part][i][2 * half] *= by;
        sums[part][i][2 * half + 1] *= by;
      }
    }
  }
}

// Rows of the batch own, entries pass. h (rows, WIDTH), times log2(e), and w (TILE tiles, WIDTH), 16 bits; b (TILE
// tiles), times log2(e), NOTHING past the vocabulary; exact_h, exact_w, exact_b: h, w and b in float, unscaled; targets
// (rows); learned (rows): 1, or 0 where the target does not count -> losses (rows); log_sums (rows): minus log2 of the
// sum of exp z, or NOTHING where the target does not count; dh (rows, WIDTH): times gradient_scale.
KERNEL __launch_bounds__(THREADS, BLOCKS) head_rows(const u16* h, const u16* w, const float* b, int rows, int tiles,
    const float* exact_h, const float* exact_w, const float* exact_b, const i64* targets, const float* learned,
    float gradient_scale, float* losses, float* log_sums, float* dh) {
  extern __shared__ __align__(128) char shared[];
  int first = blockIdx.x * OWN_ROWS;
  Own own;
  load_own(own, shared + 2 * TILE_BYTES, h, first, rows);
  float sums[PARTS][WIDTH / 8][4] = {}, total[PARTS][2] = {}, reference[PARTS][2];
#pragma unroll
  for (int part = 0; part < PARTS; part++) reference[part][0] = reference[part][1] = NOTHING;
  load_tile(shared, w, b, 0);
  for (int i = 0; i < tiles; i++) {
    const u16* tile = next_tile(shared, w, b, i, tiles);
    const float* values = (const float*)(tile + TILE * STRIDE);
#pragma unroll 1
    for (int n = 0; n < TILE; n += STEP) {
      float scores[PARTS][STEP / 8][4];
      multiply_scores(scores, own, tile, values, n);
      follow_largest(scores, reference, total, sums);
      add_powers(scores, reference, total, sums, tile, n);
    }
  }
#pragma unroll
  for (int part = 0; part < PARTS; part++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = first + (WARP * PARTS + part) * 16 + half * 8 + LANE / 4;
      bool within = row < rows;
      i64 at = within ? row : rows - 1, target = targets[at];
      float sum = sum_of_lanes(total[part][half], 4), log_sum = reference[part][half] + fast_log2(sum);
      float counts = learned[at], scale = counts * gradient_scale, logit = 0.f;
#pragma unroll
      for (int i = 0; i < WIDTH / 8; i++) {
        int column = i * 8 + LANE % 4 * 2;
        float2 x = *(const float2*)(exact_h + at * WIDTH + column), y = *(const float2*)(exact_w + target * WIDTH + column);
        float* p = sums[part][i] + 2 * half;
        logit += x.x * y.x + x.y * y.y;
        if (within) *(float2*)(dh + at * WIDTH + column) = {scale * (p[0] / sum - y.x), scale * (p[1] / sum - y.y)};
      }
      logit = sum_of_lanes(logit, 4) + exact_b[target];
      if (within && LANE % 4 == 0) {
        losses[row] = counts * (log_sum * LN_2 - logit);
        log_sums[row] = counts != 0.f ? -log_sum : NOTHING;
      }
    }
  }
}

// Entries of the vocabulary own, rows of the batch pass. h (TILE tiles, WIDTH) and log_sums (TILE tiles), NOTHING past
// the batch, as above; w (entries, WIDTH), b (entries); target_h (entries, WIDTH), target_counts (entries): the sum of
// the rows whose target an entry is, and how many they are -> dw (parts, entries, WIDTH), db (parts, entries), where
// the grid's y is a part of the tiles, whose own sums are.
KERNEL __launch_bounds__(THREADS, BLOCKS) head_entries(const u16* h, const u16* w, const float* b, int entries,
    int tiles, const float* log_sums, const float* target_h, const float* target_counts, float* dw, float* db) {
  extern __shared__ __align__(128) char shared[];
  int first = blockIdx.x * OWN_ROWS, part_of_tiles = blockIdx.y;
  int begin = (int)((i64)tiles * part_of_tiles / gridDim.y), end = (int)((i64)tiles * (part_of_tiles + 1) / gridDim.y);
  Own own;
  load_own(own, shared + 2 * TILE_BYTES, w, first, entries);
  float sums[PARTS][WIDTH / 8][4] = {}, total[PARTS][2] = {}, reference[PARTS][2];
#pragma unroll
  for (int part = 0; part < PARTS; part++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = first + (WARP * PARTS + part) * 16 + half * 8 + LANE / 4;
      reference[part][half] = -b[min(row, entries - 1)] - ENTRY_SHIFT;
    }
  }
  if (begin < end) load_tile(shared, h, log_sums, begin);
  for (int i = begin; i < end; i++) {
    const u16* tile = next_tile(shared, h, log_sums, i, end);
    const float* values = (const float*)(tile + TILE * STRIDE);
#pragma unroll 1
    for (int n = 0; n < TILE; n += STEP) {
      float scores[PARTS][STEP / 8][4];
      multiply_scores(scores, own, tile, values, n);
      add_powers(scores, reference, total, sums, tile, n);
    }
  }
  wait_for_copies<0>(); // of a part without tiles
  float scale = fast_exp2(-ENTRY_SHIFT);
#pragma unroll
  for (int part = 0; part < PARTS; part++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = first + (WARP * PARTS + part) * 16 + half * 8 + LANE / 4;
      float sum = sum_of_lanes(total[part][half], 4) * scale;
      if (row >= entries) continue;
      i64 at = (i64)part_of_tiles * entries + row;
      bool exact = part_of_tiles == 0;
      if (LANE % 4 == 0) db[at] = sum - (exact ? target_counts[row] : 0.f);
#pragma unroll
      for (int i = 0; i < WIDTH / 8; i++) {
        int column = i * 8 + LANE % 4 * 2;
        float* p = sums[part][i] + 2 * half;
        float2 own_target = {};
        if (exact) own_target = *(const float2*)(target_h + (i64)row * WIDTH + column);
        *(float2*)(dw + at * WIDTH + column) =
            {p[0] * (scale * LN_2) - own_target.x, p[1] * (scale * LN_2) - own_target.y};
      }
    }
  }
}
