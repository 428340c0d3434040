// Runs CUDA's kernels on a processor, to test them without a GPU: what warp.cuh has as instructions, in C++, and of a
// block each thread a fiber, which goes on to where it waits for others. Shared memory begins as numbers that are none.
#define EMULATED 1
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <setjmp.h>
#include <ucontext.h>
#include <utility>

using std::max;
using std::min;

#define DEVICE inline
#define KERNEL static void
#define __launch_bounds__(...)
#define __shared__
#define __align__(n) __attribute__((aligned(n)))

struct alignas(8) uint2 { unsigned int x, y; };
struct alignas(16) uint4 { unsigned int x, y, z, w; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct dim3 { unsigned int x, y, z; };
static dim3 threadIdx, blockIdx, blockDim, gridDim;

static const int THREADS = 1024;
static const int STACK = 256 << 10;
static const int SHARED = 227 << 10;
// more than a block has, so that it is seen if one writes past its own
__attribute__((aligned(128))) char shared[SHARED + 1024];

struct Warp {
  int arrived, turn;
  const void* rows[32];
  unsigned int a[32][4], b[32][2];
  float numbers[32];
  bool flags[32];
};

static Warp warps[THREADS / 32];
static int arrived, turn;
static ucontext_t scheduler, fibers[THREADS];
// to go on with what has begun: jumps ask the system for nothing
static jmp_buf scheduler_now, fibers_now[THREADS];
static char* stacks[THREADS];
struct Copy {
  int group;
  void* to;
  const void* from;
};

static std::deque<Copy> copies[THREADS];
static int groups[THREADS];
static bool begun[THREADS], done[THREADS];
static std::function<void()> body;
static int shared_bytes;

static void require(bool holds, const char* otherwise) {
  if (holds) return;
  fprintf(stderr, "a block %s\n", otherwise);
  abort();
}

static void require_aligned(const void* p) {
  require((uintptr_t)p % 16 == 0, "copies from or to an address that is no multiple of 16");
}

static void give_way() {
  if (!_setjmp(fibers_now[threadIdx.x])) _longjmp(scheduler_now, 1);
}

static void wait_for(int& arrived, int& turn, int threads) {
  if (++arrived == threads) {
    arrived = 0;
    turn++;
  } else {
    for (int now = turn; turn == now;) give_way();
  }
}

static Warp& together() {
  Warp& warp = warps[threadIdx.x / 32];
  wait_for(warp.arrived, warp.turn, 32);
  return warp;
}

static void __syncthreads() {
  wait_for(arrived, turn, blockDim.x);
}

static void begin() {
  body();
  require(copies[threadIdx.x].empty(), "ends before its copies");
  done[threadIdx.x] = true;
  _longjmp(scheduler_now, 1);
}

static void run_block() {
  memset(shared, 0xff, sizeof shared);
  memset(warps, 0, sizeof warps);
  arrived = turn = 0;
  int left = blockDim.x;
  for (int t = 0; t < left; t++) {
    if (!stacks[t]) stacks[t] = (char*)malloc(STACK);
    begun[t] = done[t] = false;
    getcontext(&fibers[t]);
    fibers[t].uc_stack.ss_sp = stacks[t];
    fibers[t].uc_stack.ss_size = STACK;
    fibers[t].uc_link = &scheduler;
    makecontext(&fibers[t], begin, 0);
  }
  while (left > 0) {
    for (unsigned int t = 0; t < blockDim.x; t++) {
      if (done[t]) continue;
      threadIdx.x = t;
      if (!_setjmp(scheduler_now)) {
        if (begun[t]) _longjmp(fibers_now[t], 1);
        begun[t] = true;
        swapcontext(&scheduler, &fibers[t]);
      }
      t = threadIdx.x;
      left -= done[t];
    }
  }
  for (size_t i = shared_bytes; i < sizeof shared; i++) {
    require((unsigned char)shared[i] == 0xff, "wrote past its shared memory");
  }
}

template <class... A, size_t... I> static void call(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
  kernel(*(A*)arguments[I]...);
}

// As cuLaunchKernel: arguments are addresses of values
template <class... A> static void launch(void (*kernel)(A...), int x, int y, int threads, int bytes,
    void** arguments) {
  shared_bytes = bytes;
  body = [&] { call(kernel, arguments, std::index_sequence_for<A...>()); };
  gridDim = {(unsigned)x, (unsigned)y, 1};
  blockDim = {(unsigned)threads, 1, 1};
  for (blockIdx.y = 0; blockIdx.y < gridDim.y; blockIdx.y++) {
    for (blockIdx.x = 0; blockIdx.x < gridDim.x; blockIdx.x++) run_block();
  }
}

static float bits_as_float(unsigned int x) {
  float f;
  memcpy(&f, &x, 4);
  return f;
}

#if FLOAT16
static float widen(unsigned short x) {
  _Float16 h;
  memcpy(&h, &x, 2);
  return (float)h;
}

static unsigned short narrow(float f) {
  _Float16 h = (_Float16)f;
  unsigned short x;
  memcpy(&x, &h, 2);
  return x;
}
#else
static float widen(unsigned short x) {
  return bits_as_float((unsigned int)x << 16);
}

static unsigned short narrow(float f) {
  unsigned int x;
  memcpy(&x, &f, 4);
  return f == f ? (x + 0x7fff + ((x >> 16) & 1)) >> 16 : 0x7fff;
}
#endif

static unsigned int pack(float first, float second) {
  return narrow(first) | (unsigned int)narrow(second) << 16;
}

static float first_of(unsigned int both) {
  return widen(both & 0xffff);
}

static float second_of(unsigned int both) {
  return widen(both >> 16);
}

static void load(unsigned int* r, const unsigned short* row, bool transposed) {
  int l = threadIdx.x % 32;
  require_aligned(row);
  warps[threadIdx.x / 32].rows[l] = row;
  Warp& warp = together();
  for (int i = 0; i < 4; i++) {
    const unsigned short** rows = (const unsigned short**)warp.rows + 8 * i;
    int one = l / 4, two = 2 * (l % 4);
    r[i] = transposed ? rows[two][one] | (unsigned int)rows[two + 1][one] << 16
        : rows[one][two] | (unsigned int)rows[one][two + 1] << 16;
  }
  together();
}

static void load_matrices(unsigned int* r, const unsigned short* row) {
  load(r, row, false);
}

static void load_transposed(unsigned int* r, const unsigned short* row) {
  load(r, row, true);
}

static void multiply(float* c, const unsigned int* a, unsigned int b0, unsigned int b1, int depth) {
  int l = threadIdx.x % 32;
  Warp& own = warps[threadIdx.x / 32];
  memcpy(own.a[l], a, depth / 4 * 4);
  own.b[l][0] = b0;
  own.b[l][1] = b1;
  Warp& warp = together();
  for (int i = 0; i < 4; i++) {
    int row = l / 4, column = 2 * (l % 4) + i % 2;
    float sum = 0;
    for (int k = 0; k < depth; k++) {
      unsigned int x = warp.a[4 * row + k % 8 / 2][i / 2 + 2 * (k / 8)], y = warp.b[4 * column + k % 8 / 2][k / 8];
      sum += k % 2 ? second_of(x) * second_of(y) : first_of(x) * first_of(y);
    }
    c[i] += sum;
  }
  together();
}

static void multiply_add(float* c, const unsigned int* a, unsigned int b0, unsigned int b1) {
  multiply(c, a, b0, b1, 16);
}

static void multiply_add_8(float* c, unsigned int a0, unsigned int a1, unsigned int b) {
  unsigned int a[] = {a0, a1};
  multiply(c, a, b, 0, 8);
}

static float fast_exp2(float x) {
  return exp2f(x);
}

static float fast_log2(float x) {
  return log2f(x);
}

static float fast_rsqrt(float x) {
  return 1 / sqrtf(x);
}

static float fast_reciprocal(float x) {
  return 1 / x;
}

// Copies are done as late as may be, when they are waited for
static void copy_16_bytes(void* to, const void* from) {
  require_aligned(to);
  require_aligned(from);
  copies[threadIdx.x].push_back({groups[threadIdx.x], to, from});
}

static void end_copies() {
  groups[threadIdx.x]++;
}

template <int LAST> static void wait_for_copies() {
  std::deque<Copy>& own = copies[threadIdx.x];
  for (; !own.empty() && own.front().group < groups[threadIdx.x] - LAST; own.pop_front()) {
    memcpy(own.front().to, own.front().from, 16);
  }
}

static float exchange(float x, int mask) {
  int l = threadIdx.x % 32;
  warps[threadIdx.x / 32].numbers[l] = x;
  float other = together().numbers[l ^ mask];
  together();
  return other;
}

static bool any_lane(bool b) {
  warps[threadIdx.x / 32].flags[threadIdx.x % 32] = b;
  Warp& warp = together();
  bool any = false;
  for (bool flag : warp.flags) any = any || flag;
  together();
  return any;
}
