// What products over bfloat16 and int8 share: the tile, the choice of kernels, and the loop over a
// panel's tiles.
#ifndef LAB_PRODUCT_LOW_TILES_H
#define LAB_PRODUCT_LOW_TILES_H

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
  LARGEST_TILE = 14 * 32,
  WIDEST_PANEL = 32,
};

typedef struct {
  /// Rows of groups, `a_stride` bytes apart.
  const char *a;
  ptrdiff_t a_stride;
  /// A panel, and how many of its lines are taken.
  const char *b;
  ptrdiff_t groups;
  /// Bytes that will be read after this panel, of which each line fetches `ahead_step`.
  const char *ahead;
  ptrdiff_t ahead_step;
  /// From one to the second cache line of each step, where it has two; else 0.
  ptrdiff_t ahead_second;
  /// Of the panel's columns.
  const float *bias;
  /// Whether the product is added to what `c` holds.
  bool adds;
  float *c;
  ptrdiff_t c_stride;
  /// Of int8: the scale of each row and column, and what each column's sums hold too much.
  const float *row_scales, *column_scales;
  const int32_t *column_offsets;
} short_tile;

typedef void short_tile_function(const short_tile *tile);

typedef struct {
  ptrdiff_t panel, lanes, tile_rows;
  /// [tile_rows + 1][2], see `short_tiles` of an instruction set.
  short_tile_function *const *tiles;
} short_kernels;

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

/// Panels of so many columns.
LAB_INLINE ptrdiff_t short_panels(const short_kernels *k, ptrdiff_t columns) {
  return (columns + k->panel - 1) / k->panel;
}

// MARK: The choice

typedef struct {
  const short_kernels *kernels;
  const char *name;
  bool is_native;
} short_choice;

/// Defines the function `format`, which gives what `chosen_format` gave at its first call.
#define CHOSEN_ONCE(format)                                                               \
  static const short_choice *format(void) {                                               \
    static short_choice choice;                                                           \
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

/// What a panel's tiles have in common.
typedef struct {
  ptrdiff_t rows, columns;
  /// Whether finished sums go through GELU.
  bool has_gelu;
  /// Rounds GELU's results of a tile, or NULL where they stay as they are in place.
  void (*round_gelu)(float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, char *out,
                     ptrdiff_t out_stride);
  /// Of the panel's first column and row, where they are rounded to.
  char *rounded;
  ptrdiff_t rounded_stride;
  /// The panel that is read next, or NULL.
  const char *ahead;
} short_panel;

/// One panel over all of its rows, in tiles of nearly equal height.
void lab_multiply_short_panel(const short_kernels *k, short_tile tile, const short_panel *panel)
    __attribute__((visibility("hidden")));

#endif
