// The vectorized CPU kernels of lab. All arrays are dense, row-major float32 unless a stride is
// given.
#ifndef LAB_CKERNELS_H
#define LAB_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convolution.h"
#include "image_resize.h"
#include "reduction.h"

// MARK: Worker threads

/// A fixed set of threads that wait, first spinning and then asleep, for one function to run on all
/// of them.
typedef struct lab_pool lab_pool;

/// Makes `workers` - 1 threads (the caller is worker 0). NULL when threads cannot be had.
lab_pool *lab_pool_create(int workers);
void lab_pool_destroy(lab_pool *pool);
/// Runs `body(context, worker)` on every worker and returns when all are done. One caller at a
/// time.
void lab_pool_run(lab_pool *pool, void (*body)(void *context, int worker), void *context);
/// A task of the running function that no worker has taken, of `count` in all, or `count` where
/// there is none.
///
/// Worker w takes tasks count * w / workers on in their order, and those of others, the last ones
/// first, when it has none left. Every call of a running function gives the same count.
ptrdiff_t lab_pool_take(lab_pool *pool, int worker, ptrdiff_t count);

/// Cores that this process may run on, 0 where it is unknown.
int lab_available_cores(void);

// MARK: Matrix products (product.c)

/// The kernels that this processor runs, with the rows and columns of a tile, for example `AVX-512
/// 14x32`.
const char *lab_product_kernels(void);
/// Columns in a panel of a packed factor.
ptrdiff_t lab_panel_width(void);
/// Panels of `columns`, the last one perhaps cut.
ptrdiff_t lab_panels(ptrdiff_t columns);
/// Numbers that a packed factor [k, columns] takes: whole panels, each `k` lines of its
/// columns.
ptrdiff_t lab_packed_count(ptrdiff_t columns, ptrdiff_t k);
/// Packs some panels of a factor that stands as b [columns, k]: a weight [outputs, inputs],
/// keys.
void lab_pack_transposed(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t stride,
                         ptrdiff_t first_panel, ptrdiff_t last_panel, float *packed);
/// Packs a factor that stands as b [k, columns]: values.
void lab_pack_plain(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t stride,
                    float *packed);
/// Numbers of scratch that a product of `rows` may use.
ptrdiff_t lab_product_scratch_count(ptrdiff_t rows);
/// What a product fetches into the L2 cache while it computes: one of the two, or nothing where all
/// is zero.
typedef struct {
  /// A panel of the same packed factor, with which the caller will probably go on; 0 for none,
  /// panel p as p + 1.
  ptrdiff_t panel_after;
  /// `pieces` pieces of `width` numbers, `piece_stride` apart, in each of as many rows as k is
  /// long.
  const float *rows;
  ptrdiff_t row_stride, width, piece_stride, pieces;
} lab_fetch;
enum { LAB_EPILOGUE_NONE = 0, LAB_EPILOGUE_ADD = 1, LAB_EPILOGUE_GELU = 2 };
/// c = a * packed + bias for rows a [rows, k] in the columns of some panels.
///
/// `bias` may be NULL; it is as long as whole panels. LAB_EPILOGUE_ADD adds all to what `c` holds;
/// LAB_EPILOGUE_GELU applies GELU. Each number of `c` is one chain of fused multiply-adds in the
/// order of k: the same bits whatever else is computed with it.
void lab_product(const float *a, ptrdiff_t rows, ptrdiff_t a_stride, const float *packed,
                 ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel, ptrdiff_t last_panel,
                 lab_fetch fetch, const float *bias, int epilogue, float *c, ptrdiff_t c_stride,
                 float *scratch);
/// x[i] = gelu(x[i]), with the exact error function: what LAB_EPILOGUE_GELU does to a finished
/// tile.
void lab_gelu(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride);

// MARK: Matrix products over bfloat16 and int8 (product_bfloat16.c, product_int8.c)

/// The kernels of each that this processor runs; "emulated" where there is no instruction for it.
const char *lab_bfloat16_kernels(void);
const char *lab_int8_kernels(void);
/// Whether the processor multiplies such numbers by itself, and not by way of wider ones.
bool lab_has_bfloat16(void);
bool lab_has_int8(void);
/// Columns in a panel of a packed factor, and how many panels hold a number of columns.
ptrdiff_t lab_bfloat16_panel_width(void);
ptrdiff_t lab_int8_panel_width(void);
ptrdiff_t lab_bfloat16_panels(ptrdiff_t columns);
ptrdiff_t lab_int8_panels(ptrdiff_t columns);
/// Bytes of a packed factor [k, columns].
ptrdiff_t lab_bfloat16_packed_bytes(ptrdiff_t columns, ptrdiff_t k);
ptrdiff_t lab_int8_packed_bytes(ptrdiff_t columns, ptrdiff_t k);
/// Bytes of one converted row of the other factor.
ptrdiff_t lab_bfloat16_row_bytes(ptrdiff_t k);
ptrdiff_t lab_int8_row_bytes(ptrdiff_t k);
/// The nearest bfloat16, ties to even.
float lab_round_bfloat16(float value);
/// Rounds rows x [rows, k] to bfloat16; `out_stride` in bytes.
void lab_round_rows_bfloat16(const float *x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride,
                             void *out, ptrdiff_t out_stride);
/// Quantizes each row symmetrically: x = scale * q, q in -127 ... 127, scale = max |x| / 127;
/// `out_stride` in bytes.
///
/// A row that is not finite has a scale that is not, and so have all its products.
void lab_quantize_rows_int8(const float *x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride,
                            void *out, ptrdiff_t out_stride, float *scales);
/// Rounds and packs some panels of a factor b, whose number (column, k) stands at column *
/// column_stride + k * k_stride.
///
/// One of the strides is 1: that of k for a weight [columns, k] or keys, that of the columns for
/// values [k, columns].
void lab_pack_bfloat16(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t column_stride,
                       ptrdiff_t k_stride, ptrdiff_t first_panel, ptrdiff_t last_panel,
                       void *packed);
/// Quantizes and packs some panels of a weight b [columns, k], with one scale for each column.
void lab_pack_int8(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t stride,
                   ptrdiff_t first_panel, ptrdiff_t last_panel, void *packed);
/// c = a * packed + bias as `lab_product`, for rows from `lab_round_rows_bfloat16`; sums are
/// float32.
///
/// The caller will probably go on with the panel `panel_after` - 1; 0 where that is not known.
void lab_product_bfloat16(const void *a, ptrdiff_t rows, ptrdiff_t a_stride, const void *packed,
                          ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel,
                          ptrdiff_t last_panel, ptrdiff_t panel_after, const float *bias,
                          int epilogue, float *c, ptrdiff_t c_stride);
/// out = gelu(a * packed + bias), rounded to bfloat16: rows as `lab_round_rows_bfloat16` gives
/// them, `out_stride` in bytes.
void lab_product_bfloat16_gelu(const void *a, ptrdiff_t rows, ptrdiff_t a_stride,
                               const void *packed, ptrdiff_t columns, ptrdiff_t k,
                               ptrdiff_t first_panel, ptrdiff_t last_panel, const float *bias,
                               void *out, ptrdiff_t out_stride);
/// The same as `lab_product_bfloat16` for rows from `lab_quantize_rows_int8`; sums are int32 and
/// exact, for k up to 65,536.
void lab_product_int8(const void *a, const float *row_scales, ptrdiff_t rows, ptrdiff_t a_stride,
                      const void *packed, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel,
                      ptrdiff_t last_panel, ptrdiff_t panel_after, const float *bias, int epilogue,
                      float *c, ptrdiff_t c_stride);

// MARK: Rows (elementwise.c)

/// out[i] = (x[i] - mean) / sqrt(variance + epsilon) * weight + bias over each of `rows` rows of
/// `width`.
void lab_layer_norm(const float *x, const float *weight, const float *bias, float epsilon,
                    ptrdiff_t rows, ptrdiff_t width, float *out);
/// Rows [a | b], each half of `width`: a = silu(a) * b, in place in the first half.
void lab_swiglu(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride);
/// out[j][i] = x[i][j] for `rows` rows of `width`.
void lab_transpose(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, float *out,
                   ptrdiff_t out_stride);

// MARK: Attention (attention.c)

/// Softmax of `scale` times each row in place; `log_size` (may be NULL) is added to every scaled
/// row first.
void lab_softmax_rows(float *x, float scale, const float *log_size, ptrdiff_t rows, ptrdiff_t width,
                      ptrdiff_t stride);
/// into = max(into, x) or into += x over rows * stride numbers.
void lab_max_into(float *into, const float *x, ptrdiff_t count);
void lab_add_into(float *into, const float *x, ptrdiff_t count);
void lab_scale(float *x, float factor, ptrdiff_t count);
/// sums[j] = sum of the column over the rows, in row order.
void lab_column_sums(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride,
                     float *sums);
void lab_log(const float *x, ptrdiff_t count, float *out);

// MARK: Scores (scores.c)

enum { LAB_HEADS_MAX = 0, LAB_HEADS_MEAN = 1, LAB_HEADS_SUM = 2 };
/// scores[j] = sum over features of the reduction over heads of rows[j][h * head_dim + c]; rows are
/// `stride` apart.
void lab_feature_scores(const float *rows, ptrdiff_t tokens, ptrdiff_t stride, ptrdiff_t heads,
                        ptrdiff_t head_dim, int reduction, float *scores);
/// metric[j] = mean over heads, scaled to length 1. `scratch` holds nothing between calls.
void lab_key_metric(const float *keys, ptrdiff_t tokens, ptrdiff_t stride, ptrdiff_t heads,
                    ptrdiff_t head_dim, float *metric);

// MARK: Choosing and assembling tokens (selection.c)

/// Indices 0 ..< count by descending score, ties by the lower index, NaN as -infinity. `scratch`
/// holds 2 * count numbers.
void lab_argsort_descending(const float *scores, ptrdiff_t count, uint64_t *scratch,
                            int32_t *order);
/// best[i], index[i]: largest entry of row i among columns first ..< columns, of equals the first,
/// NaN as -infinity.
///
/// Where there is no column, -infinity and `first`.
void lab_row_maxima(const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride,
                    ptrdiff_t first, float *best, int32_t *index);

enum { LAB_WEIGHT_MEAN = 0, LAB_WEIGHT_SIZE = 1, LAB_WEIGHT_SCORE = 2 };
/// Builds output tokens first ..< last of one image from their sources.
///
/// `sizes` and `out_sizes` are both given or both NULL. With LAB_WEIGHT_SCORE the token `fused` is
/// the weighted sum, the others are copied.
void lab_assemble(const float *tokens, ptrdiff_t width, const int32_t *offsets,
                  const int32_t *sources, int weighting, ptrdiff_t fused, const float *scores,
                  const float *sizes, ptrdiff_t first, ptrdiff_t last, float *out,
                  float *out_sizes);

#endif
