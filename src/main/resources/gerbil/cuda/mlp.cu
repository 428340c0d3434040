// GELU between the MLP's two products, forward and backward, with its bias: of columns 3 WIDTH on of y (rows, 7 WIDTH),
// to columns WIDTH on of f (rows, 5 WIDTH); in the backward pass from the gradient d of f to that of y. By tanh, as in
// GPT-J (Hendrycks and Gimpel 2016), which is x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)).
//
// A thread has eight columns, 16 bytes. Constants: FLOAT16; WIDTH, 16 to 256, a power of two. Shared memory of the
// backward pass: 8 KB.
#define THREADS 256
#define COLUMNS (4 * WIDTH)
#define THREADS_A_ROW (COLUMNS / 8)
#define ROWS (THREADS / THREADS_A_ROW)
#define FACTOR 1.5957691216057308f // 2 sqrt(2 / pi)
#define CUBE 0.044715f

DEVICE float sigmoid(float x) {
  return fast_reciprocal(1.f + fast_exp2(-LOG2_E * FACTOR * (x + CUBE * x * x * x)));
}

DEVICE u32 gelu_of(u32 pair, float bias1, float bias2) {
  float a = first_of(pair) + bias1, b = second_of(pair) + bias2;
  return pack(a * sigmoid(a), b * sigmoid(b));
}

DEVICE float slope(float x) {
  float s = sigmoid(x);
  return s + x * s * (1.f - s) * (FACTOR * (1.f + 3.f * CUBE * x * x));
}

// bias (4 WIDTH)
KERNEL __launch_bounds__(THREADS) gelu(const u16* y, const float* bias, u16* f, int rows) {
  int row = blockIdx.x * ROWS + threadIdx.x / THREADS_A_ROW, column = threadIdx.x % THREADS_A_ROW * 8;
  if (row >= rows) return;
  const float4* b = (const float4*)(bias + column);
  uint4 x = *(const uint4*)(y + (i64)row * 7 * WIDTH + 3 * WIDTH + column);
  *(uint4*)(f + (i64)row * 5 * WIDTH + WIDTH + column) = {gelu_of(x.x, b[0].x, b[0].y), gelu_of(x.y, b[0].z, b[0].w),
      gelu_of(x.z, b[1].x, b[1].y), gelu_of(x.w, b[1].z, b[1].w)};
}

// The gradient before GELU, which is added to the bias's
DEVICE u32 gradient_of(u32 d, u32 pair, float bias1, float bias2, float* sums) {
  u32 both = pack(first_of(d) * slope(first_of(pair) + bias1), second_of(d) * slope(second_of(pair) + bias2));
  sums[0] += first_of(both);
  sums[1] += second_of(both);
  return both;
}

// -> dy, and sums (blocks, 4 WIDTH): what each block's rows add to the bias's gradient
KERNEL __launch_bounds__(THREADS) gelu_backward(const u16* y, const float* bias, const u16* d, u16* dy, float* sums,
    int rows) {
  extern __shared__ __align__(128) char shared[];
  float* all = (float*)shared; // (ROWS, COLUMNS)
  int group = threadIdx.x / THREADS_A_ROW, column = threadIdx.x % THREADS_A_ROW * 8;
  float4 b1 = *(const float4*)(bias + column), b2 = *(const float4*)(bias + column + 4);
  float own[8] = {};
#pragma unroll 4
  for (int row = blockIdx.x * ROWS + group; row < rows; row += gridDim.x * ROWS) {
    uint4 x = *(const uint4*)(y + (i64)row * 7 * WIDTH + 3 * WIDTH + column);
    uint4 e = *(const uint4*)(d + (i64)row * 5 * WIDTH + WIDTH + column);
    *(uint4*)(dy + (i64)row * 7 * WIDTH + 3 * WIDTH + column) = {gradient_of(e.x, x.x, b1.x, b1.y, own),
        gradient_of(e.y, x.y, b1.z, b1.w, own + 2), gradient_of(e.z, x.z, b2.x, b2.y, own + 4),
        gradient_of(e.w, x.w, b2.z, b2.w, own + 6)};
  }
#pragma unroll
  for (int i = 0; i < 8; i++) all[group * COLUMNS + column + i] = own[i];
  __syncthreads();
  for (int i = threadIdx.x; i < COLUMNS; i += THREADS) {
    float sum = 0.f;
    for (int j = 0; j < ROWS; j++) sum += all[j * COLUMNS + i];
    sums[(i64)blockIdx.x * COLUMNS + i] = sum;
  }
}
