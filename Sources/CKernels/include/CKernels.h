// The vectorized CPU kernels of lab. All arrays are contiguous, row-major float32 unless a stride
// is given; counts, widths and strides are in elements unless they are said to be in bytes.
#ifndef LAB_CKERNELS_H
#define LAB_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convolution.h"
#include "image_resize.h"
#include "reduction.h"

// MARK: Thread pool (pool.c)

/// A fixed set of worker threads that run one function together. An idle worker spins for a short
/// time, then sleeps.
typedef struct lab_pool lab_pool;

/// Starts `workers` - 1 threads; the calling thread is worker 0. NULL if they cannot be started.
lab_pool *lab_pool_create(int workers);
void lab_pool_destroy(lab_pool *pool);
/// Runs `body(context, worker)` on every worker and returns when all have finished. Only one thread
/// may call it at a time.
void lab_pool_run(lab_pool *pool, void (*body)(void *context, int worker), void *context);
/// Takes the next of `count` tasks from within a running `body`; returns `count` if none is left.
///
/// Worker w first takes tasks count * w / workers, ..., in ascending order, then the last remaining
/// tasks of other workers. All calls within one run must pass the same count.
ptrdiff_t lab_pool_take(lab_pool *pool, int worker, ptrdiff_t count);

/// The number of cores that this process may run on, or 0 if it is unknown.
int lab_available_cores(void);

// MARK: GEMM (gemm.c)

/// The GEMM kernels that this CPU uses, with the rows and columns of a tile, such as `AVX-512
/// 14x32`.
const char *lab_gemm_kernels(void);
/// Columns in a panel of a packed matrix.
ptrdiff_t lab_panel_width(void);
/// The number of panels for `columns`, including a partial last one.
ptrdiff_t lab_panels(ptrdiff_t columns);
/// Floats of a packed matrix [k, columns]: whole panels, each [k][panel width].
ptrdiff_t lab_packed_count(ptrdiff_t columns, ptrdiff_t k);
/// Packs panels first_panel ..< last_panel of a matrix stored as b [columns, k]: a weight
/// [outputs, inputs], or keys.
void lab_pack_transposed(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t stride,
                         ptrdiff_t first_panel, ptrdiff_t last_panel, float *packed);
/// Packs a matrix stored as b [k, columns], such as values.
void lab_pack_plain(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t stride,
                    float *packed);
/// Floats of scratch for a GEMM of `rows`.
ptrdiff_t lab_gemm_scratch_count(ptrdiff_t rows);
/// What a GEMM prefetches into the L2 cache: a panel, or rows, or nothing if all is zero.
typedef struct {
  /// 1 + the index of the panel of the same packed matrix that the caller will probably use next;
  /// 0 for none.
  ptrdiff_t next_panel;
  /// k rows, each with `pieces` pieces of `width` floats, which start `piece_stride` floats apart.
  const float *rows;
  ptrdiff_t row_stride, width, piece_stride, pieces;
} lab_prefetch;
enum { LAB_EPILOGUE_NONE = 0, LAB_EPILOGUE_ADD = 1, LAB_EPILOGUE_GELU = 2 };
/// c = a * packed + bias for rows a [rows, k] and the columns of panels first_panel ..< last_panel.
///
/// `bias` is NULL or padded to whole panels. LAB_EPILOGUE_ADD adds the result to `c`;
/// LAB_EPILOGUE_GELU applies GELU. Each element of `c` is one chain of fused multiply-adds in the
/// order of k, so its bits do not depend on which other elements are computed.
void lab_gemm(const float *a, ptrdiff_t rows, ptrdiff_t a_stride, const float *packed,
              ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel, ptrdiff_t last_panel,
              lab_prefetch prefetch, const float *bias, int epilogue, float *c,
              ptrdiff_t c_stride, float *scratch);
/// x[i] = gelu(x[i]), with the exact error function: the same as LAB_EPILOGUE_GELU.
void lab_gelu(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride);

// MARK: GEMM in bfloat16 and int8 (gemm_bfloat16.c, gemm_int8.c)

/// The kernels that this CPU uses, such as `AMX-BF16 32x32`: the first set of instructions that it
/// has and that multiplies a small matrix correctly.
///
/// The name contains "emulated" if the CPU has no bfloat16 instruction, and names each set of
/// instructions that `failed its check`.
const char *lab_bfloat16_kernels(void);
const char *lab_int8_kernels(void);
/// Whether the CPU has instructions for this precision; otherwise, wider ones are used.
bool lab_has_bfloat16(void);
bool lab_has_int8(void);
/// Columns in a panel of a packed matrix, and the number of panels for `columns`.
ptrdiff_t lab_bfloat16_panel_width(void);
ptrdiff_t lab_int8_panel_width(void);
ptrdiff_t lab_bfloat16_panels(ptrdiff_t columns);
ptrdiff_t lab_int8_panels(ptrdiff_t columns);
/// Bytes of a packed matrix [k, columns].
ptrdiff_t lab_bfloat16_packed_bytes(ptrdiff_t columns, ptrdiff_t k);
ptrdiff_t lab_int8_packed_bytes(ptrdiff_t columns, ptrdiff_t k);
/// Bytes of one row of the other matrix, rounded or quantized: a multiple of 4 or 8, filled with
/// zeros.
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
/// If a row contains NaN or infinity, its scale and all its products are not finite either.
void lab_quantize_rows_int8(const float *x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride,
                            void *out, ptrdiff_t out_stride, float *scales);
/// Rounds and packs panels first_panel ..< last_panel of a matrix b, whose element (column, k) is
/// at b[column * column_stride + k * k_stride].
///
/// One of the strides must be 1: `k_stride` for a weight [columns, k] or keys, `column_stride` for
/// values [k, columns].
void lab_pack_bfloat16(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t column_stride,
                       ptrdiff_t k_stride, ptrdiff_t first_panel, ptrdiff_t last_panel,
                       void *packed);
/// Quantizes and packs panels first_panel ..< last_panel of a weight b [columns, k], with one scale
/// for each column.
void lab_pack_int8(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t stride,
                   ptrdiff_t first_panel, ptrdiff_t last_panel, void *packed);
/// c = a * packed + bias as `lab_gemm`, for rows from `lab_round_rows_bfloat16`; sums are float32.
///
/// `next_panel` as in `lab_prefetch`.
void lab_gemm_bfloat16(const void *a, ptrdiff_t rows, ptrdiff_t a_stride, const void *packed,
                       ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel,
                       ptrdiff_t last_panel, ptrdiff_t next_panel, const float *bias,
                       int epilogue, float *c, ptrdiff_t c_stride);
/// out = gelu(a * packed + bias), rounded to bfloat16 in the layout of `lab_round_rows_bfloat16`;
/// `out_stride` in bytes.
void lab_gemm_bfloat16_gelu(const void *a, ptrdiff_t rows, ptrdiff_t a_stride,
                            const void *packed, ptrdiff_t columns, ptrdiff_t k,
                            ptrdiff_t first_panel, ptrdiff_t last_panel, const float *bias,
                            void *out, ptrdiff_t out_stride);
/// As `lab_gemm_bfloat16`, for rows from `lab_quantize_rows_int8`; sums are int32, exact for k up
/// to 65,536.
void lab_gemm_int8(const void *a, const float *row_scales, ptrdiff_t rows, ptrdiff_t a_stride,
                   const void *packed, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel,
                   ptrdiff_t last_panel, ptrdiff_t next_panel, const float *bias, int epilogue,
                   float *c, ptrdiff_t c_stride);

// MARK: Row operations (elementwise.c)

/// out[i] = (x[i] - mean) / sqrt(variance + epsilon) * weight + bias for each of `rows` rows of
/// `width` elements.
void lab_layer_norm(const float *x, const float *weight, const float *bias, float epsilon,
                    ptrdiff_t rows, ptrdiff_t width, float *out);
/// a = silu(a) * b in place, for rows [a | b] whose halves have `width` elements each.
void lab_swiglu(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride);
/// out[j][i] = x[i][j] for `rows` rows of `width` elements.
void lab_transpose(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, float *out,
                   ptrdiff_t out_stride);

// MARK: Attention (attention.c)

/// x = softmax(scale * x + log_size) in place, row by row; `log_size` [width] may be NULL.
void lab_softmax_rows(float *x, float scale, const float *log_size, ptrdiff_t rows, ptrdiff_t width,
                      ptrdiff_t stride);
/// into = max(into, x), and into += x, for `count` elements.
void lab_max_into(float *into, const float *x, ptrdiff_t count);
void lab_add_into(float *into, const float *x, ptrdiff_t count);
void lab_scale(float *x, float factor, ptrdiff_t count);
/// sums[j] = sum over i of x[i][j], in the order of the rows.
void lab_column_sums(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride,
                     float *sums);
void lab_log(const float *x, ptrdiff_t count, float *out);

// MARK: Scores (scores.c)

enum { LAB_HEADS_MAX = 0, LAB_HEADS_MEAN = 1, LAB_HEADS_SUM = 2 };
/// scores[j] = sum over c of the reduction over heads h of rows[j][h * head_dim + c].
void lab_feature_scores(const float *rows, ptrdiff_t tokens, ptrdiff_t stride, ptrdiff_t heads,
                        ptrdiff_t head_dim, int reduction, float *scores);
/// metric[j] [head_dim] = mean of the keys over heads, scaled to length 1.
void lab_key_metric(const float *keys, ptrdiff_t tokens, ptrdiff_t stride, ptrdiff_t heads,
                    ptrdiff_t head_dim, float *metric);

// MARK: Selecting and assembling tokens (selection.c)

/// Indices 0 ..< count by descending score, ties by the lower index, NaN as -infinity. `scratch`
/// has 2 * count elements.
void lab_argsort_descending(const float *scores, ptrdiff_t count, uint64_t *scratch,
                            int32_t *order);
/// best[i], index[i]: the maximum of row i over columns first ..< columns and the first column that
/// has it, NaN as -infinity.
///
/// Without any column, -infinity and `first`.
void lab_row_maxima(const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride,
                    ptrdiff_t first, float *best, int32_t *index);

enum { LAB_WEIGHT_MEAN = 0, LAB_WEIGHT_SIZE = 1, LAB_WEIGHT_SCORE = 2 };
/// Builds output tokens first ..< last of one image: token j from the input tokens
/// sources[offsets[j] ..< offsets[j + 1]].
///
/// With LAB_WEIGHT_MEAN and LAB_WEIGHT_SIZE a token is the mean of its sources, plain or weighted
/// by `sizes`. With LAB_WEIGHT_SCORE the token `fused` is the sum of its sources weighted by
/// `scores`; all others have one source and are copied. `sizes` and `out_sizes` are both given or
/// both NULL.
void lab_assemble(const float *tokens, ptrdiff_t width, const int32_t *offsets,
                  const int32_t *sources, int weighting, ptrdiff_t fused, const float *scores,
                  const float *sizes, ptrdiff_t first, ptrdiff_t last, float *out,
                  float *out_sizes);

#endif
