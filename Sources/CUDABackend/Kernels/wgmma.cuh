// Products of warpgroups (four consecutive warps) on the tensor cores of compute capability 9.0:
// thin names for single instructions, which only code for sm_90a has. Both operands lie in shared
// memory.
//
// An operand is a tile of rows of 64 values of two bytes (K-major). Chunk p (16 bytes) of row r is
// at byte 128 r + 16 (p ^ r % 8) (the 128-byte swizzle, `tile_place<64>`); the tile begins at a
// multiple of 1024 bytes. Warp w of the warpgroup accumulates rows 16 w to 16 w + 15; a lane holds
// the values that mma.cuh calls c, for every eight columns.
// Source: PTX ISA, "Register Fragments and Shared Memory Matrix Layouts" of wgmma.mma_async, and
// the fences in "wgmma.fence".
#ifndef LAB_WGMMA_CUH
#define LAB_WGMMA_CUH

#include "mma.cuh"

#if defined(LAB_SIMT) || defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define LAB_WARPGROUPS 1
#else
#define LAB_WARPGROUPS 0
#endif

#if LAB_WARPGROUPS
#ifdef LAB_SIMT
#include "simt_wgmma.hpp"
#else

/// Where an operand lies, as the instruction expects it.
typedef unsigned long long MatrixDescriptor;

/// The descriptor of a tile's first 16 terms of each row.
///
/// Bits 0 to 13 are the address, 16 to 29 the leading byte offset (not used with a swizzle), 32 to
/// 45 the stride byte offset, from eight rows to the next eight, all three in units of 16 bytes; 49
/// to 51 the base offset, 0 for a tile at a multiple of 1024; 62 and 63 the swizzle, 1 for 128
/// bytes.
DEVICE MatrixDescriptor describe(SharedAddress tile) {
  constexpr unsigned stride_bytes = 8 * 128;
  return (MatrixDescriptor)((tile & 0x3FFFF) >> 4) | 1ull << 16 |
         (MatrixDescriptor)(stride_bytes >> 4) << 32 | 1ull << 62;
}

/// The descriptor of what lies so many bytes further, a multiple of 16.
DEVICE MatrixDescriptor further(MatrixDescriptor matrix, int bytes) {
  return matrix + (bytes >> 4);
}

/// Shows what this thread has written to shared memory to the products that begin after a barrier.
DEVICE void show_to_products() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// Comes between the last access to sums and the first product that adds to them.
DEVICE void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

/// Closes the group of the products that the warpgroup has begun.
DEVICE void commit_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

/// Waits for all but the last `pending` groups: their sums may be read, and their operands
/// overwritten after a barrier.
template <int pending>
DEVICE void wait_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}

/// Keeps the compiler from moving accesses to sums across this place.
template <int NT>
DEVICE void hold(float (&sum)[1][NT][4]) {
#pragma unroll
  for (int n = 0; n < NT; n++)
#pragma unroll
    for (int i = 0; i < 4; i++) asm volatile("" : "+f"(sum[0][n][i])::"memory");
}

// The registers of sums, and their places in an instruction.
#define SUMS_4(c, n) "+f"(c[n][0]), "+f"(c[n][1]), "+f"(c[n][2]), "+f"(c[n][3])
#define SUMS_16(c, n) SUMS_4(c, n), SUMS_4(c, n + 1), SUMS_4(c, n + 2), SUMS_4(c, n + 3)
#define SUMS_64(c, n) SUMS_16(c, n), SUMS_16(c, n + 4), SUMS_16(c, n + 8), SUMS_16(c, n + 12)
#define PLACES_64                                                                             \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "     \
  "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "     \
  "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "     \
  "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define PLACES_128                                                                            \
  PLACES_64 ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, "   \
  "%79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "     \
  "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, "    \
  "%111, %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, "      \
  "%125, %126, %127"

/// Begins sum += A B of 64 rows and 128 or 256 columns, 16 terms.
///
/// The last operands: add to the sums, both signs as they are, both operands K-major.
#define MULTIPLY_WARPGROUP(T, NAME)                                                           \
  DEVICE void multiply_warpgroup(                                                             \
      float (&sum)[1][16][4], MatrixDescriptor a, MatrixDescriptor b, T) {                    \
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32." NAME "." NAME " {" PLACES_64  \
                 "}, %64, %65, 1, 1, 1, 0, 0;"                                                \
                 : SUMS_64(sum[0], 0)                                                         \
                 : "l"(a), "l"(b)                                                             \
                 : "memory");                                                                 \
  }                                                                                           \
  DEVICE void multiply_warpgroup(                                                             \
      float (&sum)[1][32][4], MatrixDescriptor a, MatrixDescriptor b, T) {                    \
    asm volatile("wgmma.mma_async.sync.aligned.m64n256k16.f32." NAME "." NAME " {" PLACES_128 \
                 "}, %128, %129, 1, 1, 1, 0, 0;"                                              \
                 : SUMS_64(sum[0], 0), SUMS_64(sum[0], 16)                                    \
                 : "l"(a), "l"(b)                                                             \
                 : "memory");                                                                 \
  }
MULTIPLY_WARPGROUP(Half, "f16")
MULTIPLY_WARPGROUP(BFloat16, "bf16")

#endif
#endif
#endif
