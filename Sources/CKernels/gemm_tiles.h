// Shared by GEMM and convolutions: tiles of sums in registers, and the loops over panels and rows.
#ifndef LAB_GEMM_TILES_H
#define LAB_GEMM_TILES_H

#include "CKernels.h"

enum {
  /// Maximum k of one part: a panel's part (64 kB on AVX-512) leaves room for rows in the L2 cache.
  MAX_K = 512,
  /// Rows that are a multiple of this many bytes apart are in the same set of the L1 cache, which
  /// has fewer ways than an AVX-512 tile has rows.
  ALIASING_BYTES = 4096,
  COPY_PADDING = 16,
  /// In bytes.
  CACHE_LINE = 64,
};

typedef struct {
  const float *a;
  ptrdiff_t a_stride;
  /// A row of A consists of `lines` pieces of `k` floats, `a_line` apart: one for each row of a
  /// convolution kernel.
  ptrdiff_t lines, a_line;
  /// A panel: `lines` * `k` rows of the panel's columns.
  const float *b;
  ptrdiff_t k;
  /// The panel's part of the bias, or NULL.
  const float *bias;
  /// Whether the result is added to `c`.
  bool adds;
  float *c;
  ptrdiff_t c_stride;
  /// Columns of the last vector that exist: less than a whole vector only if the kernels have
  /// masks.
  ptrdiff_t last_columns;
  /// Applied before the sums are stored, or NULL; must satisfy `applies_in_registers`.
  const struct tile_epilogue *epilogue;
  /// Memory that is needed after this panel; each step of k prefetches `prefetch_step` bytes of it.
  const char *prefetch;
  ptrdiff_t prefetch_step;
  /// The distance to the second cache line of a step, or 0 if a step prefetches only one.
  ptrdiff_t prefetch_second;
} gemm_tile;

typedef void gemm_tile_function(const gemm_tile *tile);

/// Activation and residual of a GEMM's sums.
typedef struct tile_epilogue {
  int activation;
  /// The residual of the first row and column, or NULL.
  const float *residual;
  ptrdiff_t residual_stride;
  /// The residual is added before the activation.
  bool activates_sum;
} tile_epilogue;

/// Whether a tile can apply it in registers: only epilogues that need few of them.
static inline bool applies_in_registers(const tile_epilogue *epilogue) {
  return epilogue->activation == LAB_ACTIVATION_NONE ||
         epilogue->activation == LAB_ACTIVATION_RELU ||
         epilogue->activation == LAB_ACTIVATION_HARD_SWISH;
}

typedef struct {
  ptrdiff_t panel, lanes, tile_rows;
  /// Tiles can load and store partial vectors.
  bool has_masks;
  /// [tile_rows + 1][2], see `tiles` of an instruction set.
  gemm_tile_function *const *tiles;
  void (*apply_epilogue)(const tile_epilogue *epilogue, const float *from,
                         ptrdiff_t from_stride, ptrdiff_t rows, ptrdiff_t columns, float *to,
                         ptrdiff_t stride);
} gemm_kernels;

/// The kernels of the widest instruction set of the CPU; LAB_KERNELS=avx2 or sse2 in the
/// environment selects a narrower one.
const gemm_kernels *lab_kernels(void) __attribute__((visibility("hidden")));

/// Rows of A: `runs` runs of `width` evenly spaced rows, which start `a_run` floats apart. The rows
/// of the result are all evenly spaced.
typedef struct {
  ptrdiff_t width, runs, a_run;
} row_runs;

/// Multiplies all rows of `runs` by one part of k of one panel, or of its first `columns`.
///
/// Meanwhile, the corresponding part of `next_panel` is prefetched into the L2 cache: with one
/// image, weights are read from memory once per forward pass, and the first tile of a panel would
/// wait for them. Or the rows of `prefetch` are prefetched, one column of cache lines per tile;
/// `tiles_before` counts the tiles of previous panels. The residual of `epilogue` starts at the
/// panel's first column.
void lab_multiply_panel(const gemm_kernels *kernels, gemm_tile tile, row_runs runs,
                        ptrdiff_t columns, const float *next_panel, const lab_prefetch *fetch,
                        ptrdiff_t tiles_before, const tile_epilogue *epilogue)
    __attribute__((visibility("hidden")));

#endif
