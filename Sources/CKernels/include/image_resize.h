// Antialiased resampling of 8-bit RGB with the arithmetic of Pillow's Resample.c, for the part of
// the result that a crop keeps.
#ifndef LAB_IMAGE_RESIZE_H
#define LAB_IMAGE_RESIZE_H

#include <stddef.h>
#include <stdint.h>

enum { LAB_FILTER_BILINEAR = 2, LAB_FILTER_BICUBIC = 3 };

// The weights of one axis: output i is the sum over t < taps of
// weights[i * taps + t] * input[first[i] + t] / 2^22.
typedef struct {
  int count;  // outputs
  int taps;   // weights per output; those beyond the filter's reach are zero
  int begin;  // the inputs begin..<end are looked at
  int end;
  int *first;
  int32_t *weights;
} lab_resize_axis;

// Weights of the outputs offset..<offset+count of an axis of `in` pixels resized to `out`.
// Returns 0, or 1 if there is no memory.
int lab_resize_axis_make(
    lab_resize_axis *axis, int in, int out, int offset, int count, int filter);

void lab_resize_axis_free(lab_resize_axis *axis);

// Bytes of scratch that lab_resize_rgb needs for these axes.
size_t lab_resize_scratch_bytes(
    const lab_resize_axis *horizontal, const lab_resize_axis *vertical, int rows_first);

// Resizes packed RGB with rows of `stride` bytes: columns first, rounded to 8 bits, then rows; or
// the rows first, which costs less, and rounds otherwise, where the height shrinks far more.
// `out` is [vertical->count][horizontal->count][3].
void lab_resize_rgb(
    const uint8_t *pixels, size_t stride, const lab_resize_axis *horizontal,
    const lab_resize_axis *vertical, int rows_first, uint8_t *scratch, uint8_t *out);

// Turns packed RGB into planes of floats: out[c][i] = table[c][pixels[i][c]], `table` [3][256].
void lab_normalize_rgb(const uint8_t *pixels, size_t count, const float *table, float *out);

#endif
