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
  /// A panel, and the number of its rows of groups to multiply.
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

typedef struct {
  ptrdiff_t panel, lanes, tile_rows;
  /// Consecutive values of k that are stored together for each column and row: 4 or 8 bytes.
  ptrdiff_t group_bytes;
  /// [tile_rows + 1][2], see `low_tiles` of an instruction set; NULL if there is `multiply_panel`.
  low_tile_function *const *tiles;
  /// Multiplies all rows by one panel, or NULL. `state` belongs to one GEMM and starts as 0.
  void (*multiply_panel)(const low_tile *tile, const low_panel *panel, ptrdiff_t *state);
  /// Called after a GEMM with a `state` that is not 0.
  void (*end)(void);
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

/// The kernels of one instruction set.
typedef struct {
  const low_kernels *kernels;
  /// The name of the instruction set, and what follows it: the rows and columns of a tile, whether
  /// it is emulated.
  const char *instructions, *details;
  /// Whether the CPU has them, and LAB_KERNELS allows them.
  bool is_available;
  /// Whether they have instructions for this precision.
  bool is_native;
  /// Whether rows are rounded by AVX512-BF16.
  bool has_conversion;
} low_set;

enum { MAX_SET_NAME = 192 };

typedef struct {
  low_set set;
  char name[MAX_SET_NAME];
} low_choice;

/// Selects the first of `sets` that is available and right; of the last one, neither is asked.
///
/// The name of the choice also contains the sets that were not right.
low_choice lab_choose_low_set(const low_set *sets, int count, bool (*is_right)(const low_set *))
    __attribute__((visibility("hidden")));

/// Which instructions LAB_KERNELS in the environment allows, in ascending order; all by default.
enum {
  /// `sse2`, `neon`: those of every CPU.
  LOW_BASELINE,
  /// `avx2`
  LOW_AVX2,
  /// `avx512`: without AVX512-BF16 and AVX512-VNNI.
  LOW_AVX512,
  /// `dot`: also dot products (AVX512-BF16, AVX512-VNNI, bfdot, sdot).
  LOW_DOT,
  /// Also products of matrices (AMX, bfmmla, smmla).
  LOW_MATRIX,
};
int lab_allowed_low_sets(void) __attribute__((visibility("hidden")));

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

// MARK: Instructions of the CPU (gemm_low_features.c)

/// Whether the CPU has AMX with bfloat16 and int8, and the operating system lets this process use
/// it.
bool lab_has_amx(void) __attribute__((visibility("hidden")));
/// arm64's FEAT_BF16 (bfdot, bfmmla), FEAT_DotProd (sdot) and FEAT_I8MM (smmla).
bool lab_has_arm_bf16(void) __attribute__((visibility("hidden")));
bool lab_has_arm_dot_product(void) __attribute__((visibility("hidden")));
bool lab_has_arm_i8mm(void) __attribute__((visibility("hidden")));

// MARK: A panel

/// Multiplies all rows by one panel, in tiles of nearly equal height. `state` as in `low_kernels`.
void lab_multiply_low_panel(const low_kernels *k, low_tile tile, const low_panel *panel,
                            ptrdiff_t *state) __attribute__((visibility("hidden")));

LAB_INLINE void end_low_gemm(const low_kernels *k, ptrdiff_t state) {
  if (state) k->end();
}

#if defined(__x86_64__)
// MARK: AMX (gemm_low_amx.c)

extern const low_kernels lab_low_kernels_amx_bf16 __attribute__((visibility("hidden")));
extern const low_kernels lab_low_kernels_amx_int8 __attribute__((visibility("hidden")));
#endif

#endif
