// Softmax, and the reductions of attention weights over heads and rows.
#include "CKernels.h"
#include "vector_math.h"

// 16 floats, in as many registers as the instruction set needs.
typedef float lanes __attribute__((ext_vector_type(16), aligned(4)));
typedef int32_t integer_lanes __attribute__((ext_vector_type(16), aligned(4)));
enum { LANES = 16, SOFTMAX_ROWS = 8 };
static const integer_lanes lane_index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/// x = 2^y for y = factor * (x - maximum), within 2 ulp for -126 <= y <= 0; 2^-126 for smaller y.
///
/// y = n + r with |r| <= 1/2; 2^r by Cephes' polynomial of degree 6 (exp2f.c), 2^n by setting the
/// exponent bits.
LAB_INLINE void power_of_two(lanes *x, float maximum, float factor) {
  lanes y = (*x - maximum) * factor;
  y = y < -126.0f ? (lanes)(-126.0f) : y;
  // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
  const lanes shifted = y + 12582912.0f;
  const lanes r = y - (shifted - 12582912.0f);
  lanes p = r * 1.535336188319500e-4f + 1.339887440266574e-3f;
  p = p * r + 9.618437357674640e-3f;
  p = p * r + 5.550332471162809e-2f;
  p = p * r + 2.402264791363012e-1f;
  p = p * r + 6.931472028550421e-1f;
  p = p * r + 1.0f;
  integer_lanes bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits - (0x4B400000 - 127)) << 23;
  lanes power;
  memcpy(&power, &bits, sizeof power);
  *x = p * power;
}

LAB_INLINE float max_lane(const lanes *x) {
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

typedef struct {
  /// Multiplies the logits before `log_size` is added; 1 without `log_size`.
  float scale;
  const float *log_size;
  /// Converts the difference to the maximum logit to a base-2 exponent: log2(e), times the scale if
  /// there is no `log_size`.
  float factor;
  /// The number of columns, and how many of them fill whole vectors.
  ptrdiff_t width, whole;
  /// Whether rows are padded to whole vectors, so that the padding may be read and written.
  bool is_padded;
} softmax_call;

/// A whole vector of logits.
LAB_INLINE void load_logits(const softmax_call *call, const float *row, ptrdiff_t column,
                            lanes *x) {
  *x = *(const lanes *)(row + column);
  if (call->log_size) *x = *x * call->scale + *(const lanes *)(call->log_size + column);
}

/// The logits after the last whole vector, padded with -infinity.
LAB_INLINE void load_last_logits(const softmax_call *call, const float *row, lanes *x) {
  const ptrdiff_t rest = call->width - call->whole;
  lanes logits, sizes = 0.0f;
  if (call->is_padded) {
    logits = *(const lanes *)(row + call->whole);
  } else {
    memcpy(&logits, row + call->whole, (size_t)rest * sizeof *row);
  }
  if (call->log_size)
    memcpy(&sizes, call->log_size + call->whole, (size_t)rest * sizeof *row);
  const lanes all = logits * call->scale + sizes;
  *x = lane_index < (int32_t)rest ? all : (lanes)(-__builtin_inff());
}

/// Softmax of up to SOFTMAX_ROWS rows. Each step runs over all rows before the next, so that
/// horizontal reductions of one row overlap with the work on the next.
LAB_INLINE void softmax_block(const softmax_call *call, float *x, ptrdiff_t rows,
                              ptrdiff_t stride) {
  float maxima[SOFTMAX_ROWS], inverse_sum[SOFTMAX_ROWS];
  const ptrdiff_t rest = call->width - call->whole;
  for (ptrdiff_t r = 0; r < rows; r++) {
    lanes maximum = -__builtin_inff(), next;
    if (rest) load_last_logits(call, x + r * stride, &maximum);
    for (ptrdiff_t i = 0; i < call->whole; i += LANES) {
      load_logits(call, x + r * stride, i, &next);
      maximum = next > maximum ? next : maximum;
    }
    maxima[r] = max_lane(&maximum);
  }
  for (ptrdiff_t r = 0; r < rows; r++) {
    float *row = x + r * stride;
    lanes sums = 0.0f, next;
    if (rest) {
      load_last_logits(call, row, &sums);
      power_of_two(&sums, maxima[r], call->factor);
      // Zeros instead of 2^-126 in the padding: multiplied by `inverse_sum` they would become
      // subnormals, which are slow.
      sums = lane_index < (int32_t)rest ? sums : (lanes)(0.0f);
      if (call->is_padded) {
        *(lanes *)(row + call->whole) = sums;
      } else {
        memcpy(row + call->whole, &sums, (size_t)rest * sizeof *row);
      }
    }
    for (ptrdiff_t i = 0; i < call->whole; i += LANES) {
      load_logits(call, row, i, &next);
      power_of_two(&next, maxima[r], call->factor);
      *(lanes *)(row + i) = next;
      sums += next;
    }
    inverse_sum[r] = 1.0f / lane_sum(&sums);
  }
  for (ptrdiff_t r = 0; r < rows; r++) {
    float *row = x + r * stride;
    for (ptrdiff_t i = 0; i < call->whole; i += LANES) *(lanes *)(row + i) *= inverse_sum[r];
    if (rest && call->is_padded) *(lanes *)(row + call->whole) *= inverse_sum[r];
    for (ptrdiff_t i = call->is_padded ? call->width : call->whole; i < call->width; i++)
      row[i] *= inverse_sum[r];
  }
}

LAB_FAST
void lab_softmax_rows(float *x, float scale, const float *log_size, ptrdiff_t rows, ptrdiff_t width,
                      ptrdiff_t stride) {
  const ptrdiff_t whole = width / LANES * LANES;
  const float log2_e = 1.44269504088896341f;
  const softmax_call call = {
      .scale = log_size ? scale : 1,
      .log_size = log_size,
      .factor = log_size ? log2_e : scale * log2_e,
      .width = width,
      .whole = whole,
      .is_padded = stride >= (width + LANES - 1) / LANES * LANES,
  };
  for (ptrdiff_t row = 0; row < rows; row += SOFTMAX_ROWS)
    softmax_block(&call, x + row * stride, rows - row < SOFTMAX_ROWS ? rows - row : SOFTMAX_ROWS,
                  stride);
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
