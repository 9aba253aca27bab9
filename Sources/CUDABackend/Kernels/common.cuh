// Storage types, vector access and reductions that all kernels share. Needs no header: NVRTC may
// have none.
#ifndef LAB_COMMON_CUH
#define LAB_COMMON_CUH

#define DEVICE [[maybe_unused]] static __device__ __forceinline__

// MARK: One kernel for each storage type

#if defined(LAB_ONLY_F16) || defined(LAB_ONLY_BF16)
#define IF_F32(...)
#else
#define IF_F32(...) __VA_ARGS__
#endif
#if defined(LAB_ONLY_F32) || defined(LAB_ONLY_BF16)
#define IF_F16(...)
#else
#define IF_F16(...) __VA_ARGS__
#endif
#if defined(LAB_ONLY_F32) || defined(LAB_ONLY_F16)
#define IF_BF16(...)
#else
#define IF_BF16(...) __VA_ARGS__
#endif

/// Expands `KERNEL(type, suffix)` for the two half precisions, or for all three types.
#define FOR_HALVES(KERNEL) IF_F16(KERNEL(Half, _f16)) IF_BF16(KERNEL(BFloat16, _bf16))
#define FOR_TYPES(KERNEL) IF_F32(KERNEL(float, _f32)) FOR_HALVES(KERNEL)

/// Tensor cores with the shapes of mma.cuh: both half precisions from sm_80 on, float16 on sm_75.
#if defined(LAB_SIMT) || __CUDA_ARCH__ >= 800
#define LAB_TENSOR_CORES 1
#define LAB_TF32 1
#define FOR_TENSOR_TYPES FOR_HALVES
#elif __CUDA_ARCH__ >= 750
#define LAB_TENSOR_CORES 1
#define FOR_TENSOR_TYPES(KERNEL) IF_F16(KERNEL(Half, _f16))
#else
#define LAB_TENSOR_CORES 0
#endif

#define KERNEL(name, threads) extern "C" __global__ void __launch_bounds__(threads) name
/// One of which a multiprocessor shall hold so many blocks: the compiler keeps to the registers
/// that this leaves.
#define RESIDENT_KERNEL(name, threads, blocks) \
  extern "C" __global__ void __launch_bounds__(threads, blocks) name

// MARK: Numbers

struct Half {
  unsigned short bits;
};
struct BFloat16 {
  unsigned short bits;
};

#ifdef LAB_SIMT
#include "simt_half.hpp"
#else
DEVICE float to_float(Half x) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(x.bits));
  return value;
}

DEVICE void from_float(float value, Half &x) {
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(x.bits) : "f"(value));
}

/// Two numbers in one word, the first in the low half.
DEVICE unsigned pack(float low, float high, Half) {
  unsigned word;
#if __CUDA_ARCH__ >= 800
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
#else
  Half a, b;
  from_float(low, a);
  from_float(high, b);
  word = a.bits | (unsigned)b.bits << 16;
#endif
  return word;
}
#endif

DEVICE float to_float(float x) { return x; }
DEVICE float to_float(BFloat16 x) { return __uint_as_float((unsigned)x.bits << 16); }

DEVICE void from_float(float value, float &x) { x = value; }

/// Rounds to nearest even; keeps NaN, quiet.
DEVICE void from_float(float value, BFloat16 &x) {
#if !defined(LAB_SIMT) && __CUDA_ARCH__ >= 800
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(x.bits) : "f"(value));
#else
  const unsigned bits = __float_as_uint(value);
  x.bits = (unsigned short)((bits & 0x7FFFFFFFu) > 0x7F800000u
                                ? bits >> 16 | 0x40u
                                : (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
#endif
}

DEVICE unsigned pack(float low, float high, BFloat16) {
#if !defined(LAB_SIMT) && __CUDA_ARCH__ >= 800
  unsigned word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
#else
  BFloat16 a, b;
  from_float(low, a);
  from_float(high, b);
  return a.bits | (unsigned)b.bits << 16;
#endif
}

DEVICE void unpack(unsigned word, float *to, Half) {
  to[0] = to_float(Half{(unsigned short)word});
  to[1] = to_float(Half{(unsigned short)(word >> 16)});
}

DEVICE void unpack(unsigned word, float *to, BFloat16) {
  to[0] = __uint_as_float(word << 16);
  to[1] = __uint_as_float(word & 0xFFFF0000u);
}

/// 2^x within two units in the last place, 0 below 2^-126: one instruction, where exp2f takes care
/// of subnormal results.
DEVICE float power_of_2(float x) {
#ifdef LAB_SIMT
  return exp2f(x);
#else
  float value;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(value) : "f"(x));
  return value;
#endif
}

/// The logarithm to base 2 of a normal number, within 2^-22: one instruction.
DEVICE float log_2(float x) {
#ifdef LAB_SIMT
  return log2f(x);
#else
  float value;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(value) : "f"(x));
  return value;
#endif
}

// MARK: Eight consecutive numbers, aligned to 16 bytes

/// Eight numbers as they are stored: registers hold twice as many of half the size.
template <typename T>
struct Eight {
  uint4 words;
};
template <>
struct Eight<float> {
  float4 low, high;
};

DEVICE Eight<float> read8(const float *from) {
  return Eight<float>{*(const float4 *)from, *(const float4 *)(from + 4)};
}

template <typename T>
DEVICE Eight<T> read8(const T *from) {
  return Eight<T>{*(const uint4 *)from};
}

DEVICE void write8(float *to, Eight<float> x) {
  *(float4 *)to = x.low;
  *(float4 *)(to + 4) = x.high;
}

template <typename T>
DEVICE void write8(T *to, Eight<T> x) {
  *(uint4 *)to = x.words;
}

DEVICE void unpack(Eight<float> x, float (&to)[8]) {
  to[0] = x.low.x, to[1] = x.low.y, to[2] = x.low.z, to[3] = x.low.w;
  to[4] = x.high.x, to[5] = x.high.y, to[6] = x.high.z, to[7] = x.high.w;
}

template <typename T>
DEVICE void unpack(Eight<T> x, float (&to)[8]) {
  unpack(x.words.x, to, T()), unpack(x.words.y, to + 2, T());
  unpack(x.words.z, to + 4, T()), unpack(x.words.w, to + 6, T());
}

DEVICE Eight<float> pack(const float (&from)[8], float) {
  return Eight<float>{float4{from[0], from[1], from[2], from[3]},
                      float4{from[4], from[5], from[6], from[7]}};
}

template <typename T>
DEVICE Eight<T> pack(const float (&from)[8], T) {
  return Eight<T>{uint4{pack(from[0], from[1], T()), pack(from[2], from[3], T()),
                        pack(from[4], from[5], T()), pack(from[6], from[7], T())}};
}

template <typename T>
DEVICE void load8(const T *from, float (&to)[8]) {
  unpack(read8(from), to);
}

template <typename T>
DEVICE void store8(T *to, const float (&from)[8]) {
  write8(to, pack(from, T()));
}

// MARK: Four consecutive numbers, aligned to their size

DEVICE float4 load4(const float *from) { return *(const float4 *)from; }

template <typename T>
DEVICE float4 load4(const T *from) {
  const uint2 words = *(const uint2 *)from;
  float to[4];
  unpack(words.x, to, T()), unpack(words.y, to + 2, T());
  return float4{to[0], to[1], to[2], to[3]};
}

DEVICE float dot(float4 a, float4 b, float sum) {
  return sum + a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w;
}

// MARK: Threads

#define ALL_LANES 0xFFFFFFFFu
#define NEGATIVE_INFINITY __uint_as_float(0xFF800000u)

DEVICE int lane_index() { return threadIdx.x & 31; }
DEVICE int warp_index() { return threadIdx.x >> 5; }

/// The same sum in every lane, whatever the lane.
DEVICE float warp_sum(float x) {
  for (int distance = 16; distance > 0; distance >>= 1)
    x += __shfl_xor_sync(ALL_LANES, x, distance);
  return x;
}

DEVICE float warp_max(float x) {
  for (int distance = 16; distance > 0; distance >>= 1)
    x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, distance));
  return x;
}

/// A reduction over the block, in every thread; `shared` holds a number for each warp.
DEVICE float block_sum(float x, float *shared) {
  x = warp_sum(x);
  __syncthreads();
  if (lane_index() == 0) shared[warp_index()] = x;
  __syncthreads();
  float sum = 0;
  for (int warp = 0; warp < (int)(blockDim.x >> 5); warp++) sum += shared[warp];
  return sum;
}

DEVICE float block_max(float x, float *shared) {
  x = warp_max(x);
  __syncthreads();
  if (lane_index() == 0) shared[warp_index()] = x;
  __syncthreads();
  float maximum = shared[0];
  for (int warp = 1; warp < (int)(blockDim.x >> 5); warp++) maximum = fmaxf(maximum, shared[warp]);
  return maximum;
}

// MARK: Kernels that overlap

/// Waits until everything that the kernel before has written is there, in a launch that may begin
/// before that kernel has ended (programmatic dependent launch). Comes before the first access to
/// memory that any kernel writes.
#ifndef LAB_SIMT
#if __CUDA_ARCH__ >= 900
DEVICE void wait_for_previous() { asm volatile("griddepcontrol.wait;" ::: "memory"); }
/// Lets the next kernel begin as soon as all blocks have come here; it waits for their results by
/// itself.
DEVICE void let_next_start() { asm volatile("griddepcontrol.launch_dependents;" ::: "memory"); }
#else
DEVICE void wait_for_previous() {}
DEVICE void let_next_start() {}
#endif
#endif

/// The dynamic shared memory of the launch.
#ifndef LAB_SIMT
DEVICE void *shared_memory() {
  extern __shared__ __align__(128) unsigned char memory[];
  return memory;
}
#endif

#endif
