// Softmax attention within windows of an image, built on the packed GEMM.
#include "CKernels.h"
#include "multiversion.h"

#include <math.h>
#include <string.h>

enum {
  /// Maximum rows of logits at once, so that they stay in the L2 cache.
  MAX_ROWS = 112,
  LANES = 16,
};

static ptrdiff_t tokens(const lab_window_attention *a) {
  return a->window_height * a->window_width;
}
static ptrdiff_t row_blocks(const lab_window_attention *a) {
  return (tokens(a) + MAX_ROWS - 1) / MAX_ROWS;
}
static ptrdiff_t windows(const lab_window_attention *a) {
  return a->height / a->window_height * (a->width / a->window_width);
}
/// Rows of logits are padded to whole cache lines, an odd number of them, so that the rows of a
/// tile are in different sets of the L1 cache.
static ptrdiff_t logits_stride(const lab_window_attention *a) {
  return (tokens(a) + LANES - 1) / LANES * LANES | LANES;
}
static ptrdiff_t rounded(ptrdiff_t count) { return (count + LANES - 1) / LANES * LANES; }

ptrdiff_t lab_window_attention_tasks(const lab_window_attention *a) {
  return a->images * windows(a) * a->heads * row_blocks(a);
}

/// The parts of one worker's scratch memory.
typedef struct {
  /// The pixel of each of the window's tokens within the image, and its region; there is no
  /// attention between regions.
  int32_t *pixels, *regions;
  /// [tokens][key_dim]; packed; packed; [rows][stride]; [rows][value_dim]; the GEMM's scratch.
  float *rows, *keys, *values, *logits, *results, *product;
  ptrdiff_t count;
} workspace;

/// The next `count` floats of `scratch`; NULL if `scratch` is NULL, to count only.
static float *carve(float *scratch, ptrdiff_t *used, ptrdiff_t count) {
  float *at = scratch ? scratch + *used : NULL;
  *used += count;
  return at;
}

static workspace workspace_at(const lab_window_attention *a, float *scratch) {
  const ptrdiff_t n = tokens(a);
  ptrdiff_t used = 0;
  workspace m;
  m.pixels = (int32_t *)carve(scratch, &used, rounded(n));
  m.regions = (int32_t *)carve(scratch, &used, rounded(n));
  m.rows = carve(scratch, &used, rounded(n * a->key_dim));
  m.keys = carve(scratch, &used, rounded(lab_packed_count(n, a->key_dim)));
  m.values = carve(scratch, &used, rounded(lab_packed_count(a->value_dim, n)));
  m.logits = carve(scratch, &used, MAX_ROWS * logits_stride(a));
  m.results = carve(scratch, &used, rounded(MAX_ROWS * a->value_dim));
  m.product = carve(scratch, &used, lab_gemm_scratch_count(MAX_ROWS));
  m.count = used;
  return m;
}

ptrdiff_t lab_window_attention_scratch_count(const lab_window_attention *a) {
  return workspace_at(a, NULL).count;
}

/// The region along one axis: 0 before the last window, 1 within it before the pixels rolled in
/// from the other side, 2 for those.
static int32_t region(ptrdiff_t at, ptrdiff_t size, ptrdiff_t window, ptrdiff_t shift) {
  return shift == 0 || at < size - window ? 0 : at < size - shift ? 1 : 2;
}

static void find_tokens(const lab_window_attention *a, ptrdiff_t window, workspace *m) {
  const ptrdiff_t down = a->height / a->window_height, across = a->width / a->window_width;
  const ptrdiff_t wy = window / across, wx = window % across;
  int32_t *pixel = m->pixels, *region_of = m->regions;
  for (ptrdiff_t i = 0; i < a->window_height; i++)
    for (ptrdiff_t j = 0; j < a->window_width; j++) {
      const ptrdiff_t y = a->is_grid ? i * down + wy : wy * a->window_height + i;
      const ptrdiff_t x = a->is_grid ? j * across + wx : wx * a->window_width + j;
      *region_of++ = 3 * region(y, a->height, a->window_height, a->shift_y) +
                     region(x, a->width, a->window_width, a->shift_x);
      *pixel++ = (int32_t)((y + a->shift_y) % a->height * a->width + (x + a->shift_x) % a->width);
    }
}

/// As memcpy but inlined: rows are only a few vectors long.
LAB_INLINE void copy_row(float *to, const float *from, ptrdiff_t count) {
  ptrdiff_t i = 0;
  for (; i + 8 <= count; i += 8) memcpy(to + i, from + i, 8 * sizeof *to);
  for (; i < count; i++) to[i] = from[i];
}

static void gather(const lab_view *view, const float *image, const int32_t *pixels, ptrdiff_t first,
                   ptrdiff_t last, ptrdiff_t width, float *out) {
  for (ptrdiff_t token = first; token < last; token++, out += width)
    copy_row(out, image + pixels[token] * view->pixel, width);
}

static void pack_values(const lab_window_attention *a, const float *image, const workspace *m) {
  const ptrdiff_t width = lab_panel_width();
  float *to = m->values;
  for (ptrdiff_t column = 0; column < a->value_dim; column += width) {
    const ptrdiff_t left = a->value_dim - column, own = left < width ? left : width;
    for (ptrdiff_t token = 0; token < tokens(a); token++, to += width) {
      copy_row(to, image + m->pixels[token] * a->v.pixel + column, own);
      if (own < width) memset(to + own, 0, (size_t)(width - own) * sizeof *to);
    }
  }
}

/// Initializes the logits of some rows with the bias, and with -infinity between regions.
static void begin_logits(const lab_window_attention *a, ptrdiff_t head, ptrdiff_t first,
                         ptrdiff_t last, const workspace *m) {
  const ptrdiff_t n = tokens(a), stride = logits_stride(a);
  for (ptrdiff_t row = first; row < last; row++) {
    float *to = m->logits + (row - first) * stride;
    if (a->bias) {
      copy_row(to, a->bias + (head * n + row) * n, n);
    } else {
      memset(to, 0, (size_t)n * sizeof *to);
    }
    if (m->regions[0] == m->regions[n - 1]) continue;
    for (ptrdiff_t column = 0; column < n; column++)
      to[column] = m->regions[row] == m->regions[column] ? to[column] : -INFINITY;
  }
}

void lab_attend_windows(const lab_window_attention *a, ptrdiff_t first, ptrdiff_t last,
                        float *scratch) {
  workspace m = workspace_at(a, scratch);
  const ptrdiff_t n = tokens(a), stride = logits_stride(a), blocks = row_blocks(a);
  const lab_prefetch no_prefetch = {0};
  ptrdiff_t known_window = -1;
  for (ptrdiff_t task = first; task < last; task++) {
    const ptrdiff_t block = task % blocks, head = task / blocks % a->heads;
    const ptrdiff_t window = task / blocks / a->heads % windows(a);
    const ptrdiff_t pixel = task / blocks / a->heads / windows(a) * a->height * a->width;
    const ptrdiff_t row = n * block / blocks, last_row = n * (block + 1) / blocks;
    const ptrdiff_t rows = last_row - row;
    if (window != known_window) find_tokens(a, window, &m);
    known_window = window;
    const float *q = a->q.start + pixel * a->q.pixel + head * a->q.head;
    const float *k = a->k.start + pixel * a->k.pixel + head * a->k.head;
    gather(&a->k, k, m.pixels, 0, n, a->key_dim, m.rows);
    lab_pack_transposed(m.rows, n, a->key_dim, a->key_dim, 0, lab_panels(n), m.keys);
    gather(&a->q, q, m.pixels, row, last_row, a->key_dim, m.rows);
    lab_scale(m.rows, a->scale, rows * a->key_dim);
    begin_logits(a, head, row, last_row, &m);
    lab_gemm(m.rows, rows, a->key_dim, m.keys, n, a->key_dim, 0, lab_panels(n), no_prefetch, NULL,
             LAB_EPILOGUE_ADD, m.logits, stride, m.product);
    lab_softmax_rows(m.logits, 1, NULL, rows, n, stride);
    pack_values(a, a->v.start + pixel * a->v.pixel + head * a->v.head, &m);
    lab_gemm(m.logits, rows, stride, m.values, a->value_dim, n, 0, lab_panels(a->value_dim),
             no_prefetch, NULL, LAB_EPILOGUE_NONE, m.results, a->value_dim, m.product);
    float *out = a->out + pixel * a->out_pixel + head * a->out_head;
    for (ptrdiff_t i = 0; i < rows; i++)
      copy_row(out + m.pixels[row + i] * a->out_pixel, m.results + i * a->value_dim, a->value_dim);
  }
}
