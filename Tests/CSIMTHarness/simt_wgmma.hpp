// Products of warpgroups for wgmma.cuh, which has them as PTX.
#pragma once

#include "halves.hpp"

/// A tile of rows of 128 bytes, of which the 16-byte pieces are swizzled by their address.
struct MatrixDescriptor {
  const char *start;
};

static inline MatrixDescriptor describe(SharedAddress tile) { return {tile}; }
static inline MatrixDescriptor further(MatrixDescriptor matrix, int bytes) {
  return {matrix.start + bytes};
}

static inline void show_to_products() { simt::show_to_products(); }
static inline void begin_products() { simt::begin_products(); }
static inline void commit_products() { simt::commit_products(); }

template <int pending>
static inline void wait_products() {
  simt::wait_products(pending);
}

template <int NT>
static inline void hold(float (&)[1][NT][4]) {}

template <int NT, typename T>
static inline void multiply_warpgroup(float (&sum)[1][NT][4], MatrixDescriptor a,
                                      MatrixDescriptor b, T) {
  simt::multiply_warpgroup(sum[0], NT, a.start, b.start,
                           [](std::uint16_t bits) { return to_float(T{bits}); });
}
