// The parts of attention around its two matrix products.
#include "CKernels.h"
#include "vector_math.h"

// 16 numbers side by side, in whatever registers the instruction set has.
typedef float lanes __attribute__((ext_vector_type(16), aligned(4)));
typedef int32_t integer_lanes __attribute__((ext_vector_type(16), aligned(4)));
enum { LANES = 16 };

/// x = e^(x - most) for x <= most, as `lab_exp`.
LAB_INLINE void exp_below(lanes *x, float most) {
  lanes y = *x - most;
  y = y < -87.0f ? (lanes)(-87.0f) : y;
  const lanes shifted = y * 1.44269504088896341f + 12582912.0f;
  const lanes n = shifted - 12582912.0f;
  lanes r = y - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  lanes p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + (r + 1.0f);
  integer_lanes bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits - (0x4B400000 - 127)) << 23;
  lanes power;
  memcpy(&power, &bits, sizeof power);
  *x = p * power;
}

LAB_INLINE float greatest_lane(const lanes *x) {
  __auto_type half = x->lo > x->hi ? x->lo : x->hi;
  __auto_type quarter = half.lo > half.hi ? half.lo : half.hi;
  __auto_type pair = quarter.lo > quarter.hi ? quarter.lo : quarter.hi;
  return pair.x > pair.y ? pair.x : pair.y;
}

LAB_INLINE float lane_sum(const lanes *x) {
  __auto_type half = x->lo + x->hi;
  __auto_type quarter = half.lo + half.hi;
  __auto_type pair = quarter.lo + quarter.hi;
  return pair.x + pair.y;
}

/// Softmax of one row in whole vectors; the last one is filled up with what weighs nothing.
LAB_INLINE void softmax_row(float *row, float scale, const float *log_size, ptrdiff_t width) {
  const ptrdiff_t whole = width / LANES * LANES;
  lanes end = -__builtin_inff(), added = 0.0f;
  for (ptrdiff_t i = whole; i < width; i++) ((float *)&end)[i - whole] = row[i] * scale;
  if (log_size) {
    for (ptrdiff_t i = whole; i < width; i++) ((float *)&added)[i - whole] = log_size[i];
    end += added;
  }
  lanes most = end;
  for (ptrdiff_t i = 0; i < whole; i += LANES) {
    lanes x = *(lanes *)(row + i) * scale;
    if (log_size) x += *(const lanes *)(log_size + i);
    *(lanes *)(row + i) = x;
    most = x > most ? x : most;
  }
  const float greatest = greatest_lane(&most);
  exp_below(&end, greatest);
  lanes sums = end;
  for (ptrdiff_t i = 0; i < whole; i += LANES) {
    lanes x = *(lanes *)(row + i);
    exp_below(&x, greatest);
    *(lanes *)(row + i) = x;
    sums += x;
  }
  const float share = 1.0f / lane_sum(&sums);
  for (ptrdiff_t i = 0; i < whole; i += LANES) *(lanes *)(row + i) *= share;
  for (ptrdiff_t i = whole; i < width; i++) row[i] = ((float *)&end)[i - whole] * share;
}

LAB_FAST
void lab_softmax_rows(float *x, float scale, const float *log_size, ptrdiff_t rows, ptrdiff_t width,
                      ptrdiff_t stride) {
  for (ptrdiff_t row = 0; row < rows; row++) softmax_row(x + row * stride, scale, log_size, width);
}

LAB_FAST
void lab_max_into(float *restrict into, const float *restrict x, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) into[i] = x[i] > into[i] ? x[i] : into[i];
}

LAB_FAST
void lab_add_into(float *restrict into, const float *restrict x, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) into[i] += x[i];
}

LAB_FAST
void lab_scale(float *x, float factor, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) x[i] *= factor;
}

LAB_FAST
void lab_column_sums(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride,
                     float *restrict sums) {
  for (ptrdiff_t i = 0; i < width; i++) sums[i] = 0;
  for (ptrdiff_t row = 0; row < rows; row++) {
    const float *at = x + row * stride;
    for (ptrdiff_t i = 0; i < width; i++) sums[i] += at[i];
  }
}

void lab_log(const float *x, ptrdiff_t count, float *out) {
  for (ptrdiff_t i = 0; i < count; i++) out[i] = __builtin_logf(x[i]);
}
