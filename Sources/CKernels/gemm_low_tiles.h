// Shared by GEMM in bfloat16 and int8: the tile, the selection of kernels, and the loop over a
// panel's tiles.
#ifndef LAB_GEMM_LOW_TILES_H
#define LAB_GEMM_LOW_TILES_H

#include "CKernels.h"
#include "multiversion.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#ifdef __linux__
#include <sys/auxv.h>
#endif
#endif

#if defined(__x86_64__)
#define V4_TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define V3_TARGET __attribute__((target("arch=x86-64-v3")))
#endif

enum {
  MAX_TILE = 14 * 32,
  MAX_PANEL = 32,
};

typedef struct {
  /// Rows of groups, `a_stride` bytes apart.
  const char *a;
  ptrdiff_t a_stride;
  /// A panel, and the number of its rows to multiply.
  const char *b;
  ptrdiff_t groups;
  /// Memory that is needed after this panel; each group prefetches `prefetch_step` bytes of it.
  const char *prefetch;
  ptrdiff_t prefetch_step;
  /// The distance to the second cache line of a step, or 0 if a step prefetches only one.
  ptrdiff_t prefetch_second;
  /// The bias of the panel's columns.
  const float *bias;
  /// Whether the result is added to `c`.
  bool adds;
  float *c;
  ptrdiff_t c_stride;
  /// Only int8: the scale of each row and column, and the excess of each column's sums.
  const float *row_scales, *column_scales;
  const int32_t *column_offsets;
} low_tile;

typedef void low_tile_function(const low_tile *tile);

typedef struct {
  ptrdiff_t panel, lanes, tile_rows;
  /// [tile_rows + 1][2], see `low_tiles` of an instruction set.
  low_tile_function *const *tiles;
} low_kernels;

LAB_INLINE uint32_t word_at(const char *at) {
  uint32_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

LAB_INLINE float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

LAB_INLINE ptrdiff_t minimum(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

/// The number of panels for `columns`.
LAB_INLINE ptrdiff_t low_panels(const low_kernels *k, ptrdiff_t columns) {
  return (columns + k->panel - 1) / k->panel;
}

// MARK: Selecting the kernels

typedef struct {
  const low_kernels *kernels;
  const char *name;
  bool is_native;
} low_choice;

/// Defines the function `format`, which calls `chosen_format` once and returns its result every
/// time.
#define CHOSEN_ONCE(format)                                                               \
  static const low_choice *format(void) {                                               \
    static low_choice choice;                                                           \
    static int state;                                                                     \
    if (__atomic_load_n(&state, __ATOMIC_ACQUIRE) == 2) return &choice;                   \
    int expected = 0;                                                                     \
    if (__atomic_compare_exchange_n(&state, &expected, 1, false, __ATOMIC_ACQ_REL,        \
                                    __ATOMIC_ACQUIRE)) {                                  \
      choice = chosen_##format();                                                         \
      __atomic_store_n(&state, 2, __ATOMIC_RELEASE);                                      \
    }                                                                                     \
    while (__atomic_load_n(&state, __ATOMIC_ACQUIRE) != 2) {                              \
    }                                                                                     \
    return &choice;                                                                       \
  }

// MARK: A panel

/// What the tiles of a panel have in common.
typedef struct {
  ptrdiff_t rows, columns;
  /// Whether GELU is applied.
  bool has_gelu;
  /// Applies GELU to a tile and rounds the result, or NULL to keep it in float32.
  void (*round_gelu)(float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, char *out,
                     ptrdiff_t out_stride);
  /// Where rounded results are written, from the panel's first column and row on.
  char *rounded;
  ptrdiff_t rounded_stride;
  /// The panel to prefetch, or NULL.
  const char *next_panel;
} low_panel;

/// Multiplies all rows by one panel, in tiles of nearly equal height.
void lab_multiply_low_panel(const low_kernels *k, low_tile tile, const low_panel *panel)
    __attribute__((visibility("hidden")));

#endif
