// Asynchronous copies and tensor cores for mma.cuh, which has them as PTX.
#pragma once

#include "halves.hpp"

using simt::commit_copies;
using simt::copy_async;
using simt::multiply_tf32;
using simt::round_tf32;

typedef const char *SharedAddress;
static inline SharedAddress shared_address(const void *pointer) { return SharedAddress(pointer); }

template <int pending>
static inline void wait_copies() {
  simt::wait_copies(pending);
}

static inline void load_matrices(unsigned (&r)[4], const void *row) {
  simt::load_matrices(r, row, false);
}

static inline void load_matrices_transposed(unsigned (&r)[4], const void *row) {
  simt::load_matrices(r, row, true);
}

template <typename T>
static inline void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, T) {
  simt::multiply(c, a, b0, b1, [](std::uint16_t bits) { return to_float(T{bits}); });
}
