// Convolutions and what stands between them, on pictures of float32 with channels last:
// [image][y][x][channel].
//
// Work is cut into tasks that may run in any order on any threads: `lab_..._tasks` counts them, the
// function runs tasks first ..< last. A result has the same bits whatever the tasks are given to,
// and whatever other images are in the batch.
#ifndef LAB_CONVOLUTION_H
#define LAB_CONVOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// MARK: Epilogues

/// Applied to each number of a result. All propagate NaN. GELU has the exact error function;
/// `HARD_SIGMOID` is min(max(x + 3, 0), 6) / 6 and `HARD_SWISH` x times that.
enum {
  LAB_ACTIVATION_NONE = 0,
  LAB_ACTIVATION_RELU = 1,
  LAB_ACTIVATION_GELU = 2,
  LAB_ACTIVATION_SILU = 3,
  LAB_ACTIVATION_SIGMOID = 4,
  LAB_ACTIVATION_HARD_SWISH = 5,
  LAB_ACTIVATION_HARD_SIGMOID = 6,
};

/// out = activation(sum + bias) + residual, or activation(sum + bias + residual)
typedef struct {
  /// One number for each output channel, or NULL.
  const float *bias;
  int activation;
  /// A number for each of the output's, pixels `residual_stride` apart over all images, or NULL.
  /// May be the output itself, and nothing that overlaps it otherwise.
  const float *residual;
  ptrdiff_t residual_stride;
  bool activates_sum;
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
  /// Numbers from pixel to pixel, not less than the channels, and from image to image; rows of
  /// pixels follow each other.
  ptrdiff_t in_stride, out_stride, in_image, out_image;
  /// Of a dense convolution alone: the input stands as planes, [image][channel][y][x].
  bool has_planes;
  /// Output channels of a group see input channels of the same group alone. 1 for a plain
  /// convolution.
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
/// Packs weight [out_channels][channels / groups][kernel_height][kernel_width] and a bias, which
/// may be NULL.
///
/// `scratch` holds out_channels / groups * channels / groups * kernel_height * kernel_width
/// numbers.
void lab_pack_convolution(const lab_picture *picture, const float *weight, const float *bias,
                          float *packed_weight, float *packed_bias, float *scratch);

/// Dense or grouped convolution by implicit matrix product. `epilogue.bias` is a packed bias.
///
/// Each number is one chain of fused multiply-adds in the order kernel row, column, channel (of
/// planes as well).
void lab_convolve(const lab_picture *picture, const lab_convolution_plan *plan, const float *x,
                  const float *packed, lab_epilogue epilogue, float *out, ptrdiff_t first,
                  ptrdiff_t last, float *scratch);

/// Pixels [pixels][channels] from planes that begin `plane` numbers apart.
void lab_interleave_planes(const float *x, ptrdiff_t channels, ptrdiff_t plane, ptrdiff_t pixels,
                           float *out);

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
/// A sum's order is kernel row, then column. Fastest for square kernels of 3, 5 and 7 with stride 1
/// or 2.
void lab_convolve_depthwise(const lab_picture *picture, const lab_depthwise_plan *plan,
                            const float *x, const float *packed, lab_epilogue epilogue, float *out,
                            ptrdiff_t first, ptrdiff_t last);

// MARK: Pooling and gates (pooling.c)

/// Tasks of either pooling: rows of the output of all images.
ptrdiff_t lab_pooling_tasks(const lab_picture *picture);
/// Largest number under the kernel, NaN where there is one. Padding counts as minus infinity.
void lab_max_pool(const lab_picture *picture, const float *x, float *out, ptrdiff_t first,
                  ptrdiff_t last);
/// Mean of the numbers under the kernel that lie inside; where `counts_padding`, the zeros of a
/// border as wide on all sides as before the picture count as well (PyTorch's count_include_pad).
void lab_average_pool(const lab_picture *picture, bool counts_padding, const float *x, float *out,
                      ptrdiff_t first, ptrdiff_t last);
/// Tasks of a global mean: some channels of one image.
ptrdiff_t lab_global_mean_tasks(ptrdiff_t images, ptrdiff_t channels);
/// out: the mean of each channel over `pixels` pixels, `stride` apart, of images `image` apart;
/// rows of `out` `out_stride` apart.
void lab_global_mean(const float *x, ptrdiff_t pixels, ptrdiff_t channels, ptrdiff_t stride,
                     ptrdiff_t image, float *out, ptrdiff_t out_stride, ptrdiff_t first,
                     ptrdiff_t last);
/// Rows of numbers, `stride` apart; one of them serves for `repeats` rows of another operand.
typedef struct {
  const float *start;
  ptrdiff_t stride, repeats;
} lab_rows;
/// out = a * b for rows first ..< last, such as a gate for each image; `out` may be either.
void lab_multiply_rows(lab_rows a, lab_rows b, ptrdiff_t width, float *out, ptrdiff_t out_stride,
                       ptrdiff_t first, ptrdiff_t last);
/// out = activation(a + b) for rows first ..< last; `out` may be either.
void lab_add_rows(lab_rows a, lab_rows b, ptrdiff_t width, int activation, float *out,
                  ptrdiff_t out_stride, ptrdiff_t first, ptrdiff_t last);
/// out = activation(x * scale + shift), scale and shift [width]; `out` may be `x`.
void lab_affine_rows(lab_rows x, const float *scale, const float *shift, ptrdiff_t width,
                     int activation, float *out, ptrdiff_t out_stride, ptrdiff_t first,
                     ptrdiff_t last);

// MARK: Attention over pictures (window_attention.c, linear_attention.c)

/// Vectors of each pixel and head: `head` numbers from head to head, `pixel` from pixel to pixel;
/// images are dense.
typedef struct {
  const float *start;
  ptrdiff_t pixel, head;
} lab_view;

/// Softmax attention within windows of a picture.
typedef struct {
  ptrdiff_t images, height, width;
  /// Divide height and width.
  ptrdiff_t window_height, window_width;
  /// The picture is rolled by so much up and left before it is cut into windows; pixels that come
  /// together from opposite borders do not see each other (Swin).
  ptrdiff_t shift_y, shift_x;
  /// A window takes pixels evenly spread over the picture instead of neighbors.
  bool is_grid;
  ptrdiff_t heads, key_dim, value_dim;
  lab_view q, k, v;
  float scale;
  /// Added to the scaled logits, [heads][tokens][tokens] with the tokens of a window, or NULL.
  const float *bias;
  float *out;
  ptrdiff_t out_pixel, out_head;
} lab_window_attention;
/// Tasks: some rows of one head of one window.
ptrdiff_t lab_window_attention_tasks(const lab_window_attention *attention);
ptrdiff_t lab_window_attention_scratch_count(const lab_window_attention *attention);
void lab_attend_windows(const lab_window_attention *attention, ptrdiff_t first, ptrdiff_t last,
                        float *scratch);

/// Attention with ReLU in place of softmax: linear in the pixels, which all see each other.
typedef struct {
  ptrdiff_t images, pixels, heads, key_dim, value_dim;
  lab_view q, k, v;
  float epsilon;
  float *out;
  ptrdiff_t out_pixel, out_head;
} lab_linear_attention;
/// Tasks: one head of one image.
ptrdiff_t lab_linear_attention_tasks(const lab_linear_attention *attention);
ptrdiff_t lab_linear_attention_scratch_count(const lab_linear_attention *attention);
/// out_i = relu(q_i) (sum_j relu(k_j)^T v_j) / (relu(q_i) . sum_j relu(k_j) + epsilon)
/// (EfficientViT's LiteMLA)
void lab_attend_linear(const lab_linear_attention *attention, ptrdiff_t first, ptrdiff_t last,
                       float *scratch);
/// out_i = relu(q_i) * (sum_j relu(k_j) * v_j) / max(relu(q_i) . sum_j relu(k_j), epsilon),
/// products by element   (ReduceFormer)
///
/// `key_dim` equals `value_dim`; `scratch` holds 2 * key_dim numbers.
void lab_attend_reduced(const lab_linear_attention *attention, ptrdiff_t first, ptrdiff_t last,
                        float *scratch);

#endif
