// Convolutions, pooling, row operations and attention over images in NHWC, float32:
// [image][y][x][channel].
//
// Work is divided into tasks that may run in any order on any thread: `lab_..._tasks` counts them,
// and the function runs tasks first ..< last. The bits of a result depend neither on how tasks are
// assigned to threads nor on the other images of the batch.
#ifndef LAB_CONVOLUTION_H
#define LAB_CONVOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// MARK: Epilogues

/// Applied to each element of a result. All propagate NaN. GELU uses the exact error function;
/// `HARD_SIGMOID` is min(max(x + 3, 0), 6) / 6 and `HARD_SWISH` is x * HARD_SIGMOID(x).
enum {
  LAB_ACTIVATION_NONE = 0,
  LAB_ACTIVATION_RELU = 1,
  LAB_ACTIVATION_GELU = 2,
  LAB_ACTIVATION_SILU = 3,
  LAB_ACTIVATION_SIGMOID = 4,
  LAB_ACTIVATION_HARD_SWISH = 5,
  LAB_ACTIVATION_HARD_SIGMOID = 6,
};

/// out = activation(sum + bias) + residual, or activation(sum + bias + residual) if
/// `activates_sum`.
typedef struct {
  /// One element for each output channel, or NULL.
  const float *bias;
  int activation;
  /// One element for each of the output, or NULL; pixels of all images are `residual_stride` apart.
  /// It may be the output itself but must not overlap it otherwise.
  const float *residual;
  ptrdiff_t residual_stride;
  bool activates_sum;
} lab_epilogue;

/// x = activation(x) for rows of `width` elements.
void lab_activate(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, int activation);

// MARK: Shapes

/// Shapes and strides of a convolution or pooling.
typedef struct {
  ptrdiff_t images, height, width, channels;
  ptrdiff_t out_height, out_width, out_channels;
  ptrdiff_t kernel_height, kernel_width, stride;
  /// Padding above and to the left of the image; padding at the other sides follows from the
  /// output's size.
  ptrdiff_t pad_top, pad_left;
  /// Floats from one pixel to the next, not less than the channels, and from one image to the next;
  /// the rows of an image are contiguous.
  ptrdiff_t in_stride, out_stride, in_image, out_image;
  /// The input is NCHW, [image][channel][y][x]; only for dense convolutions.
  bool is_nchw;
  /// Output channels of a group read only the input channels of the same group. 1 for a dense
  /// convolution.
  ptrdiff_t groups;
} lab_conv_shape;

// MARK: Dense and grouped convolutions (convolution.c)

/// How a dense or grouped convolution is divided into tasks, and the memory that each needs.
typedef struct {
  /// Blocks of output rows for each image, and groups of panels for each block.
  ptrdiff_t blocks, panel_groups;
  /// A 1 x 1 convolution that reads every pixel: a plain GEMM, whose blocks are pixels of all
  /// images together.
  bool is_pointwise;
  ptrdiff_t tasks;
  /// Floats of scratch for each thread.
  ptrdiff_t scratch_count;
} lab_convolution_plan;
lab_convolution_plan lab_plan_convolution(const lab_conv_shape *shape, int workers);

/// Floats of the packed weight, and of the packed bias, which is padded to whole panels for each
/// group.
ptrdiff_t lab_convolution_weight_count(const lab_conv_shape *shape);
ptrdiff_t lab_convolution_bias_count(const lab_conv_shape *shape);
/// Packs weight [out_channels][channels / groups][kernel_height][kernel_width] and `bias`, which
/// may be NULL.
///
/// `scratch` has out_channels / groups * channels / groups * kernel_height * kernel_width floats.
void lab_pack_convolution(const lab_conv_shape *shape, const float *weight, const float *bias,
                          float *packed_weight, float *packed_bias, float *scratch);

/// Dense or grouped convolution as an implicit GEMM. `epilogue.bias` is a packed bias.
///
/// Each element is one chain of fused multiply-adds in the order kernel row, kernel column,
/// channel, also if the input is NCHW.
void lab_convolve(const lab_conv_shape *shape, const lab_convolution_plan *plan, const float *x,
                  const float *packed, lab_epilogue epilogue, float *out, ptrdiff_t first,
                  ptrdiff_t last, float *scratch);

/// Pixels [pixels][channels] from channels that start `plane` floats apart.
void lab_nchw_to_nhwc(const float *x, ptrdiff_t channels, ptrdiff_t plane, ptrdiff_t pixels,
                      float *out);

// MARK: Depthwise convolutions (depthwise.c)

/// How a depthwise convolution is divided: blocks of output rows and of channels for each image.
typedef struct {
  ptrdiff_t blocks, channel_blocks, tasks;
} lab_depthwise_plan;
lab_depthwise_plan lab_plan_depthwise(const lab_conv_shape *shape, int workers);
/// Weight [kernel_height * kernel_width][channels] from [channels][1][kernel_height][kernel_width].
void lab_pack_depthwise(const lab_conv_shape *shape, const float *weight, float *packed);
/// Convolves each channel with a kernel of its own; `out_channels` equals `channels`.
///
/// Sums are in the order kernel row, kernel column. Square kernels of 3, 5 and 7 with stride 1 or 2
/// have specialized code.
void lab_convolve_depthwise(const lab_conv_shape *shape, const lab_depthwise_plan *plan,
                            const float *x, const float *packed, lab_epilogue epilogue, float *out,
                            ptrdiff_t first, ptrdiff_t last);

// MARK: Pooling and gates (pooling.c)

/// The number of tasks of max and average pooling: rows of the output of all images.
ptrdiff_t lab_pooling_tasks(const lab_conv_shape *shape);
/// Maximum over the window, NaN if the window contains one. Padding counts as -infinity.
void lab_max_pool(const lab_conv_shape *shape, const float *x, float *out, ptrdiff_t first,
                  ptrdiff_t last);
/// Mean over the part of the window that lies inside the image. With `counts_padding`, padding
/// counts as zeros (PyTorch's count_include_pad); it is then as wide at the bottom and right as at
/// the top and left.
void lab_average_pool(const lab_conv_shape *shape, bool counts_padding, const float *x,
                      float *out, ptrdiff_t first, ptrdiff_t last);
/// The number of tasks of a global mean: blocks of channels of each image.
ptrdiff_t lab_global_mean_tasks(ptrdiff_t images, ptrdiff_t channels);
/// out[image][channel] = mean over the image's pixels, which are `stride` apart; images are `image`
/// floats apart.
void lab_global_mean(const float *x, ptrdiff_t pixels, ptrdiff_t channels, ptrdiff_t stride,
                     ptrdiff_t image, float *out, ptrdiff_t out_stride, ptrdiff_t first,
                     ptrdiff_t last);
/// Rows `stride` apart, each broadcast to `repeats` consecutive rows of the other operand.
typedef struct {
  const float *start;
  ptrdiff_t stride, repeats;
} lab_rows;
/// out = a * b for rows first ..< last, for example a gate for each image; `out` may be either
/// operand.
void lab_multiply_rows(lab_rows a, lab_rows b, ptrdiff_t width, float *out, ptrdiff_t out_stride,
                       ptrdiff_t first, ptrdiff_t last);
/// out = activation(a + b) for rows first ..< last; `out` may be either operand.
void lab_add_rows(lab_rows a, lab_rows b, ptrdiff_t width, int activation, float *out,
                  ptrdiff_t out_stride, ptrdiff_t first, ptrdiff_t last);
/// out = activation(x * scale + shift), scale and shift [width]; `out` may be `x`.
void lab_affine_rows(lab_rows x, const float *scale, const float *shift, ptrdiff_t width,
                     int activation, float *out, ptrdiff_t out_stride, ptrdiff_t first,
                     ptrdiff_t last);

// MARK: Attention over images (window_attention.c, linear_attention.c)

/// A vector for each pixel and head: `pixel` floats from one pixel to the next, `head` from one
/// head to the next; the pixels of all images are evenly spaced.
typedef struct {
  const float *start;
  ptrdiff_t pixel, head;
} lab_view;

/// Softmax attention within the windows of an image.
typedef struct {
  ptrdiff_t images, height, width;
  /// They must divide height and width.
  ptrdiff_t window_height, window_width;
  /// The image is rolled up and left by this many pixels before it is divided into windows; pixels
  /// that come from opposite borders do not attend to each other (Swin).
  ptrdiff_t shift_y, shift_x;
  /// A window's pixels are evenly spaced over the whole image instead of adjacent.
  bool is_grid;
  ptrdiff_t heads, key_dim, value_dim;
  lab_view q, k, v;
  float scale;
  /// Added to the scaled logits, [heads][tokens][tokens] for the tokens of a window, or NULL.
  const float *bias;
  float *out;
  ptrdiff_t out_pixel, out_head;
} lab_window_attention;
/// The number of tasks: each is a block of rows of one head of one window.
ptrdiff_t lab_window_attention_tasks(const lab_window_attention *attention);
ptrdiff_t lab_window_attention_scratch_count(const lab_window_attention *attention);
void lab_attend_windows(const lab_window_attention *attention, ptrdiff_t first, ptrdiff_t last,
                        float *scratch);

/// Attention with ReLU instead of softmax over all pixels of an image; its cost is linear in the
/// number of pixels.
typedef struct {
  ptrdiff_t images, pixels, heads, key_dim, value_dim;
  lab_view q, k, v;
  float epsilon;
  float *out;
  ptrdiff_t out_pixel, out_head;
} lab_linear_attention;
/// The number of tasks: each is one head of one image.
ptrdiff_t lab_linear_attention_tasks(const lab_linear_attention *attention);
ptrdiff_t lab_linear_attention_scratch_count(const lab_linear_attention *attention);
/// out_i = relu(q_i) (sum_j relu(k_j)^T v_j) / (relu(q_i) . sum_j relu(k_j) + epsilon)
///  (EfficientViT's LiteMLA)
void lab_attend_linear(const lab_linear_attention *attention, ptrdiff_t first, ptrdiff_t last,
                       float *scratch);
/// out_i = relu(q_i) * (sum_j relu(k_j) * v_j) / max(relu(q_i) . sum_j relu(k_j), epsilon), where *
/// is elementwise (ReduceFormer)
///
/// `key_dim` equals `value_dim`; `scratch` has 2 * key_dim floats.
void lab_attend_reduced(const lab_linear_attention *attention, ptrdiff_t first, ptrdiff_t last,
                        float *scratch);

#endif
