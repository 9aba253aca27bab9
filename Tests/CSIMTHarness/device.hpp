// What CUDA gives device code, on the processor: included before a kernel file.
#pragma once

#include <math.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "machine.hpp"

#define LAB_SIMT 1
#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) alignas(bytes)

#define threadIdx (simt::Machine::current().thread().index)
#define blockIdx (simt::Machine::current().block_index)
#define blockDim (simt::Machine::current().block_extent)
#define gridDim (simt::Machine::current().grid_extent)


struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };

static inline float rsqrtf(float x) { return 1 / sqrtf(x); }
static inline float __fdividef(float a, float b) { return a / b; }
static inline int min(int a, int b) { return a < b ? a : b; }
static inline int max(int a, int b) { return a > b ? a : b; }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline unsigned __float_as_uint(float x) { unsigned bits; std::memcpy(&bits, &x, 4); return bits; }
static inline float __uint_as_float(unsigned bits) { float x; std::memcpy(&x, &bits, 4); return x; }

[[noreturn]] static inline void __trap() { simt::Machine::current().trap("the kernel stopped itself"); }
static inline void __syncthreads() { simt::Machine::current().barrier(); }

static inline void __syncwarp(unsigned mask = 0xFFFFFFFFu) {
  simt::Machine::current().meet("__syncwarp", mask, nullptr, [](void *const *, unsigned) {});
}

namespace simt {

template <typename T>
struct Exchange {
  T in, out;
  int lane;
};

/// `out` of each lane becomes `in` of the lane that it names.
template <typename T>
T exchange(const char *operation, unsigned mask, T value, int lane) {
  Exchange<T> mine{value, T(), lane};
  Machine::current().meet(operation, mask, &mine, [](void *const *lanes, unsigned mask) {
    for (int i = 0; i < 32; i++)
      if (mask >> i & 1) {
        auto *own = static_cast<Exchange<T> *>(lanes[i]);
        const bool there = own->lane >= 0 && own->lane < 32 && mask >> own->lane & 1;
        own->out = there ? static_cast<Exchange<T> *>(lanes[own->lane])->in : own->in;
      }
  });
  return mine.out;
}

inline int lane() { return int(Machine::current().thread().rank % 32); }

}  // namespace simt

template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int distance) {
  return simt::exchange("__shfl_xor_sync", mask, value, simt::lane() ^ distance);
}

template <typename T>
T __shfl_sync(unsigned mask, T value, int lane) {
  return simt::exchange("__shfl_sync", mask, value, lane & 31);
}

template <typename T>
T __shfl_up_sync(unsigned mask, T value, int distance) {
  return simt::exchange("__shfl_up_sync", mask, value, simt::lane() - distance);
}

static inline unsigned __ballot_sync(unsigned mask, int predicate) {
  struct Vote { int in; unsigned out; } mine{predicate, 0};
  simt::Machine::current().meet("__ballot_sync", mask, &mine, [](void *const *lanes, unsigned mask) {
    unsigned votes = 0;
    for (int i = 0; i < 32; i++)
      if (mask >> i & 1 && static_cast<Vote *>(lanes[i])->in) votes |= 1u << i;
    for (int i = 0; i < 32; i++)
      if (mask >> i & 1) static_cast<Vote *>(lanes[i])->out = votes;
  });
  return mine.out;
}


static inline void wait_for_previous() { simt::Machine::current().wait_for_previous(); }
static inline void let_next_start() {}

static inline void *shared_memory() { return simt::Machine::current().shared_memory(); }
