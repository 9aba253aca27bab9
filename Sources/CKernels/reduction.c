// Operations of token reduction: similarities, distances, votes and merging columns of attention
// maps.
#include "reduction.h"

#include <math.h>

#include "vector_math.h"

LAB_FAST
void lab_normalize_rows(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride,
                        float *restrict out, ptrdiff_t out_stride) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    LAB_REASSOCIATE
    const float *from = x + row * stride;
    float *to = out + row * out_stride;
    float squares = 0;
    for (ptrdiff_t i = 0; i < width; i++) squares += from[i] * from[i];
    const float scale = squares == 0 ? 0 : 1.0f / __builtin_sqrtf(squares);
    for (ptrdiff_t i = 0; i < width; i++) to[i] = from[i] * scale;
  }
}

LAB_FAST
void lab_row_squares(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride,
                     float *restrict out) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    LAB_REASSOCIATE
    const float *from = x + row * stride;
    float squares = 0;
    for (ptrdiff_t i = 0; i < width; i++) squares += from[i] * from[i];
    out[row] = squares;
  }
}

LAB_FAST
void lab_difference_norms(const float *x, const float *y, float factor, ptrdiff_t rows,
                          ptrdiff_t width, float *restrict out) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    LAB_REASSOCIATE
    const float *a = x + row * width, *b = y + row * width;
    float squares = 0;
    for (ptrdiff_t i = 0; i < width; i++) {
      const float change = a[i] - factor * b[i];
      squares += change * change;
    }
    out[row] = __builtin_sqrtf(squares);
  }
}

LAB_FAST
void lab_row_dots(const float *x, const float *rows, ptrdiff_t count, ptrdiff_t width,
                  ptrdiff_t stride, float *restrict out) {
  for (ptrdiff_t row = 0; row < count; row++) {
    LAB_REASSOCIATE
    const float *y = rows + row * stride;
    float sum = 0;
    for (ptrdiff_t i = 0; i < width; i++) sum += x[i] * y[i];
    out[row] = sum;
  }
}

LAB_FAST
void lab_elu_means(const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride,
                   float margin, float *restrict out) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    LAB_REASSOCIATE
    const float *from = x + row * stride;
    float sum = 0;
    for (ptrdiff_t i = 0; i < columns; i++) {
      const float y = from[i] - margin;
      const float below = lab_exp(y) - 1.0f;
      sum += y > 0 ? y : below;
    }
    out[row] = sum / (float)columns;
  }
}

LAB_FAST
void lab_distances(float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t first,
                   const float *row_squares, const float *column_squares, float scale) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    float *to = x + row * columns;
    const float own = row_squares[row];
#pragma clang loop vectorize(assume_safety)
    for (ptrdiff_t i = 0; i < columns; i++) {
      const float square = own + column_squares[i] - 2.0f * to[i];
      // A comparison that propagates NaN.
      to[i] = __builtin_sqrtf((square < 0 ? 0 : square) * scale);
    }
    const ptrdiff_t same = first + row;
    if (same >= 0 && same < columns && own - own == 0) to[same] = 0;
  }
}

LAB_FAST
void lab_criteria(float *x, ptrdiff_t rows, ptrdiff_t columns, const float *row_factors,
                  ptrdiff_t row_step, const float *column_factors, ptrdiff_t column_step) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    float *to = x + row * columns;
    const float factor = row_factors[row * row_step];
#pragma clang loop vectorize(assume_safety)
    for (ptrdiff_t i = 0; i < columns; i++) {
      const float likeness = (to[i] + 1.0f) / 2.0f;
      to[i] = (likeness < 0 ? 0 : likeness) * factor * column_factors[i * column_step];
    }
  }
}

LAB_FAST
void lab_update_maxima(const float *x, ptrdiff_t columns, int32_t row, float *restrict best,
                       int32_t *restrict index) {
  for (ptrdiff_t i = 0; i < columns; i++) {
    const int grows = x[i] > best[i];
    index[i] = grows ? row : index[i];
    best[i] = grows ? x[i] : best[i];
  }
}

float lab_density(const float *distances, ptrdiff_t count, ptrdiff_t nearest) {
  float smallest[LAB_NEIGHBORS];
  ptrdiff_t found = 0;
  const ptrdiff_t wanted = nearest < count ? nearest : count;
  for (ptrdiff_t i = 0; i < count; i++) {
    const float value = distances[i];
    if (found == wanted && !(value < smallest[found - 1])) continue;
    ptrdiff_t place = found < wanted ? found++ : found - 1;
    for (; place > 0 && smallest[place - 1] > value; place--) smallest[place] = smallest[place - 1];
    smallest[place] = value;
  }
  float sum = 0;
  for (ptrdiff_t i = 0; i < found; i++) sum += smallest[i] * smallest[i];
  return expf(-sum / (float)found);
}

LAB_FAST
float lab_peak_distance(const float *distances, const float *densities, ptrdiff_t count,
                        float density) {
  // Vectorized by hand: the compiler must keep the order of comparisons, which matters for NaN.
  enum { LANES = 16 };
  typedef float lanes __attribute__((ext_vector_type(LANES), aligned(4)));
  lanes all = __builtin_inff();
  ptrdiff_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    const lanes next = *(const lanes *)(distances + i), others = *(const lanes *)(densities + i);
    const lanes value = others > density ? next : (lanes)(__builtin_inff());
    all = value < all ? value : all;
  }
  float minimum = INFINITY;
  for (int lane = 0; lane < LANES; lane++) minimum = all[lane] < minimum ? all[lane] : minimum;
  for (; i < count; i++)
    minimum = densities[i] > density && distances[i] < minimum ? distances[i] : minimum;
  return minimum;
}

void lab_mark_largest(const float *x, ptrdiff_t count, ptrdiff_t own, ptrdiff_t neighbors,
                      float *into) {
  int32_t greatest[LAB_NEIGHBORS];
  ptrdiff_t found = 0;
  for (ptrdiff_t i = 0; i < count; i++) {
    if (i == own) continue;
    // NaN comes last.
    const float value = x[i] != x[i] ? -INFINITY : x[i];
    if (found == neighbors && x[greatest[found - 1]] >= value) continue;
    ptrdiff_t place = found < neighbors ? found++ : found - 1;
    for (; place > 0 && !(x[greatest[place - 1]] >= value); place--)
      greatest[place] = greatest[place - 1];
    greatest[place] = (int32_t)i;
  }
  for (ptrdiff_t i = 0; i < found; i++) into[greatest[i]] = 1;
}

LAB_FAST
void lab_vote(const float *map, ptrdiff_t count, const float *votes, float *restrict next) {
  for (ptrdiff_t i = 0; i < count; i++) next[i] = 0;
  ptrdiff_t row = 0;
  // Four rows at once, so that the sums are loaded and stored a quarter as often.
  for (; row + 4 <= count; row += 4) {
    const float *a = map + row * count, *b = a + count, *c = b + count, *d = c + count;
    const float va = votes[row], vb = votes[row + 1], vc = votes[row + 2], vd = votes[row + 3];
    for (ptrdiff_t i = 0; i < count; i++)
      next[i] += va * a[i] + vb * b[i] + (vc * c[i] + vd * d[i]);
  }
  for (; row < count; row++)
    for (ptrdiff_t i = 0; i < count; i++) next[i] += votes[row] * map[row * count + i];
}

/// Maps a float to bits whose unsigned order is the ascending order of the floats.
static inline uint32_t ascending_bits(float value) {
  value = value == 0 ? 0 : value;
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

float lab_kth_smallest(const float *x, ptrdiff_t count, ptrdiff_t k) {
  // Finds the first 11 bits of the result, then 11 more, then the last 10, each time by counting
  // the elements that begin with the bits found so far.
  enum { BITS = 11 };
  uint32_t prefix = 0, mask = 0;
  ptrdiff_t rank = k - 1;
  for (int shift = 32 - BITS; ; shift = shift > BITS ? shift - BITS : 0) {
    uint32_t counts[1 << BITS] = {0};
    const uint32_t digits = ~mask >> shift;
    for (ptrdiff_t i = 0; i < count; i++) {
      const uint32_t bits = ascending_bits(x[i]);
      if ((bits & mask) == prefix) counts[bits >> shift & digits]++;
    }
    uint32_t digit = 0;
    while (rank >= (ptrdiff_t)counts[digit] && digit < digits) rank -= counts[digit++];
    prefix |= digit << shift;
    mask = ~0u << shift;
    if (shift == 0) break;
  }
  const uint32_t bits = prefix & 0x80000000u ? prefix & 0x7FFFFFFFu : ~prefix;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

LAB_FAST
void lab_zero_below(float *x, ptrdiff_t count, float threshold) {
  for (ptrdiff_t i = 0; i < count; i++) x[i] = x[i] < threshold ? 0 : x[i];
}

LAB_FAST
void lab_fold_row(const float *row, const lab_folding *folding, float share, int adds,
                  float *restrict out) {
  const int32_t *restrict first = folding->first;
  const ptrdiff_t columns = folding->columns;
  if (adds) {
    for (ptrdiff_t i = 0; i < columns; i++) out[i] += share * row[first[i]];
  } else {
    for (ptrdiff_t i = 0; i < columns; i++) out[i] = share * row[first[i]];
  }
  for (ptrdiff_t i = 0; i < folding->pairs; i++)
    out[folding->into[i]] += share * row[folding->from[i]];
}
