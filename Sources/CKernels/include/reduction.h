// Operations of token reduction on the tokens of one image.
#ifndef LAB_REDUCTION_H
#define LAB_REDUCTION_H

#include <stddef.h>
#include <stdint.h>

// MARK: Rows (reduction.c)

/// out = x / |x| row by row; a row of zeros stays zero.
void lab_normalize_rows(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride,
                        float *out, ptrdiff_t out_stride);
/// out[i] = |x_i|^2.
void lab_row_squares(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, float *out);
/// out[i] = |x_i - factor * y_i|; rows of x and y are contiguous.
void lab_difference_norms(const float *x, const float *y, float factor, ptrdiff_t rows,
                          ptrdiff_t width, float *out);
/// out[i] = x . row_i.
void lab_row_dots(const float *x, const float *rows, ptrdiff_t count, ptrdiff_t width,
                  ptrdiff_t stride, float *out);

// MARK: Similarities (reduction.c)

/// out[i] = mean over the row of ELU(x - margin), with alpha = 1.
void lab_elu_means(const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride,
                   float margin, float *out);
/// x_ij = sqrt(max(0, row_squares_i + column_squares_j - 2 x_ij) * scale) in place, for dot
/// products x; 0 where j = first + i, the distance of a token to itself.
void lab_distances(float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t first,
                   const float *row_squares, const float *column_squares, float scale);
/// x_ij = max(0, (x_ij + 1) / 2) * row_factors[i * row_step] * column_factors[j * column_step] in
/// place.
void lab_criteria(float *x, ptrdiff_t rows, ptrdiff_t columns, const float *row_factors,
                  ptrdiff_t row_step, const float *column_factors, ptrdiff_t column_step);
/// best[j] = max(best[j], x[j]), and index[j] = `row` where the maximum changed; NaN is ignored.
void lab_update_maxima(const float *x, ptrdiff_t columns, int32_t row, float *best, int32_t *index);

enum {
  /// The maximum number of neighbors of a row.
  LAB_NEIGHBORS = 64
};
/// exp(-mean of the squares of the `nearest` smallest distances), for `nearest` up to
/// LAB_NEIGHBORS.
float lab_density(const float *distances, ptrdiff_t count, ptrdiff_t nearest);
/// The minimum distance to a token of higher density, or infinity if there is none.
float lab_peak_distance(const float *distances, const float *densities, ptrdiff_t count,
                        float density);
/// into[j] = 1 for the `neighbors` (up to LAB_NEIGHBORS) largest x[j] with j != `own`; the first of
/// equal ones.
void lab_mark_largest(const float *x, ptrdiff_t count, ptrdiff_t own, ptrdiff_t neighbors,
                      float *into);

// MARK: Attention maps (reduction.c)

/// next = mapᵀ votes for a map [count, count], one step of PageRank.
void lab_vote(const float *map, ptrdiff_t count, const float *votes, float *next);
/// The k-th smallest element, k from 1; NaN is ordered by its bits.
float lab_kth_smallest(const float *x, ptrdiff_t count, ptrdiff_t k);
/// x = 0 where x < threshold.
void lab_zero_below(float *x, ptrdiff_t count, float threshold);

/// A map of columns to fewer columns: each is the sum of its first source and further ones.
typedef struct {
  const int32_t *first;
  ptrdiff_t columns;
  /// The further sources: from[i] is added to column into[i].
  const int32_t *into, *from;
  ptrdiff_t pairs;
} lab_folding;
/// out = share * folded row, or out += if `adds`.
void lab_fold_row(const float *row, const lab_folding *folding, float share, int adds, float *out);

#endif
