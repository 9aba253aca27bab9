// Convolutions and what stands between them, on pictures of float32 with channels last: [image][y][x][channel].
//
// Work is cut into tasks that may run in any order on any threads: `lab_..._tasks` counts them, the function runs tasks
// first ..< last. A result has the same bits whatever the tasks are given to, and whatever images stand beside an image.
#ifndef LAB_CONVOLUTION_H
#define LAB_CONVOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// MARK: Epilogues

/// Applied to each number of a result. All propagate NaN. GELU has the exact error function; `HARD_SIGMOID` is
/// min(max(x + 3, 0), 6) / 6 and `HARD_SWISH` x times that.
enum {
  LAB_ACTIVATION_NONE = 0,
  LAB_ACTIVATION_RELU = 1,
  LAB_ACTIVATION_GELU = 2,
  LAB_ACTIVATION_HARD_SWISH = 3,
  LAB_ACTIVATION_HARD_SIGMOID = 4,
  LAB_ACTIVATION_SILU = 5,
  LAB_ACTIVATION_SIGMOID = 6,
};

/// out = activation(sum + bias) + residual
typedef struct {
  /// One number for each output channel, or NULL.
  const float *bias;
  int activation;
  /// Pixels laid out as those of the output, `residual_stride` apart, or NULL. May be the output itself, and nothing
  /// that overlaps it otherwise.
  const float *residual;
  ptrdiff_t residual_stride;
} lab_epilogue;

/// x = activation(x) for rows of `width`.
void lab_activate(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, int activation);

// MARK: Pictures

/// Shapes and strides of a convolution or pooling.
typedef struct {
  ptrdiff_t images, height, width, channels;
  ptrdiff_t out_height, out_width, out_channels;
  ptrdiff_t kernel_height, kernel_width, stride;
  /// Rows and columns of zeros before the picture; those behind it follow from the output's size.
  ptrdiff_t pad_top, pad_left;
  /// Numbers from pixel to pixel; rows of pixels and images are dense. Not less than the channels.
  ptrdiff_t in_stride, out_stride;
  /// Of a dense convolution alone: the input stands as planes, [image][channel][y][x].
  bool has_planes;
  /// Output channels of a group see input channels of the same group alone. 1 for a plain convolution.
  ptrdiff_t groups;
} lab_picture;

// MARK: Dense and grouped convolutions (convolution.c)

/// How a dense convolution is cut into tasks, and the memory that each needs.
typedef struct {
  /// Blocks of output rows for each image, and of groups of panels for each block.
  ptrdiff_t blocks, panel_groups;
  /// Blocks are of pixels of all images together: a 1 x 1 convolution that reads every pixel.
  bool is_product;
  ptrdiff_t tasks;
  /// Numbers of scratch for whoever runs a task.
  ptrdiff_t scratch_count;
} lab_convolution_plan;
lab_convolution_plan lab_plan_convolution(const lab_picture *picture, int workers);

/// Numbers that the packed weight takes, and the packed bias: bias of whole panels for each group.
ptrdiff_t lab_convolution_weight_count(const lab_picture *picture);
ptrdiff_t lab_convolution_bias_count(const lab_picture *picture);
/// Packs weight [out_channels][channels / groups][kernel_height][kernel_width] and a bias, which may be NULL.
///
/// `scratch` holds out_channels / groups * channels / groups * kernel_height * kernel_width numbers.
void lab_pack_convolution(const lab_picture *picture, const float *weight, const float *bias,
                          float *packed_weight, float *packed_bias, float *scratch);

/// Dense or grouped convolution by implicit matrix product. `epilogue.bias` is a packed bias.
///
/// Each number is one chain of fused multiply-adds in the order kernel row, kernel column, channel (of planes as well). Where the residual
/// is the output itself, there is no activation.
void lab_convolve(const lab_picture *picture, const lab_convolution_plan *plan, const float *x,
                  const float *packed, lab_epilogue epilogue, float *out, ptrdiff_t first,
                  ptrdiff_t last, float *scratch);

// MARK: Depthwise convolutions (depthwise.c)

/// How a depthwise convolution is cut: blocks of output rows and of channels for each image.
typedef struct {
  ptrdiff_t blocks, channel_blocks, tasks;
} lab_depthwise_plan;
lab_depthwise_plan lab_plan_depthwise(const lab_picture *picture, int workers);
/// Weight [kernel_height * kernel_width][channels] from [channels][1][kernel_height][kernel_width].
void lab_pack_depthwise(const lab_picture *picture, const float *weight, float *packed);
/// Each channel by itself with a kernel of its own; `out_channels` equals `channels`.
///
/// A sum's order is kernel row, then column. Fastest for square kernels of 3, 5 and 7 with stride 1 or 2.
void lab_convolve_depthwise(const lab_picture *picture, const lab_depthwise_plan *plan,
                            const float *x, const float *packed, lab_epilogue epilogue, float *out,
                            ptrdiff_t first, ptrdiff_t last);

#endif
