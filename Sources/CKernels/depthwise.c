// Depthwise convolutions, vectorized over channels.
#include "gemm_tiles.h"

#include "multiversion.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
  MIN_STRIP = 4,
  MAX_STRIP = 8,
  /// Channels that are computed together for a block of rows, few enough that the inputs that the
  /// next row reads again stay in the cache.
  CHUNK_CHANNELS = 64,
  /// Pixels that are a multiple of this many bytes apart share so few sets of the L1 cache that the
  /// inputs of a strip evict each other. Their rows are first copied to contiguous memory (measured
  /// at 2,048 bytes: 0.4 times the time).
  PIXEL_ALIASING_BYTES = 2048,
  /// Floats of such a copy, 96 kB.
  COPY_FLOATS = 24576,
  TASKS_PER_WORKER = 6,
  /// Tasks start at multiples of this many channels.
  CHANNEL_UNIT = 32,
  /// As in convolution.c.
  MIN_WORKER_PIXELS = 84,
  /// Minimum output rows of a block: with fewer, most input rows would be loaded into the cache
  /// more than once.
  BLOCK_ROWS = 4,
};

/// Adjacent outputs of one row.
typedef struct {
  /// The input of the first output's first tap in the first kernel row that lies inside the image,
  /// and the floats between input rows and pixels. Before a strip is selected: the start of input
  /// row `first_line`.
  const float *x;
  ptrdiff_t line, pixel, first_line;
  /// The weights of that kernel row, the number of kernel rows and the inputs of a row that lie
  /// inside the image.
  const float *weight;
  ptrdiff_t weight_stride, rows, first_input, last_input, kernel_width;
  const float *bias;
  ptrdiff_t channels;
  float *out;
  ptrdiff_t out_stride, outputs;
  /// Where the sums are stored: in the output itself if the strip applies the epilogue.
  float *sums;
  ptrdiff_t sums_stride;
  tile_epilogue epilogue;
  /// The strip applies the epilogue while its sums are in registers.
  bool fuses_epilogue;
} depthwise_strip;

typedef void depthwise_function(const depthwise_strip *strip);

typedef struct {
  /// By kernel size (3, 5, 7), stride, width of the strip, and whether it is complete (0) or
  /// general (1).
  depthwise_function *strips[3][2][MAX_STRIP - MIN_STRIP + 1][2];
  depthwise_function *one_output;
  void (*apply_epilogue)(const tile_epilogue *epilogue, const float *from,
                         ptrdiff_t from_stride, ptrdiff_t rows, ptrdiff_t columns, float *to,
                         ptrdiff_t stride);
  ptrdiff_t lanes;
} depthwise_kernels;

#if defined(__x86_64__)
#define ISA avx512
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define LANES 16
#include "depthwise_kernels.h"
#define ISA avx2
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define LANES 8
#include "depthwise_kernels.h"
#endif
#define ISA plain
#define TARGET
#define LANES 4
#include "depthwise_kernels.h"

/// Depends only on the channels, so that the bits of an output do too.
static const depthwise_kernels *kernels_for(ptrdiff_t channels) {
#if defined(__x86_64__)
  const ptrdiff_t lanes = lab_kernels()->lanes;
  if (lanes == 16 && channels >= 16) return &kernels_avx512;
  if (lanes >= 8) return &kernels_avx2;
#else
  (void)channels;
#endif
  return &kernels_plain;
}

LAB_INLINE ptrdiff_t minimum(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
LAB_INLINE ptrdiff_t maximum(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }
LAB_INLINE ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }

lab_depthwise_plan lab_plan_depthwise(const lab_conv_shape *p, int workers) {
  const ptrdiff_t wanted = workers > 1 ? (ptrdiff_t)workers * TASKS_PER_WORKER : 1;
  const ptrdiff_t units = ceil_div(p->channels, CHANNEL_UNIT);
  const ptrdiff_t for_each = ceil_div(wanted, p->images);
  const ptrdiff_t shares = p->images % workers == 0 ? 1 : workers;
  lab_depthwise_plan plan = {.blocks = 1, .channel_blocks = 1};
  // As in `lab_plan_convolution`: each worker reads the rows or channels that it wrote before.
  if (p->out_height * p->out_width >= shares * MIN_WORKER_PIXELS) {
    const ptrdiff_t blocks = minimum(for_each, maximum(shares, p->out_height / BLOCK_ROWS));
    plan.blocks = minimum(p->out_height, ceil_div(blocks, shares) * shares);
  } else {
    plan.channel_blocks = minimum(units, for_each);
    plan.blocks = minimum(p->out_height, ceil_div(for_each, plan.channel_blocks));
  }
  plan.tasks = p->images * plan.blocks * plan.channel_blocks;
  return plan;
}

void lab_pack_depthwise(const lab_conv_shape *p, const float *weight, float *packed) {
  const ptrdiff_t taps = p->kernel_height * p->kernel_width;
  lab_transpose(weight, p->channels, taps, taps, packed, p->channels);
}

/// What all strips of a call have in common.
typedef struct {
  const lab_conv_shape *shape;
  const depthwise_kernels *kernels;
  /// The functions for this kernel size and stride by strip width, or NULL if there are none.
  depthwise_function *const (*strips)[2];
} depthwise_call;

/// Computes one strip over all its channels; its position is already set.
static void run_strip(const depthwise_call *call, depthwise_strip *s, bool is_inside) {
  _Alignas(64) float sums[MAX_STRIP * CHUNK_CHANNELS];
  s->sums = s->fuses_epilogue ? s->out : sums;
  s->sums_stride = s->fuses_epilogue ? s->out_stride : CHUNK_CHANNELS;
  if (!call->strips) {
    call->kernels->one_output(s);
  } else {
    depthwise_function *const *pair =
        call->strips[maximum(s->outputs, MIN_STRIP) - MIN_STRIP];
    const ptrdiff_t channels = s->channels, rest = channels % call->kernels->lanes;
    if (!is_inside || s->outputs < MIN_STRIP) {
      pair[1](s);
    } else if (rest == 0) {
      pair[0](s);
    } else {
      s->channels -= rest;
      if (s->channels > 0) pair[0](s);
      depthwise_strip tail = *s;
      tail.x += s->channels;
      tail.weight += s->channels;
      tail.sums += s->channels;
      if (tail.bias) tail.bias += s->channels;
      if (tail.epilogue.residual) tail.epilogue.residual += s->channels;
      tail.channels = rest;
      pair[1](&tail);
      s->channels = channels;
    }
  }
  if (!s->fuses_epilogue)
    call->kernels->apply_epilogue(&s->epilogue, sums, CHUNK_CHANNELS, s->outputs, s->channels,
                                  s->out, s->out_stride);
}

/// Computes output rows first ..< last of a chunk of channels; `s` has the chunk's channels,
/// weights, input and the image's output.
static void chunk_rows(const depthwise_call *call, depthwise_strip s, ptrdiff_t first,
                       ptrdiff_t last) {
  const lab_conv_shape *p = call->shape;
  const ptrdiff_t widest = call->strips ? MAX_STRIP : 1;
  const ptrdiff_t strips = (p->out_width + widest - 1) / widest;
  const ptrdiff_t width = p->out_width / strips, wider = p->out_width % strips;
  const float *const x = s.x, *const weight = s.weight, *const residual = s.epilogue.residual;
  float *const out = s.out;
  for (ptrdiff_t y = first; y < last; y++) {
    const ptrdiff_t top = y * p->stride - p->pad_top;
    const ptrdiff_t first_row = maximum(0, -top),
                    last_row = minimum(p->kernel_height, p->height - top);
    s.rows = maximum(0, last_row - first_row);
    s.weight = weight + first_row * p->kernel_width * s.weight_stride;
    const float *const line = x + (top + first_row - s.first_line) * s.line;
    ptrdiff_t column = 0;
    for (ptrdiff_t strip = 0; strip < strips; strip++, column += s.outputs) {
      s.outputs = width + (strip < wider);
      const ptrdiff_t left = column * p->stride - p->pad_left;
      const ptrdiff_t inputs = (s.outputs - 1) * p->stride + p->kernel_width;
      s.first_input = maximum(0, -left);
      s.last_input = minimum(inputs, p->width - left);
      s.x = line + left * s.pixel;
      s.out = out + (y * p->out_width + column) * s.out_stride;
      if (residual)
        s.epilogue.residual = residual + (y * p->out_width + column) * s.epilogue.residual_stride;
      run_strip(call, &s, s.first_input == 0 && s.last_input == inputs);
    }
  }
}

/// As `chunk_rows`, from a copy of the input in which the chunk's channels are contiguous.
static void chunk_rows_from_copy(const depthwise_call *call, depthwise_strip s, ptrdiff_t first,
                                 ptrdiff_t last) {
  const lab_conv_shape *p = call->shape;
  _Alignas(64) float copy[COPY_FLOATS];
  const ptrdiff_t capacity = COPY_FLOATS / (p->width * CHUNK_CHANNELS);
  const ptrdiff_t step = (capacity - p->kernel_height) / p->stride + 1;
  for (ptrdiff_t y = first; y < last; y += step) {
    const ptrdiff_t block_end = minimum(y + step, last);
    const ptrdiff_t top = maximum(0, y * p->stride - p->pad_top);
    const ptrdiff_t bottom =
        minimum(p->height, (block_end - 1) * p->stride - p->pad_top + p->kernel_height);
    float *to = copy;
    for (ptrdiff_t pixel = top * p->width; pixel < bottom * p->width; pixel++, to += CHUNK_CHANNELS)
      memcpy(to, s.x + pixel * p->in_stride, (size_t)s.channels * sizeof *to);
    depthwise_strip own = s;
    own.pixel = CHUNK_CHANNELS;
    own.line = p->width * CHUNK_CHANNELS;
    own.x = copy;
    own.first_line = top;
    chunk_rows(call, own, y, block_end);
  }
}

void lab_convolve_depthwise(const lab_conv_shape *p, const lab_depthwise_plan *plan, const float *x,
                            const float *packed, lab_epilogue epilogue, float *out,
                            ptrdiff_t first, ptrdiff_t last) {
  depthwise_call call = {.shape = p, .kernels = kernels_for(p->channels)};
  const ptrdiff_t size = p->kernel_height;
  const bool is_specialized = size == p->kernel_width && (size == 3 || size == 5 || size == 7) &&
                        (p->stride == 1 || p->stride == 2);
  if (is_specialized) call.strips = call.kernels->strips[size / 2 - 1][p->stride - 1];
  const bool needs_copy = p->in_stride * (ptrdiff_t)sizeof *x % PIXEL_ALIASING_BYTES == 0 &&
                         p->width * p->kernel_height * CHUNK_CHANNELS <= COPY_FLOATS;
  const bool fuses_epilogue =
      is_specialized && (epilogue.activation == LAB_ACTIVATION_NONE ||
                         ((epilogue.activation == LAB_ACTIVATION_RELU ||
                           epilogue.activation == LAB_ACTIVATION_HARD_SWISH) &&
                          !(epilogue.activates_sum && epilogue.residual)));
  const ptrdiff_t per_image = plan->blocks * plan->channel_blocks;
  const ptrdiff_t units = ceil_div(p->channels, CHANNEL_UNIT);
  for (ptrdiff_t task = first; task < last; task++) {
    const ptrdiff_t image = task / per_image, block = task % per_image / plan->channel_blocks;
    const ptrdiff_t part = task % plan->channel_blocks;
    const ptrdiff_t first_row = p->out_height * block / plan->blocks;
    const ptrdiff_t last_row = p->out_height * (block + 1) / plan->blocks;
    const ptrdiff_t last_channel =
        minimum(p->channels, units * (part + 1) / plan->channel_blocks * CHANNEL_UNIT);
    const ptrdiff_t out_pixel = image * p->out_height * p->out_width;
    for (ptrdiff_t c = units * part / plan->channel_blocks * CHANNEL_UNIT; c < last_channel;
         c += CHUNK_CHANNELS) {
      const depthwise_strip s = {
          .x = x + image * p->in_image + c,
          .line = p->width * p->in_stride,
          .pixel = p->in_stride,
          .weight = packed + c,
          .weight_stride = p->channels,
          .kernel_width = p->kernel_width,
          .bias = epilogue.bias ? epilogue.bias + c : NULL,
          .channels = minimum(CHUNK_CHANNELS, last_channel - c),
          .out = out + image * p->out_image + c,
          .out_stride = p->out_stride,
          .epilogue = {.activation = epilogue.activation,
                       .residual = epilogue.residual
                                       ? epilogue.residual +
                                             out_pixel * epilogue.residual_stride + c
                                       : NULL,
                       .residual_stride = epilogue.residual_stride,
                       .activates_sum = epilogue.activates_sum},
          .fuses_epilogue = fuses_epilogue,
      };
      if (needs_copy) {
        chunk_rows_from_copy(&call, s, first_row, last_row);
      } else {
        chunk_rows(&call, s, first_row, last_row);
      }
    }
  }
}
