// A convolution over pictures with channels last, as every kernel of it takes one.
#ifndef LAB_PICTURE_CUH
#define LAB_PICTURE_CUH

#include "activation.cuh"

/// Sizes and strides in elements; a linear layer is a kernel of 1 over one picture of one row.
struct Picture {
  int height, width, channels, pixel_stride, image_stride;
  int out_height, out_width, out_channels, out_pixel_stride, out_image_stride;
  int kernel, stride, padding, groups;

  /// Where an output pixel begins among all images' pixels.
  __device__ __forceinline__ size_t out_pixel(int pixel) const {
    const int pixels = out_height * out_width;
    return (size_t)(pixel / pixels) * out_image_stride +
           (size_t)(pixel % pixels) * out_pixel_stride;
  }
};

/// The input around one output pixel.
struct Window {
  size_t image;
  int top, left;

  __device__ __forceinline__ Window(const Picture &p, int pixel) {
    const int pixels = p.out_height * p.out_width;
    image = (size_t)(pixel / pixels) * p.image_stride;
    top = pixel % pixels / p.out_width * p.stride - p.padding;
    left = pixel % p.out_width * p.stride - p.padding;
  }

  /// The offset of the pixel under a tap, or -1 outside of the picture.
  __device__ __forceinline__ long long tap(const Picture &p, int tap) const {
    const int y = top + tap / p.kernel, x = left + tap % p.kernel;
    if (y < 0 || y >= p.height || x < 0 || x >= p.width) return -1;
    return (long long)(image + (size_t)(y * p.width + x) * p.pixel_stride);
  }
};

#define PICTURE_PARAMETERS                                                                    \
  int height, int width, int channels, int pixel_stride, int image_stride, int out_height,    \
      int out_width, int out_channels, int out_pixel_stride, int out_image_stride,            \
      int kernel_size, int step, int padding, int groups
#define PICTURE                                                                               \
  Picture {                                                                                   \
    height, width, channels, pixel_stride, image_stride, out_height, out_width, out_channels, \
        out_pixel_stride, out_image_stride, kernel_size, step, padding, groups                \
  }

#endif
