#include "include/image_resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "multiversion.h"

#define PRECISION_BITS 22
#define HALF (1 << (PRECISION_BITS - 1))

// Rows that the horizontal pass computes side by side: one vector of 32-bit sums, or several.
#define LANES 16

static double bicubic(double x) {
  const double a = -0.5;
  x = fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

static double bilinear(double x) {
  x = fabs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

int lab_resize_axis_make(
    lab_resize_axis *axis, int in, int out, int offset, int count, int filter) {
  double scale = (double)in / out;
  double filter_scale = scale < 1.0 ? 1.0 : scale;
  double support = (filter == LAB_FILTER_BICUBIC ? 2.0 : 1.0) * filter_scale;
  double inverse = 1.0 / filter_scale;
  int capacity = (int)ceil(support) * 2 + 1;
  if (capacity > in) capacity = in;
  axis->count = count;
  axis->taps = capacity;
  axis->first = malloc(sizeof(int) * (size_t)count);
  axis->weights = calloc((size_t)count * (size_t)capacity, sizeof(int32_t));
  double *exact = malloc(sizeof(double) * (size_t)capacity);
  if (!axis->first || !axis->weights || !exact) {
    free(exact);
    lab_resize_axis_free(axis);
    return 1;
  }
  for (int i = 0; i < count; i++) {
    double center = (offset + i + 0.5) * scale;
    int first = (int)(center - support + 0.5);
    if (first < 0) first = 0;
    int end = (int)(center + support + 0.5);
    if (end > in) end = in;
    double sum = 0.0;
    for (int t = 0; t < end - first; t++) {
      double at = (t + first - center + 0.5) * inverse;
      exact[t] = filter == LAB_FILTER_BICUBIC ? bicubic(at) : bilinear(at);
      sum += exact[t];
    }
    // The padding weights, which are zero, must not read past the end of the image.
    int moved = first + capacity > in ? first + capacity - in : 0;
    int32_t *weights = axis->weights + (size_t)i * capacity + moved;
    for (int t = 0; t < end - first; t++) {
      double weight = (sum != 0.0 ? exact[t] / sum : exact[t]) * (1 << PRECISION_BITS);
      weights[t] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    axis->first[i] = first - moved;
  }
  axis->begin = axis->first[0];
  axis->end = axis->first[count - 1] + capacity;
  free(exact);
  return 0;
}

void lab_resize_axis_free(lab_resize_axis *axis) {
  free(axis->first);
  free(axis->weights);
  axis->first = NULL;
  axis->weights = NULL;
}

static inline int32_t clip(int32_t sum) {
  int32_t value = sum >> PRECISION_BITS;
  value = value < 0 ? 0 : value;
  return value > 255 ? 255 : value;
}

typedef uint8_t bytes16 __attribute__((vector_size(16)));

// One step of a 16 x 16 transposition: interleaves each vector with the one 8 further on. Four
// steps transpose.
LAB_INLINE void interleave(bytes16 *to, const bytes16 *from) {
  for (int i = 0; i < 8; i++) {
    to[2 * i] = __builtin_shufflevector(
        from[i], from[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    to[2 * i + 1] = __builtin_shufflevector(
        from[i], from[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  }
}

LAB_INLINE void transpose16(
    const uint8_t *from, size_t from_stride, uint8_t *to, size_t to_stride) {
  bytes16 a[16], b[16];
  for (int i = 0; i < 16; i++) memcpy(&a[i], from + i * from_stride, 16);
  interleave(b, a);
  interleave(a, b);
  interleave(b, a);
  interleave(a, b);
  for (int i = 0; i < 16; i++) memcpy(to + i * to_stride, &a[i], 16);
}

static size_t padded(size_t bytes) { return (bytes + LANES - 1) / LANES * LANES; }

// Scratch holds LANES transposed rows, their result (still transposed), the image after the
// horizontal pass, and after the vertical pass if that comes first.
size_t lab_resize_scratch_bytes(
    const lab_resize_axis *horizontal, const lab_resize_axis *vertical, int rows_first) {
  size_t used = (size_t)(horizontal->end - horizontal->begin) * 3, wide = padded(used);
  size_t narrow = padded((size_t)horizontal->count * 3);
  size_t rows = rows_first ? (size_t)vertical->count : (size_t)(vertical->end - vertical->begin);
  return LANES * wide + LANES * narrow + narrow * padded(rows) + (rows_first ? used * rows : 0);
}

// The horizontal pass of LANES rows; `in` and `out` are [column * 3 + channel][LANES].
LAB_INLINE void resize_lanes(
    const uint8_t *in, const lab_resize_axis *axis, uint8_t *out) {
  int taps = axis->taps;
  for (int i = 0; i < axis->count; i++) {
    const uint8_t *column = in + (size_t)(axis->first[i] - axis->begin) * 3 * LANES;
    const int32_t *weights = axis->weights + (size_t)i * taps;
    int32_t sums[3 * LANES];
    for (int l = 0; l < 3 * LANES; l++) sums[l] = HALF;
    for (int t = 0; t < taps; t++) {
      for (int l = 0; l < 3 * LANES; l++) sums[l] += column[t * 3 * LANES + l] * weights[t];
    }
    for (int l = 0; l < 3 * LANES; l++) out[(size_t)i * 3 * LANES + l] = (uint8_t)clip(sums[l]);
  }
}

// The horizontal pass; `pixels` starts at the first column and row that the axes read.
LAB_FAST
static void resize_columns(
    const uint8_t *pixels, size_t stride, int rows, const lab_resize_axis *axis, uint8_t *scratch,
    uint8_t *narrowed) {
  size_t used = (size_t)(axis->end - axis->begin) * 3;
  size_t wide = padded(used), narrow = padded((size_t)axis->count * 3);
  uint8_t *transposed = scratch, *resized = scratch + LANES * wide;
  for (int y = 0; y < rows; y += LANES) {
    int lines = rows - y < LANES ? rows - y : LANES;
    const uint8_t *from = pixels + (size_t)y * stride;
    size_t x = 0;
    if (lines == LANES) {
      for (; x + 16 <= used; x += 16) transpose16(from + x, stride, transposed + x * LANES, LANES);
    }
    for (; x < used; x++) {
      for (int l = 0; l < lines; l++) transposed[x * LANES + l] = from[l * stride + x];
    }
    resize_lanes(transposed, axis, resized);
    for (x = 0; x < narrow; x += 16) {
      transpose16(resized + x * LANES, LANES, narrowed + (size_t)y * narrow + x, narrow);
    }
  }
}

LAB_FAST
static void resize_row(
    const uint8_t *from, size_t stride, const int32_t *weights, int taps, size_t count,
    uint8_t *out) {
  size_t x = 0;
  for (; x + 64 <= count; x += 64) {
    int32_t sums[64];
    for (int l = 0; l < 64; l++) sums[l] = HALF;
    for (int t = 0; t < taps; t++) {
      const uint8_t *row = from + t * stride + x;
      for (int l = 0; l < 64; l++) sums[l] += row[l] * weights[t];
    }
    for (int l = 0; l < 64; l++) out[x + l] = (uint8_t)clip(sums[l]);
  }
  for (; x < count; x++) {
    int32_t sum = HALF;
    for (int t = 0; t < taps; t++) sum += from[t * stride + x] * weights[t];
    out[x] = (uint8_t)clip(sum);
  }
}

void lab_resize_rgb(
    const uint8_t *pixels, size_t stride, const lab_resize_axis *horizontal,
    const lab_resize_axis *vertical, int rows_first, uint8_t *scratch, uint8_t *out) {
  size_t used = (size_t)(horizontal->end - horizontal->begin) * 3;
  size_t count = (size_t)horizontal->count * 3, narrow = padded(count);
  uint8_t *narrowed = scratch + LANES * padded(used) + LANES * narrow;
  const uint8_t *from = pixels + vertical->begin * stride + (size_t)horizontal->begin * 3;
  if (rows_first) {
    uint8_t *shortened = narrowed + narrow * padded((size_t)vertical->count);
    for (int y = 0; y < vertical->count; y++) {
      resize_row(
          from + (size_t)(vertical->first[y] - vertical->begin) * stride, stride,
          vertical->weights + (size_t)y * vertical->taps, vertical->taps, used,
          shortened + y * used);
    }
    resize_columns(shortened, used, vertical->count, horizontal, scratch, narrowed);
    for (int y = 0; y < vertical->count; y++) memcpy(out + y * count, narrowed + y * narrow, count);
    return;
  }
  resize_columns(from, stride, vertical->end - vertical->begin, horizontal, scratch, narrowed);
  for (int y = 0; y < vertical->count; y++) {
    resize_row(
        narrowed + (size_t)(vertical->first[y] - vertical->begin) * narrow, narrow,
        vertical->weights + (size_t)y * vertical->taps, vertical->taps, count, out + y * count);
  }
}

void lab_normalize_rgb(const uint8_t *pixels, size_t count, const float *table, float *out) {
  float *red = out, *green = out + count, *blue = out + 2 * count;
  for (size_t i = 0; i < count; i++) {
    red[i] = table[pixels[3 * i]];
    green[i] = table[256 + pixels[3 * i + 1]];
    blue[i] = table[512 + pixels[3 * i + 2]];
  }
}
