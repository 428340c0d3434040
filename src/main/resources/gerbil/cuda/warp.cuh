// What a warp of 32 lanes does together, and arithmetic that C++ has no word for: the instructions of PTX that the
// kernels are made of. No header is included, so that NVRTC needs none.
//
// 16-bit numbers are u16, or two in a u32, the first in the lower half. With FLOAT16 they are float16, for which compute
// capability 7.5 is enough, else bfloat16, from 8.0 on. Sums are float.
typedef unsigned short u16;
typedef unsigned int u32;
typedef long long i64;

#ifndef EMULATED
#define DEVICE __device__ __forceinline__
#define KERNEL extern "C" __global__ void

DEVICE u32 shared_address(const void* p) {
  return (u32)__cvta_generic_to_shared(p);
}

// Four matrices of 8 x 8 from shared memory: lane l gives the address of row l % 8 of matrix l / 8, and receives of
// each matrix two numbers: row l / 4, columns 2 (l % 4) and the next. Rows are aligned to 16 bytes.
DEVICE void load_matrices(u32* r, const u16* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3},[%4];"
      : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_address(row)) : "memory");
}

// The same, of the transposed matrices
DEVICE void load_transposed(u32* r, const u16* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3},[%4];"
      : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_address(row)) : "memory");
}

#if FLOAT16 && __CUDA_ARCH__ < 800
#define MULTIPLY_8 "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5},{%6},{%0,%1,%2,%3};"
#elif FLOAT16
#define MULTIPLY_8 "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5},{%6},{%0,%1,%2,%3};"
#define MULTIPLY_16 "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
#else
#define MULTIPLY_8 "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5},{%6},{%0,%1,%2,%3};"
#define MULTIPLY_16 "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
#endif

// c += a b, with a of 16 x 8 and b of 8 x 8. Of a lane l hold a[0] row l / 4 and a[1] row l / 4 + 8, columns 2 (l % 4)
// and the next; b rows 2 (l % 4) and the next of column l / 4; c as a, two floats for each.
DEVICE void multiply_add_8(float* c, u32 a0, u32 a1, u32 b) {
  asm(MULTIPLY_8 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a0), "r"(a1), "r"(b));
}

// c += a b, with a of 16 x 16, whose second eight columns are in a[2] and a[3], and b of 16 x 8, whose second eight rows
// are in b1
DEVICE void multiply_add(float* c, const u32* a, u32 b0, u32 b1) {
#ifdef MULTIPLY_16
  asm(MULTIPLY_16 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  multiply_add_8(c, a[0], a[1], b0);
  multiply_add_8(c, a[2], a[3], b1);
#endif
}

DEVICE u32 pack(float first, float second) {
  u32 both;
#if FLOAT16 && __CUDA_ARCH__ < 800
  asm("{.reg .f16 l,h; cvt.rn.f16.f32 l,%1; cvt.rn.f16.f32 h,%2; mov.b32 %0,{l,h};}"
      : "=r"(both) : "f"(first), "f"(second));
#elif FLOAT16
  asm("cvt.rn.f16x2.f32 %0,%1,%2;" : "=r"(both) : "f"(second), "f"(first));
#else
  asm("cvt.rn.bf16x2.f32 %0,%1,%2;" : "=r"(both) : "f"(second), "f"(first));
#endif
  return both;
}

DEVICE float first_of(u32 both) {
#if FLOAT16
  float f;
  asm("{.reg .f16 l,h; mov.b32 {l,h},%1; cvt.f32.f16 %0,l;}" : "=f"(f) : "r"(both));
  return f;
#else
  return __uint_as_float(both << 16);
#endif
}

DEVICE float second_of(u32 both) {
#if FLOAT16
  float f;
  asm("{.reg .f16 l,h; mov.b32 {l,h},%1; cvt.f32.f16 %0,h;}" : "=f"(f) : "r"(both));
  return f;
#else
  return __uint_as_float(both & 0xffff0000u);
#endif
}

// To about two units of the last place
DEVICE float fast_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0,%1;" : "=f"(y) : "f"(x));
  return y;
}

DEVICE float fast_log2(float x) {
  float y;
  asm("lg2.approx.f32 %0,%1;" : "=f"(y) : "f"(x));
  return y;
}

DEVICE float fast_rsqrt(float x) {
  float y;
  asm("rsqrt.approx.f32 %0,%1;" : "=f"(y) : "f"(x));
  return y;
}

DEVICE float fast_reciprocal(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0,%1;" : "=f"(y) : "f"(x));
  return y;
}

// Begins to copy 16 bytes to shared memory; both addresses are aligned to as many. Below 8.0 it is done at once.
DEVICE void copy_16_bytes(void* to, const void* from) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0],[%1],16;" :: "r"(shared_address(to)), "l"(from) : "memory");
#else
  *(uint4*)to = *(const uint4*)from;
#endif
}

// Ends a group of copies
DEVICE void end_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until this thread's copies are done, but for the last groups begun
template <int LAST> DEVICE void wait_for_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" :: "n"(LAST) : "memory");
#endif
}

// The number of the lane whose own differs from this one's in the bits of a mask
DEVICE float exchange(float x, int mask) {
  return __shfl_xor_sync(0xffffffffu, x, mask);
}

DEVICE bool any_lane(bool b) {
  return __any_sync(0xffffffffu, b);
}
#endif

// The sum of x over lanes that differ in bits below a power of two
DEVICE float sum_of_lanes(float x, int lanes) {
#pragma unroll
  for (int mask = lanes / 2; mask > 0; mask >>= 1) x += exchange(x, mask);
  return x;
}

DEVICE float max_of_lanes(float x, int lanes) {
#pragma unroll
  for (int mask = lanes / 2; mask > 0; mask >>= 1) x = fmaxf(x, exchange(x, mask));
  return x;
}

#define LANE ((int)threadIdx.x & 31)
#define WARP ((int)threadIdx.x >> 5)
#define LOG2_E 1.4426950408889634f
#define LN_2 0.6931471805599453f
// Of a logarithm: that of nothing, from which any number can still be taken
#define NOTHING (-1e30f)
