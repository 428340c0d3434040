// LayerNorm of the residual stream x (rows, WIDTH), in float, forward and backward, with what comes before and after it:
// the forward pass first adds what the layer before has made, the backward pass adds its gradient to the stream's.
//
// A row belongs to LANES lanes of a warp, which have four numbers in VECTORS places each. Constants: FLOAT16; WIDTH, 16
// to 256, a power of two. Shared memory of the backward pass: 12 KB, or 24 for a WIDTH of 256.
#define THREADS 256
#define LANES (WIDTH / 4 < 32 ? WIDTH / 4 : 32)
#define VECTORS (WIDTH / (4 * LANES))
#define ROWS (THREADS / LANES)
#define OWN_COLUMN ((i * LANES + (int)threadIdx.x % LANES) * 4)
#define EACH_VECTOR _Pragma("unroll") for (int i = 0; i < VECTORS; i++)

DEVICE float4 operator+(float4 a, float4 b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w};
}

DEVICE float4 operator*(float4 a, float4 b) {
  return {a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w};
}

// a times b, plus c
DEVICE float4 scaled(float4 a, float b, float c) {
  return {a.x * b + c, a.y * b + c, a.z * b + c, a.w * b + c};
}

DEVICE float sum_of(float4 a) {
  return a.x + a.y + a.z + a.w;
}

DEVICE float4 unpack(uint2 a) {
  return {first_of(a.x), second_of(a.x), first_of(a.y), second_of(a.y)};
}

DEVICE uint2 packed(float4 a) {
  return {pack(a.x, a.y), pack(a.z, a.w)};
}

// added (rows, WIDTH), 16 bits, and bias: what the layer before has made, or null -> sum (rows, WIDTH): x with it, if
// there is any; normed16 (rows, WIDTH): LayerNorm of that, times by; normed (rows, WIDTH): in float, unscaled, if it is
// not null; moments (rows): mean, and one over the standard deviation
KERNEL __launch_bounds__(THREADS) layer_norm(const float* x, const u16* added, const float* bias, const float* gain,
    const float* shift, float* sum, u16* normed16, float* normed, float2* moments, float by, int rows) {
  int row = blockIdx.x * ROWS + threadIdx.x / LANES;
  bool within = row < rows;
  i64 at = (i64)(within ? row : rows - 1) * WIDTH;
  float4 v[VECTORS];
  float total = 0.f, squares = 0.f;
  EACH_VECTOR {
    v[i] = *(const float4*)(x + at + OWN_COLUMN);
    if (added) {
      v[i] = v[i] + unpack(*(const uint2*)(added + at + OWN_COLUMN)) + *(const float4*)(bias + OWN_COLUMN);
      if (within) *(float4*)(sum + at + OWN_COLUMN) = v[i];
    }
    total += sum_of(v[i]);
  }
  float mean = sum_of_lanes(total, LANES) / WIDTH;
  EACH_VECTOR {
    v[i] = scaled(v[i], 1.f, -mean);
    squares += sum_of(v[i] * v[i]);
  }
  float inverse = fast_rsqrt(sum_of_lanes(squares, LANES) / WIDTH + 1e-5f);
  if (!within) return;
  if (threadIdx.x % LANES == 0) moments[row] = {mean, inverse};
  EACH_VECTOR {
    float4 y = scaled(v[i], inverse, 0.f) * *(const float4*)(gain + OWN_COLUMN) + *(const float4*)(shift + OWN_COLUMN);
    *(uint2*)(normed16 + at + OWN_COLUMN) = packed(scaled(y, by, 0.f));
    if (normed) *(float4*)(normed + at + OWN_COLUMN) = y;
  }
}

// x and moments as in the forward pass; d16 or d (rows, WIDTH), the other null: the gradient of LayerNorm's output;
// before (rows, WIDTH): the gradient of x from elsewhere, or null -> dx (rows, WIDTH), which may be before itself, and
// dx16; sums (blocks, 3, WIDTH): what each block's rows add to the gradients of gain and shift, and to the sum of dx
KERNEL __launch_bounds__(THREADS) layer_norm_backward(const float* x, const float2* moments, const float* gain,
    const u16* d16, const float* d, const float* before, float* dx, u16* dx16, float* sums, int rows) {
  extern __shared__ __align__(128) char shared[];
  float* all = (float*)shared; // (ROWS, 3, WIDTH)
  float4 d_gain[VECTORS] = {}, d_shift[VECTORS] = {}, d_sum[VECTORS] = {};
#pragma unroll 2
  for (int begin = blockIdx.x * ROWS; begin < rows; begin += gridDim.x * ROWS) {
    int row = begin + threadIdx.x / LANES;
    bool within = row < rows;
    i64 at = (i64)(within ? row : rows - 1) * WIDTH;
    float2 moment = moments[at / WIDTH];
    float4 v[VECTORS], e[VECTORS];
    float along1 = 0.f, along_v = 0.f;
    EACH_VECTOR {
      v[i] = scaled(*(const float4*)(x + at + OWN_COLUMN), moment.y, -moment.x * moment.y);
      e[i] = d16 ? unpack(*(const uint2*)(d16 + at + OWN_COLUMN)) : *(const float4*)(d + at + OWN_COLUMN);
      if (!within) e[i] = {};
      d_gain[i] = d_gain[i] + e[i] * v[i];
      d_shift[i] = d_shift[i] + e[i];
      e[i] = e[i] * *(const float4*)(gain + OWN_COLUMN);
      along1 += sum_of(e[i]);
      along_v += sum_of(e[i] * v[i]);
    }
    along1 = sum_of_lanes(along1, LANES) / WIDTH;
    along_v = sum_of_lanes(along_v, LANES) / WIDTH;
    if (within) EACH_VECTOR {
      float4 y = scaled(e[i] + scaled(v[i], -along_v, -along1), moment.y, 0.f);
      if (before) y = y + *(const float4*)(before + at + OWN_COLUMN);
      *(float4*)(dx + at + OWN_COLUMN) = y;
      *(uint2*)(dx16 + at + OWN_COLUMN) = packed(y);
      d_sum[i] = d_sum[i] + y;
    }
  }
  float* own = all + threadIdx.x / LANES * 3 * WIDTH;
  EACH_VECTOR {
    *(float4*)(own + OWN_COLUMN) = d_gain[i];
    *(float4*)(own + WIDTH + OWN_COLUMN) = d_shift[i];
    *(float4*)(own + 2 * WIDTH + OWN_COLUMN) = d_sum[i];
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 3 * WIDTH; i += THREADS) {
    float sum = 0.f;
    for (int j = 0; j < ROWS; j++) sum += all[j * 3 * WIDTH + i];
    sums[(i64)blockIdx.x * 3 * WIDTH + i] = sum;
  }
}
