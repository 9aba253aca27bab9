// What the kernels that end in matrix products share: tiles of sums in registers, and the loops
// over panels and rows.
#ifndef LAB_PRODUCT_TILES_H
#define LAB_PRODUCT_TILES_H

#include "CKernels.h"

enum {
  /// Maximum k in one go: a panel's part (64 kB on AVX-512) leaves room for the rows in the
  /// L2 cache.
  MAXIMUM_K = 512,
  /// Rows this many bytes apart share a set of the L1 cache, which then holds fewer of them than a
  /// tile has.
  ALIASING_BYTES = 4096,
  COPY_PADDING = 16,
  /// Bytes.
  CACHE_LINE = 64,
};

typedef struct {
  const float *a;
  ptrdiff_t a_stride;
  /// The sum runs over `lines` pieces of `k` numbers of each row, `a_line` apart: the rows of a
  /// convolution's kernel.
  ptrdiff_t lines, a_line;
  /// A panel: `lines` * `k` lines of its columns.
  const float *b;
  ptrdiff_t k;
  /// The panel's part of the bias, or NULL.
  const float *bias;
  /// Whether the product is added to what `c` holds.
  bool adds;
  float *c;
  ptrdiff_t c_stride;
  /// Columns of the last vector that exist; fewer than all only where the kernels have masks.
  ptrdiff_t last_columns;
  /// What becomes of the sums before they are stored, or NULL; one that `ends_in_registers`.
  const struct tile_end *end;
  /// Bytes that will be read after this panel, of which each step of k fetches
  /// `ahead_step`.
  const char *ahead;
  ptrdiff_t ahead_step;
  /// From one to the second cache line of each step, where it has two; else 0.
  ptrdiff_t ahead_second;
} product_tile;

typedef void product_tile_function(const product_tile *tile);

/// What becomes of finished sums.
typedef struct tile_end {
  int activation;
  /// Of the first column and row, or NULL.
  const float *residual;
  ptrdiff_t residual_stride;
  /// The residual is added before the activation.
  bool activates_sum;
} tile_end;

/// Whether a tile applies it to its sums in registers: what takes few of them.
static inline bool ends_in_registers(const tile_end *end) {
  return end->activation == LAB_ACTIVATION_NONE || end->activation == LAB_ACTIVATION_RELU ||
         end->activation == LAB_ACTIVATION_HARD_SWISH;
}

typedef struct {
  ptrdiff_t panel, lanes, tile_rows;
  /// Tiles load and store parts of vectors.
  bool has_masks;
  /// [tile_rows + 1][2], see `tiles` of an instruction set.
  product_tile_function *const *tiles;
  void (*finish)(const tile_end *end, const float *from, ptrdiff_t from_stride, ptrdiff_t rows,
                 ptrdiff_t columns, float *to, ptrdiff_t stride);
} product_kernels;

/// The widest that the processor has; LAB_KERNELS in the environment may ask for narrower ones
/// (avx2, sse2).
const product_kernels *lab_kernels(void) __attribute__((visibility("hidden")));

/// Rows of a factor: `runs` runs of `width` rows, evenly apart within a run, `a_run` numbers from
/// run to run. The rows of the product follow each other all evenly.
typedef struct {
  ptrdiff_t width, runs, a_run;
} row_runs;

/// One part of k of one panel, or of its first `columns`, for all rows of `runs`.
///
/// While its tiles are computed, the part of the next panel at `ahead` comes into the L2 cache: one
/// image's weights are read once a pass from memory, and the first tile of a panel would wait for
/// them. Or rows of `fetch` come, a cache line's width a tile. With `end` the sums are finished:
/// its residual is that of the panel's first column.
void lab_multiply_panel(const product_kernels *kernels, product_tile tile, row_runs runs,
                        ptrdiff_t columns, const float *ahead, const lab_fetch *fetch,
                        ptrdiff_t tiles_before, const tile_end *end)
    __attribute__((visibility("hidden")));

#endif
