// Dense and grouped convolutions as implicit GEMMs.
//
// In NHWC, the inputs that one row of the convolution kernel reads for one output pixel are
// contiguous, and those of the next pixel start `stride` pixels later: they are evenly spaced,
// overlapping rows of a matrix. A tile of gemm.c reads them in place, one piece for each kernel
// row. If the kernel reaches into the padding, or the image is NCHW, the image rows that a block of
// output rows needs are first copied together with their padding.
#include <string.h>

#include "multiversion.h"
#include "gemm_tiles.h"

enum {
  /// Output pixels of a block: enough that each part of a panel is read many times from the L2
  /// cache, so that loading it into the cache hardly matters.
  BLOCK_PIXELS = 256,
  /// With fewer pixels, tiles would use only some of their registers.
  MIN_BLOCK_PIXELS = 28,
  /// With fewer pixels for each worker, weights would be read too often: workers then share pixels
  /// and divide the weights.
  MIN_WORKER_PIXELS = 84,
  /// Floats of copied rows, 384 kB: together with part of a panel they fit into the L2 cache.
  MAX_COPIED_FLOATS = 98304,
  TASKS_PER_WORKER = 6,
};

LAB_INLINE ptrdiff_t minimum(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
LAB_INLINE ptrdiff_t maximum(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }
LAB_INLINE ptrdiff_t ceil_div(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }

LAB_INLINE ptrdiff_t group_inputs(const lab_conv_shape *p) { return p->channels / p->groups; }
LAB_INLINE ptrdiff_t group_outputs(const lab_conv_shape *p) { return p->out_channels / p->groups; }
/// k of one kernel row, and of the whole kernel.
LAB_INLINE ptrdiff_t row_k(const lab_conv_shape *p) { return p->kernel_width * group_inputs(p); }
LAB_INLINE ptrdiff_t total_k(const lab_conv_shape *p) { return p->kernel_height * row_k(p); }
/// The number of panels of all groups.
LAB_INLINE ptrdiff_t all_panels(const lab_conv_shape *p) {
  return p->groups * lab_panels(group_outputs(p));
}

/// Columns of the input that a row of output pixels reads, and input rows that `rows` output rows
/// read.
LAB_INLINE ptrdiff_t read_width(const lab_conv_shape *p) {
  return (p->out_width - 1) * p->stride + p->kernel_width;
}
LAB_INLINE ptrdiff_t read_height(const lab_conv_shape *p, ptrdiff_t rows) {
  return (rows - 1) * p->stride + p->kernel_height;
}

/// Whether tiles can read the input in place.
static bool reads_in_place(const lab_conv_shape *p) {
  const bool is_inside = p->pad_top == 0 && p->pad_left == 0 && read_width(p) <= p->width &&
                         read_height(p, p->out_height) <= p->height;
  return is_inside && !p->is_nchw &&
         (p->kernel_width == 1 || (p->groups == 1 && p->in_stride == p->channels));
}

static bool is_pointwise(const lab_conv_shape *p) {
  return p->kernel_height == 1 && p->kernel_width == 1 && p->stride == 1 && reads_in_place(p) &&
         p->out_height == p->height && p->out_width == p->width &&
         (p->images == 1 || (p->in_image == p->height * p->width * p->in_stride &&
                             p->out_image == p->height * p->width * p->out_stride));
}

/// Whether a tile's rows all start in the same set of the L1 cache, so that they are gathered
/// first.
static bool needs_gather(const lab_conv_shape *p) {
  const ptrdiff_t step = p->stride * (reads_in_place(p) ? p->in_stride : group_inputs(p));
  return step * (ptrdiff_t)sizeof(float) % ALIASING_BYTES == 0;
}

lab_convolution_plan lab_plan_convolution(const lab_conv_shape *p, int workers) {
  lab_convolution_plan plan = {.is_pointwise = is_pointwise(p)};
  const ptrdiff_t wanted = workers > 1 ? (ptrdiff_t)workers * TASKS_PER_WORKER : 1;
  const ptrdiff_t panels = all_panels(p);
  // `rows` can be divided into blocks; `block` is the maximum and `smallest` the minimum block
  // size.
  ptrdiff_t rows, block, smallest, images = p->images;
  if (plan.is_pointwise) {
    images = 1;
    rows = p->images * p->height * p->width;
    block = BLOCK_PIXELS;
    smallest = MIN_BLOCK_PIXELS;
  } else {
    rows = p->out_height;
    block = maximum(1, BLOCK_PIXELS / p->out_width);
    smallest = ceil_div(MIN_BLOCK_PIXELS, p->out_width);
    if (!reads_in_place(p))
      while (block > 1 &&
             read_height(p, block) * read_width(p) * group_inputs(p) > MAX_COPIED_FLOATS)
        block--;
  }
  plan.blocks = ceil_div(rows, block);
  plan.panel_groups = 1;
  if (workers > 1) {
    // The same number of blocks for each worker, so that it reads what it wrote before, from its
    // own cache.
    const ptrdiff_t shares = images % workers == 0 ? 1 : workers;
    if (rows >= shares * ceil_div(MIN_WORKER_PIXELS, plan.is_pointwise ? 1 : p->out_width))
      plan.blocks = minimum(rows, ceil_div(plan.blocks, shares) * shares);
    plan.panel_groups = minimum(panels, ceil_div(wanted, images * plan.blocks));
    const ptrdiff_t blocks = ceil_div(wanted, images * plan.panel_groups);
    plan.blocks = maximum(plan.blocks, minimum(blocks, rows / smallest));
  }
  plan.tasks = images * plan.blocks * plan.panel_groups;
  const ptrdiff_t block_rows = ceil_div(rows, plan.blocks);
  if (!reads_in_place(p))
    plan.scratch_count += read_height(p, block_rows) * read_width(p) * group_inputs(p);
  if (needs_gather(p))
    plan.scratch_count +=
        lab_gemm_scratch_count(plan.is_pointwise ? block_rows : block_rows * p->out_width);
  return plan;
}

// MARK: Weights

ptrdiff_t lab_convolution_weight_count(const lab_conv_shape *p) {
  return p->groups * lab_packed_count(group_outputs(p), total_k(p));
}

ptrdiff_t lab_convolution_bias_count(const lab_conv_shape *p) {
  return all_panels(p) * lab_panel_width();
}

void lab_pack_convolution(const lab_conv_shape *p, const float *weight, const float *bias,
                          float *packed_weight, float *packed_bias, float *scratch) {
  const ptrdiff_t inputs = group_inputs(p), outputs = group_outputs(p), inner = total_k(p);
  const ptrdiff_t taps = p->kernel_height * p->kernel_width;
  const ptrdiff_t panels = lab_panels(outputs), bias_count = panels * lab_panel_width();
  memset(packed_bias, 0, (size_t)lab_convolution_bias_count(p) * sizeof *packed_bias);
  for (ptrdiff_t group = 0; group < p->groups; group++) {
    const float *own = weight + group * outputs * inner;
    for (ptrdiff_t output = 0; output < outputs; output++)
      lab_transpose(own + output * inner, inputs, taps, taps, scratch + output * inner, inputs);
    lab_pack_transposed(scratch, outputs, inner, inner, 0, panels,
                        packed_weight + group * lab_packed_count(outputs, inner));
    if (bias)
      memcpy(packed_bias + group * bias_count, bias + group * outputs,
             (size_t)outputs * sizeof *bias);
  }
}

// MARK: Copying input rows

LAB_FAST
static void interleave_three(const float *x, ptrdiff_t plane, ptrdiff_t pixels,
                             float *restrict out) {
  for (ptrdiff_t i = 0; i < pixels; i++) {
    out[3 * i] = x[i];
    out[3 * i + 1] = x[plane + i];
    out[3 * i + 2] = x[2 * plane + i];
  }
}

void lab_nchw_to_nhwc(const float *x, ptrdiff_t channels, ptrdiff_t plane, ptrdiff_t pixels,
                      float *out) {
  if (channels == 3) {
    interleave_three(x, plane, pixels, out);
  } else {
    lab_transpose(x, channels, pixels, plane, out, channels);
  }
}

/// Copies one group's channels of the input rows that output rows first ..< last read as
/// [y][x][channel], with zeros outside the image.
static void copy_rows(const lab_conv_shape *p, const float *image, ptrdiff_t group, ptrdiff_t first,
                      ptrdiff_t last, float *out) {
  const ptrdiff_t inputs = group_inputs(p), pitch = read_width(p) * inputs;
  const ptrdiff_t rows = read_height(p, last - first), top = first * p->stride - p->pad_top;
  const ptrdiff_t left = p->pad_left, shown = minimum(p->width, read_width(p) - left);
  const ptrdiff_t plane = p->height * p->width;
  for (ptrdiff_t row = 0; row < rows; row++, out += pitch) {
    const ptrdiff_t y = top + row;
    if (y < 0 || y >= p->height || shown <= 0) {
      memset(out, 0, (size_t)pitch * sizeof *out);
      continue;
    }
    float *start = out + left * inputs, *end = start + shown * inputs;
    memset(out, 0, (size_t)(left * inputs) * sizeof *out);
    memset(end, 0, (size_t)(out + pitch - end) * sizeof *out);
    if (p->is_nchw) {
      lab_nchw_to_nhwc(image + group * inputs * plane + y * p->width, inputs, plane, shown,
                       start);
    } else {
      const float *from = image + y * p->width * p->in_stride + group * inputs;
      if (p->in_stride == inputs) {
        memcpy(start, from, (size_t)(shown * inputs) * sizeof *out);
      } else {
        for (ptrdiff_t x = 0; x < shown; x++)
          memcpy(start + x * inputs, from + x * p->in_stride, (size_t)inputs * sizeof *out);
      }
    }
  }
}

// MARK: GEMM

/// The rows of matrix A for one block: one for each output pixel.
typedef struct {
  const float *a;
  /// Floats from one pixel's row to the next within a run, and from one kernel row to the next.
  ptrdiff_t pixel, line;
  row_runs runs;
} gemm_rows;

/// A part of k: whole kernel rows, or a piece of one.
typedef struct {
  ptrdiff_t line, lines, from, inner;
} k_part;

static ptrdiff_t part_count(const lab_conv_shape *p) {
  const ptrdiff_t line = row_k(p);
  if (line > MAX_K) return p->kernel_height * ceil_div(line, MAX_K);
  return ceil_div(p->kernel_height, MAX_K / line);
}

static k_part part_at(const lab_conv_shape *p, ptrdiff_t part, ptrdiff_t parts) {
  const ptrdiff_t line = row_k(p), lines = p->kernel_height;
  if (line > MAX_K) {
    const ptrdiff_t pieces = parts / lines, piece = part % pieces;
    const ptrdiff_t from = line * piece / pieces, to = line * (piece + 1) / pieces;
    return (k_part){.line = part / pieces, .lines = 1, .from = from, .inner = to - from};
  }
  const ptrdiff_t from = lines * part / parts, to = lines * (part + 1) / parts;
  return (k_part){.line = from, .lines = to - from, .from = 0, .inner = line};
}

/// Copies one part of k of each pixel to contiguous memory.
static gemm_rows gather(gemm_rows f, k_part part, float *scratch) {
  const ptrdiff_t stride = MAX_K + COPY_PADDING;
  float *to = scratch;
  for (ptrdiff_t run = 0; run < f.runs.runs; run++)
    for (ptrdiff_t pixel = 0; pixel < f.runs.width; pixel++, to += stride)
      for (ptrdiff_t line = 0; line < part.lines; line++)
        memcpy(to + line * part.inner,
               f.a + run * f.runs.a_run + pixel * f.pixel + line * f.line,
               (size_t)part.inner * sizeof *to);
  return (gemm_rows){.a = scratch,
                     .pixel = stride,
                     .line = part.inner,
                     .runs = {.width = f.runs.runs * f.runs.width, .runs = 1}};
}

/// Multiplies all pixels of `f` by panels first ..< last of one group; `packed`, `epilogue.bias`,
/// `epilogue.residual` and `out` start at this group.
static void multiply(const lab_conv_shape *p, gemm_rows f, const float *packed,
                     ptrdiff_t first, ptrdiff_t last, lab_epilogue epilogue, float *out,
                     float *scratch) {
  const gemm_kernels *k = lab_kernels();
  const lab_prefetch no_prefetch = {0};
  const ptrdiff_t outputs = group_outputs(p), inner = total_k(p);
  const bool is_own = epilogue.residual == out;
  // Sums can start from the output's contents, unless the activation comes before the addition.
  const bool adds =
      is_own && (epilogue.activates_sum || epilogue.activation == LAB_ACTIVATION_NONE);
  if (adds) epilogue.residual = NULL;
  // Several parts would store partial sums in the output and overwrite a residual that is read at
  // the end.
  const bool is_whole = is_own && !adds;
  const ptrdiff_t parts = is_whole ? 1 : part_count(p);
  for (ptrdiff_t index = 0; index < parts; index++) {
    const k_part part = is_whole
                                ? (k_part){.lines = p->kernel_height, .inner = row_k(p)}
                                : part_at(p, index, parts);
    const ptrdiff_t before = part.line * row_k(p) + part.from;
    gemm_rows own = f;
    own.a += part.line * f.line + part.from;
    if (!is_whole && needs_gather(p)) own = gather(own, part, scratch);
    gemm_tile tile = {
        .a_stride = own.pixel,
        .lines = part.lines,
        .a_line = own.line,
        .k = part.inner,
        .adds = index > 0 || adds,
        .c_stride = p->out_stride,
    };
    const bool is_last = index == parts - 1;
    for (ptrdiff_t panel = first; panel < last; panel++) {
      const ptrdiff_t column = panel * k->panel, columns = minimum(k->panel, outputs - column);
      tile.a = own.a;
      tile.b = packed + column * inner + before * k->panel;
      tile.bias = index == 0 && epilogue.bias ? epilogue.bias + column : NULL;
      tile.c = out + column;
      const ptrdiff_t following = panel + 1 < last ? panel + 1 : first;
      const ptrdiff_t following_k =
          panel + 1 < last ? before : is_last ? 0 : before + part.lines * part.inner;
      const float *next_panel = packed + following * k->panel * inner + following_k * k->panel;
      const tile_epilogue panel_epilogue = {
          .activation = epilogue.activation,
          .residual = epilogue.residual ? epilogue.residual + column : NULL,
          .residual_stride = epilogue.residual_stride,
          .activates_sum = epilogue.activates_sum,
      };
      const bool has_epilogue = is_last && (panel_epilogue.activation != LAB_ACTIVATION_NONE ||
                                            panel_epilogue.residual);
      const bool has_next = !is_last || panel + 1 < last;
      lab_multiply_panel(k, tile, own.runs, columns, has_next ? next_panel : NULL, &no_prefetch, 0,
                         has_epilogue ? &panel_epilogue : NULL);
    }
  }
}

/// Some panels, counted over all groups, of one block: output pixels from `pixel` on, whose rows
/// begin at `row` in `image`.
static void convolve_block(const lab_conv_shape *p, const float *image, gemm_rows in_place,
                           ptrdiff_t row, ptrdiff_t last_row, const float *packed,
                           lab_epilogue epilogue, float *out, ptrdiff_t first, ptrdiff_t last,
                           float *scratch) {
  const ptrdiff_t outputs = group_outputs(p), inputs = group_inputs(p),
                  panels = lab_panels(outputs);
  const bool copies = !reads_in_place(p);
  float *gather_scratch = scratch;
  if (copies) gather_scratch += read_height(p, last_row - row) * read_width(p) * inputs;
  for (ptrdiff_t group = first / panels; group * panels < last; group++) {
    gemm_rows f = in_place;
    f.a += group * inputs;
    if (copies) {
      copy_rows(p, image, group, row, last_row, scratch);
      const ptrdiff_t pitch = read_width(p) * inputs;
      f = (gemm_rows){
          .a = scratch,
          .pixel = p->stride * inputs,
          .line = pitch,
          .runs = {.width = p->out_width, .runs = last_row - row, .a_run = p->stride * pitch}};
    }
    lab_epilogue own = epilogue;
    if (own.bias) own.bias += group * panels * lab_panel_width();
    if (own.residual) own.residual += group * outputs;
    multiply(p, f, packed + group * lab_packed_count(outputs, total_k(p)),
             maximum(first - group * panels, 0), minimum(last - group * panels, panels), own,
             out + group * outputs, gather_scratch);
  }
}

void lab_convolve(const lab_conv_shape *p, const lab_convolution_plan *plan, const float *x,
                  const float *packed, lab_epilogue epilogue, float *out, ptrdiff_t first,
                  ptrdiff_t last, float *scratch) {
  const ptrdiff_t panels = all_panels(p), per_image = plan->blocks * plan->panel_groups;
  for (ptrdiff_t task = first; task < last; task++) {
    const ptrdiff_t image = task / per_image, block = task % per_image / plan->panel_groups;
    const ptrdiff_t group = task % plan->panel_groups;
    const ptrdiff_t first_panel = panels * group / plan->panel_groups;
    const ptrdiff_t last_panel = panels * (group + 1) / plan->panel_groups;
    const ptrdiff_t rows = plan->is_pointwise ? p->images * p->height * p->width : p->out_height;
    const ptrdiff_t row = rows * block / plan->blocks, last_row = rows * (block + 1) / plan->blocks;
    const float *at = x;
    gemm_rows in_place = {.pixel = p->in_stride, .runs = {.width = last_row - row, .runs = 1}};
    float *to = out + row * p->out_stride;
    ptrdiff_t pixel = row;
    if (plan->is_pointwise) {
      in_place.a = x + row * p->in_stride;
    } else {
      pixel = (image * p->out_height + row) * p->out_width;
      to = out + image * p->out_image + row * p->out_width * p->out_stride;
      const ptrdiff_t line = p->width * p->in_stride;
      at = x + image * p->in_image;
      in_place = (gemm_rows){
          .a = at + row * p->stride * line,
          .pixel = p->stride * p->in_stride,
          .line = line,
          .runs = {.width = p->out_width, .runs = last_row - row, .a_run = p->stride * line}};
    }
    lab_epilogue own = epilogue;
    if (own.residual) own.residual += pixel * own.residual_stride;
    convolve_block(p, at, in_place, row, last_row, packed, own, to, first_panel, last_panel,
                   scratch);
  }
}
