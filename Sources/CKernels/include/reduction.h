// Arithmetic of token reduction on rows of one image, from a first row to before a last one.
#ifndef LAB_REDUCTION_H
#define LAB_REDUCTION_H

#include <stddef.h>
#include <stdint.h>

// MARK: Rows (reduction.c)

/// out = x / |x| row by row; a row of zeros stays.
void lab_unit_rows(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, float *out,
                   ptrdiff_t out_stride);
/// out[i] = sum of the row's squares.
void lab_row_squares(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, float *out);
/// out[i] = |x_i - factor * y_i|, rows `width` apart.
void lab_shift_lengths(const float *x, const float *y, float factor, ptrdiff_t rows,
                       ptrdiff_t width, float *out);
/// out[i] = x . row_i.
void lab_row_dots(const float *x, const float *rows, ptrdiff_t count, ptrdiff_t width,
                  ptrdiff_t stride, float *out);

// MARK: Similarities (reduction.c)

/// out[i] = mean over the row of ELU(x - margin), alpha 1.
void lab_elu_means(const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride,
                   float margin, float *out);
/// x = sqrt(max(0, squares_i + squares_j - 2 x) * scale) in place; 0 where column `first` + i
/// meets row i.
void lab_distances(float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t first,
                   const float *row_squares, const float *column_squares, float scale);
/// x = max(0, (x + 1) / 2) * row_factors[i * row_step] * column_factors[j * column_step] in place.
void lab_criteria(float *x, ptrdiff_t rows, ptrdiff_t columns, const float *row_factors,
                  ptrdiff_t row_step, const float *column_factors, ptrdiff_t column_step);
/// best[j] = max(best[j], x[j]), index[j] = `row` where it grew; NaN never does.
void lab_raise_maxima(const float *x, ptrdiff_t columns, int32_t row, float *best, int32_t *index);

enum {
  /// The most neighbors of a row that are looked for.
  LAB_NEIGHBORS = 64
};
/// exp(-mean of the squares of the `nearest` smallest numbers), up to LAB_NEIGHBORS.
float lab_density(const float *distances, ptrdiff_t count, ptrdiff_t nearest);
/// The least distance to a denser token, infinity where there is none.
float lab_peak_distance(const float *distances, const float *densities, ptrdiff_t count,
                        float density);
/// into[j] = 1 for the `neighbors` greatest x[j], up to LAB_NEIGHBORS, j not `own`; of equals the
/// first.
void lab_mark_greatest(const float *x, ptrdiff_t count, ptrdiff_t own, ptrdiff_t neighbors,
                       float *into);

// MARK: Attention maps (reduction.c)

/// next = mapᵀ votes for a map [count, count].
void lab_vote(const float *map, ptrdiff_t count, const float *votes, float *next);
/// The k-th smallest number, from 1; NaN counts by its bits.
float lab_kth_smallest(const float *x, ptrdiff_t count, ptrdiff_t k);
/// x = 0 where x < threshold.
void lab_clear_below(float *x, ptrdiff_t count, float threshold);

/// Columns that become fewer: each is the sum of its first and of further ones.
typedef struct {
  const int32_t *first;
  ptrdiff_t columns;
  /// Pairs (column, source) besides.
  const int32_t *into, *from;
  ptrdiff_t pairs;
} lab_folding;
/// out = share * folded row, or added to what is there.
void lab_fold_row(const float *row, const lab_folding *folding, float share, int adds, float *out);

#endif
