// Depthwise convolutions, vectors across channels.
#include "product_tiles.h"

#include "multiversion.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
  NARROWEST_STRIP = 4,
  WIDEST_STRIP = 8,
  /// Channels that pass over a block of rows together: what a strip reads again for the next row
  /// then stays in the nearest caches.
  CHUNK_CHANNELS = 64,
  /// Pixels a multiple of this many bytes apart share so few sets of the L1 cache that what a strip
  /// loads evicts itself; their rows are copied closely together first (measured: 0.4 of the time
  /// at 2,048 bytes).
  PIXEL_ALIASING_BYTES = 2048,
  /// Numbers of such copies, 96 kB.
  CLOSE_NUMBERS = 24576,
  TASKS_PER_WORKER = 6,
  /// Channels that tasks are told apart by.
  CHANNEL_UNIT = 32,
  /// As in convolution.c.
  LEAST_SHARE_PIXELS = 84,
  /// Fewer output rows in a block read most of their input from further away once more.
  BLOCK_ROWS = 4,
};

/// Outputs side by side of one row.
typedef struct {
  /// The input of the first output's first tap, in the first kernel row that lies inside; rows and
  /// pixels apart. Before a strip is chosen: the input's row `first_line`.
  const float *x;
  ptrdiff_t line, pixel, first_line;
  /// The weights of that kernel row, how many kernel rows there are, and the inputs of a row that
  /// lie inside.
  const float *weight;
  ptrdiff_t weight_stride, rows, first_input, last_input, kernel_width;
  const float *bias;
  ptrdiff_t channels;
  float *out;
  ptrdiff_t out_stride, outputs;
  /// Where the sums go: the output itself where the strip finishes them.
  float *sums;
  ptrdiff_t sums_stride;
  tile_end end;
  /// The strip finishes its sums while they are in registers.
  bool is_simple;
} depthwise_strip;

typedef void depthwise_function(const depthwise_strip *strip);

typedef struct {
  /// By size (3, 5, 7), stride, width, and whether the strip is whole or general.
  depthwise_function *strips[3][2][WIDEST_STRIP - NARROWEST_STRIP + 1][2];
  depthwise_function *one_output;
  void (*finish)(const tile_end *end, const float *from, ptrdiff_t from_stride, ptrdiff_t rows,
                 ptrdiff_t columns, float *to, ptrdiff_t stride);
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

/// By the channels alone, so that an output's bits depend on nothing else.
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
LAB_INLINE ptrdiff_t divided_up(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }

lab_depthwise_plan lab_plan_depthwise(const lab_picture *p, int workers) {
  const ptrdiff_t wanted = workers > 1 ? (ptrdiff_t)workers * TASKS_PER_WORKER : 1;
  const ptrdiff_t units = divided_up(p->channels, CHANNEL_UNIT);
  const ptrdiff_t for_each = divided_up(wanted, p->images);
  const ptrdiff_t shares = p->images % workers == 0 ? 1 : workers;
  lab_depthwise_plan plan = {.blocks = 1, .channel_blocks = 1};
  // As in `lab_plan_convolution`: a worker reads the rows or the channels that it wrote before.
  if (p->out_height * p->out_width >= shares * LEAST_SHARE_PIXELS) {
    const ptrdiff_t blocks = minimum(for_each, maximum(shares, p->out_height / BLOCK_ROWS));
    plan.blocks = minimum(p->out_height, divided_up(blocks, shares) * shares);
  } else {
    plan.channel_blocks = minimum(units, for_each);
    plan.blocks = minimum(p->out_height, divided_up(for_each, plan.channel_blocks));
  }
  plan.tasks = p->images * plan.blocks * plan.channel_blocks;
  return plan;
}

void lab_pack_depthwise(const lab_picture *p, const float *weight, float *packed) {
  const ptrdiff_t taps = p->kernel_height * p->kernel_width;
  lab_transpose(weight, p->channels, taps, taps, packed, p->channels);
}

/// What is the same for all strips of a call.
typedef struct {
  const lab_picture *picture;
  const depthwise_kernels *kernels;
  /// The strips of the picture's kernel and stride by their width, or NULL.
  depthwise_function *const (*strips)[2];
} depthwise_call;

/// One strip, whose place is known, over all its channels.
static void run_strip(const depthwise_call *call, depthwise_strip *s, bool is_inside) {
  _Alignas(64) float sums[WIDEST_STRIP * CHUNK_CHANNELS];
  s->sums = s->is_simple ? s->out : sums;
  s->sums_stride = s->is_simple ? s->out_stride : CHUNK_CHANNELS;
  if (!call->strips) {
    call->kernels->one_output(s);
  } else {
    depthwise_function *const *pair =
        call->strips[maximum(s->outputs, NARROWEST_STRIP) - NARROWEST_STRIP];
    const ptrdiff_t channels = s->channels, rest = channels % call->kernels->lanes;
    if (!is_inside || s->outputs < NARROWEST_STRIP) {
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
      if (tail.end.residual) tail.end.residual += s->channels;
      tail.channels = rest;
      pair[1](&tail);
      s->channels = channels;
    }
  }
  if (!s->is_simple)
    call->kernels->finish(&s->end, sums, CHUNK_CHANNELS, s->outputs, s->channels, s->out,
                          s->out_stride);
}

/// Output rows first ..< last of a chunk of channels; `s` has its channels, weights, input and
/// outputs of the image.
static void chunk_rows(const depthwise_call *call, depthwise_strip s, ptrdiff_t first,
                       ptrdiff_t last) {
  const lab_picture *p = call->picture;
  const ptrdiff_t widest = call->strips ? WIDEST_STRIP : 1;
  const ptrdiff_t strips = (p->out_width + widest - 1) / widest;
  const ptrdiff_t width = p->out_width / strips, wider = p->out_width % strips;
  const float *const x = s.x, *const weight = s.weight, *const residual = s.end.residual;
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
      if (residual) s.end.residual = residual + (y * p->out_width + column) * s.end.residual_stride;
      run_strip(call, &s, s.first_input == 0 && s.last_input == inputs);
    }
  }
}

/// The same, by way of a copy of the input in which the chunk's channels stand closely together.
static void chunk_rows_closely(const depthwise_call *call, depthwise_strip s, ptrdiff_t first,
                               ptrdiff_t last) {
  const lab_picture *p = call->picture;
  _Alignas(64) float close[CLOSE_NUMBERS];
  const ptrdiff_t capacity = CLOSE_NUMBERS / (p->width * CHUNK_CHANNELS);
  const ptrdiff_t step = (capacity - p->kernel_height) / p->stride + 1;
  for (ptrdiff_t y = first; y < last; y += step) {
    const ptrdiff_t end = minimum(y + step, last);
    const ptrdiff_t top = maximum(0, y * p->stride - p->pad_top);
    const ptrdiff_t bottom =
        minimum(p->height, (end - 1) * p->stride - p->pad_top + p->kernel_height);
    float *to = close;
    for (ptrdiff_t pixel = top * p->width; pixel < bottom * p->width; pixel++, to += CHUNK_CHANNELS)
      memcpy(to, s.x + pixel * p->in_stride, (size_t)s.channels * sizeof *to);
    depthwise_strip own = s;
    own.pixel = CHUNK_CHANNELS;
    own.line = p->width * CHUNK_CHANNELS;
    own.x = close;
    own.first_line = top;
    chunk_rows(call, own, y, end);
  }
}

void lab_convolve_depthwise(const lab_picture *p, const lab_depthwise_plan *plan, const float *x,
                            const float *packed, lab_epilogue epilogue, float *out,
                            ptrdiff_t first, ptrdiff_t last) {
  depthwise_call call = {.picture = p, .kernels = kernels_for(p->channels)};
  const ptrdiff_t size = p->kernel_height;
  const bool is_usual = size == p->kernel_width && (size == 3 || size == 5 || size == 7) &&
                        (p->stride == 1 || p->stride == 2);
  if (is_usual) call.strips = call.kernels->strips[size / 2 - 1][p->stride - 1];
  const bool is_copied = p->in_stride * (ptrdiff_t)sizeof *x % PIXEL_ALIASING_BYTES == 0 &&
                         p->width * p->kernel_height * CHUNK_CHANNELS <= CLOSE_NUMBERS;
  const bool is_simple =
      is_usual && (epilogue.activation == LAB_ACTIVATION_NONE ||
                   ((epilogue.activation == LAB_ACTIVATION_RELU ||
                     epilogue.activation == LAB_ACTIVATION_HARD_SWISH) &&
                    !(epilogue.activates_sum && epilogue.residual)));
  const ptrdiff_t per_image = plan->blocks * plan->channel_blocks;
  const ptrdiff_t units = divided_up(p->channels, CHANNEL_UNIT);
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
          .end = {.activation = epilogue.activation,
                  .residual = epilogue.residual
                                  ? epilogue.residual + out_pixel * epilogue.residual_stride + c
                                  : NULL,
                  .residual_stride = epilogue.residual_stride,
                  .activates_sum = epilogue.activates_sum},
          .is_simple = is_simple,
      };
      if (is_copied) {
        chunk_rows_closely(&call, s, first_row, last_row);
      } else {
        chunk_rows(&call, s, first_row, last_row);
      }
    }
  }
}
