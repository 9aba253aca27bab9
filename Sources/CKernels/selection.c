// Selecting tokens and assembling the output tokens.
#include "CKernels.h"
#include "multiversion.h"

#include <math.h>
#include <string.h>

/// Maps a float to bits whose unsigned order is the descending order of the floats; NaN counts as
/// -infinity.
///
/// By its bits, NaN would be the largest or smallest according to its sign, which arithmetic does
/// not define.
static inline uint32_t descending_bits(float value) {
  if (value != value) value = -INFINITY;
  // -0 and 0 are equal, so their bits must be too.
  value = value == 0 ? 0 : value;
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint32_t ascending = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

void lab_argsort_descending(const float *scores, ptrdiff_t count, uint64_t *scratch,
                            int32_t *order) {
  uint64_t *from = scratch;
  uint64_t *to = scratch + count;
  for (ptrdiff_t i = 0; i < count; i++)
    from[i] = (uint64_t)descending_bits(scores[i]) << 32 | (uint32_t)i;
  // A stable radix sort of the upper half keeps equal scores in the order of their indices.
  for (int shift = 32; shift < 64; shift += 8) {
    ptrdiff_t starts[257] = {0};
    for (ptrdiff_t i = 0; i < count; i++) starts[(from[i] >> shift & 0xFF) + 1]++;
    for (int digit = 0; digit < 256; digit++) starts[digit + 1] += starts[digit];
    for (ptrdiff_t i = 0; i < count; i++) to[starts[from[i] >> shift & 0xFF]++] = from[i];
    uint64_t *swap = from;
    from = to;
    to = swap;
  }
  for (ptrdiff_t i = 0; i < count; i++) order[i] = (int32_t)(uint32_t)from[i];
}

/// The maximum, or -infinity if there is none; ignores NaN.
LAB_INLINE float vector_maximum(const float *x, ptrdiff_t count) {
  // Vectorized by hand: the compiler must keep the order of comparisons, which matters for NaN.
  enum { LANES = 16 };
  typedef float lanes __attribute__((ext_vector_type(LANES), aligned(4)));
  lanes all = -__builtin_inff();
  ptrdiff_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    const lanes next = *(const lanes *)(x + i);
    all = next > all ? next : all;
  }
  float maximum = -INFINITY;
  for (int lane = 0; lane < LANES; lane++) maximum = all[lane] > maximum ? all[lane] : maximum;
  for (; i < count; i++) maximum = x[i] > maximum ? x[i] : maximum;
  return maximum;
}

LAB_FAST
void lab_row_maxima(const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride,
                    ptrdiff_t first, float *best, int32_t *index) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    const float *at = x + row * stride;
    const float maximum = vector_maximum(at + first, columns - first);
    ptrdiff_t where = first;
    while (where < columns && at[where] != maximum) where++;
    best[row] = maximum;
    index[row] = (int32_t)(where < columns ? where : first);
  }
}

LAB_FAST
void lab_assemble(const float *tokens, ptrdiff_t width, const int32_t *offsets,
                  const int32_t *sources, int weighting, ptrdiff_t fused, const float *scores,
                  const float *sizes, ptrdiff_t first, ptrdiff_t last, float *restrict out,
                  float *out_sizes) {
  for (ptrdiff_t token = first; token < last; token++) {
    const int32_t begin = offsets[token], end = offsets[token + 1];
    float *to = out + token * width;
    const int sums = weighting == LAB_WEIGHT_SCORE && token == fused;
    if (end - begin == 1 && !sums) {
      memcpy(to, tokens + sources[begin] * width, (size_t)width * sizeof *to);
      if (out_sizes) out_sizes[token] = sizes[sources[begin]];
      continue;
    }
    float total = 0;
    float size = 0;
    memset(to, 0, (size_t)width * sizeof *to);
    for (int32_t k = begin; k < end; k++) {
      const int32_t source = sources[k];
      const float *from = tokens + source * width;
      const float weight = sums                              ? scores[source]
                           : weighting == LAB_WEIGHT_SIZE ? sizes[source]
                                                             : 1.0f;
      total += weight;
      if (sizes) size += sizes[source];
      for (ptrdiff_t i = 0; i < width; i++) to[i] += weight * from[i];
    }
    if (!sums) {
      const float scale = 1.0f / total;
      for (ptrdiff_t i = 0; i < width; i++) to[i] *= scale;
    }
    if (out_sizes) out_sizes[token] = size;
  }
}
