// Sums of rows that belong together, in a fixed order, where adding as threads arrive would give other bits each time:
// out (entries, WIDTH) of entry e is the sum of rows order[offsets[e]] to order[offsets[e + 1] - 1] of x, counts
// (entries), if it is not null, how many they are.
//
// A block has eight entries, a warp for each; one with many rows is shared out among the eight. LANES lanes have a row,
// four numbers in VECTORS places each. Constants: FLOAT16, which does not matter; WIDTH, 16 to 256, a power of two.
// Shared memory: 32 WIDTH bytes.
#define WARPS 8
#define LANES (WIDTH / 4 < 32 ? WIDTH / 4 : 32)
#define VECTORS (WIDTH / (4 * LANES))
#define ROWS (32 / LANES)
#define MANY 64
#define EACH_VECTOR _Pragma("unroll") for (int i = 0; i < VECTORS; i++)

DEVICE void add(float4& to, float4 x) {
  to = {to.x + x.x, to.y + x.y, to.z + x.z, to.w + x.w};
}

// The sum of some rows, in all lanes
DEVICE void sum_rows(float4* sum, const float* x, const i64* order, int begin, int end) {
  EACH_VECTOR sum[i] = {};
#pragma unroll 4
  for (int at = begin + LANE / LANES; at < end; at += ROWS) {
    const float4* row = (const float4*)(x + order[at] * WIDTH) + LANE % LANES;
    EACH_VECTOR add(sum[i], row[i * LANES]);
  }
  EACH_VECTOR {
#pragma unroll
    for (int mask = LANES; mask < 32; mask *= 2) {
      add(sum[i], {exchange(sum[i].x, mask), exchange(sum[i].y, mask), exchange(sum[i].z, mask),
          exchange(sum[i].w, mask)});
    }
  }
}

KERNEL __launch_bounds__(32 * WARPS) segment_sum(const float* x, const i64* order, const int* offsets, int entries,
    float* out, float* counts) {
  extern __shared__ __align__(128) char shared[];
  float4* all = (float4*)shared; // (WARPS, WIDTH / 4)
  float4 sum[VECTORS];
  int first = blockIdx.x * WARPS, own = first + WARP;
  int begin = offsets[min(own, entries)], count = offsets[min(own + 1, entries)] - begin;
  if (own < entries && count <= MANY) {
    sum_rows(sum, x, order, begin, begin + count);
    if (LANE < LANES) EACH_VECTOR ((float4*)(out + (i64)own * WIDTH))[i * LANES + LANE] = sum[i];
  }
  if (own < entries && counts && LANE == 0) counts[own] = (float)count;
#pragma unroll 1
  for (int entry = first; entry < min(first + WARPS, entries); entry++) {
    begin = offsets[entry];
    count = offsets[entry + 1] - begin;
    if (count <= MANY) continue;
    sum_rows(sum, x, order, begin + (int)((i64)count * WARP / WARPS), begin + (int)((i64)count * (WARP + 1) / WARPS));
    if (LANE < LANES) EACH_VECTOR all[WARP * (WIDTH / 4) + i * LANES + LANE] = sum[i];
    __syncthreads();
    if (threadIdx.x < WIDTH / 4) {
      float4 total = all[threadIdx.x];
      for (int warp = 1; warp < WARPS; warp++) add(total, all[warp * (WIDTH / 4) + threadIdx.x]);
      ((float4*)(out + (i64)entry * WIDTH))[threadIdx.x] = total;
    }
    __syncthreads();
  }
}
