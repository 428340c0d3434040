// The head's cross-entropy where cuBLAS's products are the faster: of logits z, to base 2, what the gradients are products
// of, in place, and the losses.
//
//   L = log2 sum 2^z,  loss = L ln(2) - own,  z becomes 2^(z - L), less 1 at the target; 0 where the target does not count
//
// A block has a row, a thread eight logits in VECTORS places, which are read once and stay in registers. Constants:
// FLOAT16; VECTORS, so that 8192 VECTORS are no fewer than the entries. Shared memory: 256 bytes.
#define THREADS 1024
#define WARPS (THREADS / 32)
#define EACH_VECTOR                                          \
  _Pragma("unroll") for (int i = 0; i < VECTORS; i++)        \
    if (int at = i * THREADS + (int)threadIdx.x; at < vectors)

DEVICE float larger_of(u32 pair) {
  return fmaxf(first_of(pair), second_of(pair));
}

DEVICE float power_sum(u32 pair, float shift) {
  return fast_exp2(first_of(pair) + shift) + fast_exp2(second_of(pair) + shift);
}

DEVICE u32 powers(u32 pair, float shift) {
  return pack(fast_exp2(first_of(pair) + shift), fast_exp2(second_of(pair) + shift));
}

// logits (rows, entries), entries a multiple of 8; of the rows from first on: own, the target's logit by itself, to base
// e; targets; learned: 1, or 0 where the target does not count -> losses
KERNEL __launch_bounds__(THREADS, 1) softmax(u16* logits, int entries, int first, const float* own,
    const i64* targets, const float* learned, float* losses) {
  extern __shared__ __align__(128) char shared[];
  float* largest = (float*)shared;
  float* sums = largest + WARPS;
  u16* z = logits + (i64)blockIdx.x * entries;
  int row = first + blockIdx.x, vectors = entries / 8;
  float at_target = first_of(z[targets[row]]), top = NOTHING, sum = 0.f;
  uint4 x[VECTORS];
  EACH_VECTOR {
    x[i] = ((const uint4*)z)[at];
    top = fmaxf(top, fmaxf(fmaxf(larger_of(x[i].x), larger_of(x[i].y)), fmaxf(larger_of(x[i].z), larger_of(x[i].w))));
  }
  top = max_of_lanes(top, 32);
  if (LANE == 0) largest[WARP] = top;
  __syncthreads();
  top = max_of_lanes(largest[LANE], 32);
  EACH_VECTOR sum += power_sum(x[i].x, -top) + power_sum(x[i].y, -top) + power_sum(x[i].z, -top) + power_sum(x[i].w, -top);
  sum = sum_of_lanes(sum, 32);
  if (LANE == 0) sums[WARP] = sum;
  __syncthreads();
  float log_sum = top + fast_log2(sum_of_lanes(sums[LANE], 32)), counts = learned[row];
  float shift = counts != 0.f ? -log_sum : NOTHING;
  EACH_VECTOR ((uint4*)z)[at] = {powers(x[i].x, shift), powers(x[i].y, shift), powers(x[i].z, shift), powers(x[i].w, shift)};
  __syncthreads();
  if (threadIdx.x == 0) {
    losses[row] = counts * (log_sum * LN_2 - own[row]);
    if (counts != 0.f) z[targets[row]] = (u16)pack(fast_exp2(at_target + shift) - 1.f, 0.f);
  }
}
