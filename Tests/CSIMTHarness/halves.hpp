// Half precision, copies and tensor cores, for common.cuh and mma.cuh, which have them as PTX.
#pragma once

#include "machine.hpp"

namespace simt {

float half_to_float(std::uint16_t bits);
/// Rounds to nearest even.
std::uint16_t float_to_half(float value);

void copy_async(void *to, const void *from, bool valid);
void commit_copies();
/// Waits for all but the last `pending` groups.
void wait_copies(unsigned pending);

/// Lane i's row of 16 bytes is row i % 8 of matrix i / 8 of four.
void load_matrices(unsigned (&r)[4], const void *row, bool transposed);

using Decode = float (*)(std::uint16_t bits);
/// c += A B of fragments of m16n8k16.
void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Decode decode);

/// The nearest number of 10 bits of mantissa, ties away from zero.
unsigned round_tf32(float x);
/// c += A B of fragments of m16n8k8 in tf32.
void multiply_tf32(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1);

/// What a thread has written is read by products that begin after this and a barrier.
void show_to_products();
/// Comes before the first product that adds to sums.
void begin_products();
void commit_products();
/// Waits for all but the last `pending` groups of products.
void wait_products(unsigned pending);
/// Begins c += A B of the calling lane's sums: rows g and g + 8 of its warp's 16, of 8 `count`
/// columns, 16 terms.
///
/// Rows of 64 terms lie 128 bytes apart, their pieces of 16 bytes swizzled by their address.
void multiply_warpgroup(float (*c)[4], int count, const char *a, const char *b, Decode decode);

}  // namespace simt
