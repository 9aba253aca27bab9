// Pooling, global means and gates, vectorized over channels.
#include "CKernels.h"
#include "multiversion.h"

#include <math.h>

enum {
  /// Channels that a global mean sums together: 256 bytes of each pixel.
  MEAN_CHANNELS = 64,
};

LAB_INLINE ptrdiff_t smallest(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
LAB_INLINE ptrdiff_t largest(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }

ptrdiff_t lab_pooling_tasks(const lab_conv_shape *p) { return p->images * p->out_height; }

/// The part of an output's window that lies inside the image.
typedef struct {
  ptrdiff_t top, bottom, left, right;
} field;

LAB_INLINE field field_at(const lab_conv_shape *p, ptrdiff_t y, ptrdiff_t x) {
  const ptrdiff_t top = y * p->stride - p->pad_top, left = x * p->stride - p->pad_left;
  return (field){.top = largest(0, top),
                 .bottom = smallest(p->height, top + p->kernel_height),
                 .left = largest(0, left),
                 .right = smallest(p->width, left + p->kernel_width)};
}

LAB_FAST
static void max_into(const float *x, ptrdiff_t channels, float *restrict into) {
  // A maximum that propagates NaN.
  for (ptrdiff_t c = 0; c < channels; c++) {
    const float value = x[c], greatest = into[c];
    into[c] = value > greatest || value != value ? value : greatest;
  }
}

void lab_max_pool(const lab_conv_shape *p, const float *x, float *out, ptrdiff_t first,
                  ptrdiff_t last) {
  for (ptrdiff_t task = first; task < last; task++) {
    const float *image = x + task / p->out_height * p->in_image;
    for (ptrdiff_t column = 0; column < p->out_width; column++) {
      const ptrdiff_t row = task % p->out_height;
      float *to = out + task / p->out_height * p->out_image +
                  (row * p->out_width + column) * p->out_stride;
      const field f = field_at(p, row, column);
      for (ptrdiff_t c = 0; c < p->channels; c++) to[c] = -INFINITY;
      for (ptrdiff_t y = f.top; y < f.bottom; y++)
        for (ptrdiff_t pixel = f.left; pixel < f.right; pixel++)
          max_into(image + (y * p->width + pixel) * p->in_stride, p->channels, to);
    }
  }
}

void lab_average_pool(const lab_conv_shape *p, bool counts_padding, const float *x, float *out,
                      ptrdiff_t first, ptrdiff_t last) {
  for (ptrdiff_t task = first; task < last; task++) {
    const float *image = x + task / p->out_height * p->in_image;
    for (ptrdiff_t column = 0; column < p->out_width; column++) {
      const ptrdiff_t row = task % p->out_height;
      float *to = out + task / p->out_height * p->out_image +
                  (row * p->out_width + column) * p->out_stride;
      const field f = field_at(p, row, column);
      for (ptrdiff_t c = 0; c < p->channels; c++) to[c] = 0;
      for (ptrdiff_t y = f.top; y < f.bottom; y++)
        for (ptrdiff_t pixel = f.left; pixel < f.right; pixel++)
          lab_add_into(to, image + (y * p->width + pixel) * p->in_stride, p->channels);
      const ptrdiff_t top = row * p->stride - p->pad_top, left = column * p->stride - p->pad_left;
      const ptrdiff_t bottom = smallest(top + p->kernel_height, p->height + p->pad_top);
      const ptrdiff_t right = smallest(left + p->kernel_width, p->width + p->pad_left);
      const ptrdiff_t count = counts_padding ? (bottom - top) * (right - left)
                                             : (f.bottom - f.top) * (f.right - f.left);
      lab_scale(to, 1.0f / (float)count, p->channels);
    }
  }
}

static ptrdiff_t mean_chunks(ptrdiff_t channels) {
  return (channels + MEAN_CHANNELS - 1) / MEAN_CHANNELS;
}

ptrdiff_t lab_global_mean_tasks(ptrdiff_t images, ptrdiff_t channels) {
  return images * mean_chunks(channels);
}

/// Means of up to MEAN_CHANNELS channels.
///
/// Sums of 64 pixels are summed in turn, because a single sum over ten thousand pixels would lose
/// three digits.
LAB_FAST
static void mean_of_chunk(const float *x, ptrdiff_t pixels, ptrdiff_t channels, ptrdiff_t stride,
                          float *restrict out) {
  enum { RUN = 64 };
  float sums[MEAN_CHANNELS] = {0};
  for (ptrdiff_t start = 0; start < pixels; start += RUN) {
    const ptrdiff_t end = start + RUN < pixels ? start + RUN : pixels;
    float run[MEAN_CHANNELS] = {0};
    if (channels == MEAN_CHANNELS) {
      for (ptrdiff_t pixel = start; pixel < end; pixel++)
        for (ptrdiff_t c = 0; c < MEAN_CHANNELS; c++) run[c] += x[pixel * stride + c];
    } else {
      for (ptrdiff_t pixel = start; pixel < end; pixel++)
        for (ptrdiff_t c = 0; c < channels; c++) run[c] += x[pixel * stride + c];
    }
    for (ptrdiff_t c = 0; c < MEAN_CHANNELS; c++) sums[c] += run[c];
  }
  const float share = 1.0f / (float)pixels;
  for (ptrdiff_t c = 0; c < channels; c++) out[c] = sums[c] * share;
}

void lab_global_mean(const float *x, ptrdiff_t pixels, ptrdiff_t channels, ptrdiff_t stride,
                     ptrdiff_t image, float *out, ptrdiff_t out_stride, ptrdiff_t first,
                     ptrdiff_t last) {
  const ptrdiff_t chunks = mean_chunks(channels);
  for (ptrdiff_t task = first; task < last; task++) {
    const ptrdiff_t at = task / chunks, c = task % chunks * MEAN_CHANNELS;
    mean_of_chunk(x + at * image + c, pixels, smallest(MEAN_CHANNELS, channels - c), stride,
                  out + at * out_stride + c);
  }
}

LAB_INLINE const float *row_of(const lab_rows *rows, ptrdiff_t row) {
  return rows->start + row / rows->repeats * rows->stride;
}

// `out` may be the same row as an operand: each element is read before it is written.
LAB_FAST
static void multiply_row(const float *a, const float *b, ptrdiff_t count, float *out) {
#pragma clang loop vectorize(assume_safety)
  for (ptrdiff_t i = 0; i < count; i++) out[i] = a[i] * b[i];
}

LAB_FAST
static void add_row(const float *a, const float *b, ptrdiff_t count, float *out) {
#pragma clang loop vectorize(assume_safety)
  for (ptrdiff_t i = 0; i < count; i++) out[i] = a[i] + b[i];
}

LAB_FAST
static void affine_row(const float *x, const float *scale, const float *shift, ptrdiff_t count,
                       float *out) {
#pragma clang loop vectorize(assume_safety)
  for (ptrdiff_t i = 0; i < count; i++) out[i] = x[i] * scale[i] + shift[i];
}

void lab_multiply_rows(lab_rows a, lab_rows b, ptrdiff_t width, float *out, ptrdiff_t out_stride,
                       ptrdiff_t first, ptrdiff_t last) {
  for (ptrdiff_t row = first; row < last; row++)
    multiply_row(row_of(&a, row), row_of(&b, row), width, out + row * out_stride);
}

void lab_add_rows(lab_rows a, lab_rows b, ptrdiff_t width, int activation, float *out,
                  ptrdiff_t out_stride, ptrdiff_t first, ptrdiff_t last) {
  for (ptrdiff_t row = first; row < last; row++) {
    float *to = out + row * out_stride;
    add_row(row_of(&a, row), row_of(&b, row), width, to);
    if (activation != LAB_ACTIVATION_NONE) lab_activate(to, 1, width, width, activation);
  }
}

void lab_affine_rows(lab_rows x, const float *scale, const float *shift, ptrdiff_t width,
                     int activation, float *out, ptrdiff_t out_stride, ptrdiff_t first,
                     ptrdiff_t last) {
  for (ptrdiff_t row = first; row < last; row++) {
    float *to = out + row * out_stride;
    affine_row(row_of(&x, row), scale, shift, width, to);
    if (activation != LAB_ACTIVATION_NONE) lab_activate(to, 1, width, width, activation);
  }
}
