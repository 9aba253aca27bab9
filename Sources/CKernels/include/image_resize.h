// Antialiased resizing of 8-bit RGB with the arithmetic of Pillow's Resample.c, computed only for
// the part that a crop keeps.
#ifndef LAB_IMAGE_RESIZE_H
#define LAB_IMAGE_RESIZE_H

#include <stddef.h>
#include <stdint.h>

enum { LAB_FILTER_BILINEAR = 2, LAB_FILTER_BICUBIC = 3 };

// The filter weights of one axis: output i is the sum over t < taps of weights[i * taps + t] *
// input[first[i] + t] / 2^22.
typedef struct {
  int count;  // outputs
  int taps;   // weights per output; those outside the filter's support are zero
  int begin;  // only the inputs begin..<end are read
  int end;
  int *first;
  int32_t *weights;
} lab_resize_axis;

// Computes the weights of outputs offset..<offset+count of an axis of `in` pixels resized to `out`.
// Returns 0, or 1 if there is no memory.
int lab_resize_axis_make(
    lab_resize_axis *axis, int in, int out, int offset, int count, int filter);

void lab_resize_axis_free(lab_resize_axis *axis);

// Bytes of scratch that lab_resize_rgb needs for these axes.
size_t lab_resize_scratch_bytes(
    const lab_resize_axis *horizontal, const lab_resize_axis *vertical, int rows_first);

// Resizes packed RGB whose rows are `stride` bytes apart: first the horizontal pass, rounded to 8
// bits, then the vertical pass. With `rows_first` the vertical pass runs first, which is faster
// where the height shrinks much more than the width, but rounds differently.
// `out` is [vertical->count][horizontal->count][3].
void lab_resize_rgb(
    const uint8_t *pixels, size_t stride, const lab_resize_axis *horizontal,
    const lab_resize_axis *vertical, int rows_first, uint8_t *scratch, uint8_t *out);

// Converts packed RGB to planar floats: out[c][i] = table[c][pixels[i][c]], `table` [3][256].
void lab_normalize_rgb(const uint8_t *pixels, size_t count, const float *table, float *out);

#endif
