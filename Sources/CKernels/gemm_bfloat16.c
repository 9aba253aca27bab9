// GEMM in bfloat16 (gemm_low.c): rounding, packing, multiplying.
#include "gemm_bfloat16_sets.h"

#include "gelu_table.h"

enum {
  /// Maximum k of one part: the rows of a tile (28 kB) stay in the L1 cache.
  MAX_BFLOAT16_K = 1024,
};

/// Groups of a row or column of `k` values.
static ptrdiff_t groups_of(const low_kernels *kernels, ptrdiff_t k) {
  const ptrdiff_t values = kernels->group_bytes / 2;
  return (k + values - 1) / values;
}

static ptrdiff_t row_bytes(const low_kernels *kernels, ptrdiff_t k) {
  return groups_of(kernels, k) * kernels->group_bytes;
}

static ptrdiff_t packed_bytes(const low_kernels *kernels, ptrdiff_t columns, ptrdiff_t k) {
  return low_panels(kernels, columns) * kernels->panel * row_bytes(kernels, k);
}

// MARK: Rounding and packing

/// Rounds to the nearest bfloat16, ties to even; NaN stays NaN.
LAB_INLINE uint16_t rounded(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint32_t nearest = (bits + 0x7FFFu + ((bits >> 16) & 1)) >> 16;
  const uint32_t quiet = (bits >> 16) | 0x40u;
  return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : nearest);
}

float lab_round_bfloat16(float value) { return float_of_bits((uint32_t)rounded(value) << 16); }

LAB_FAST
static void round_rows(const float *restrict x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride,
                       void *restrict out, ptrdiff_t out_stride) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    const float *from = x + row * stride;
    uint16_t *to = (uint16_t *)((char *)out + row * out_stride);
    for (ptrdiff_t i = 0; i < k; i++) to[i] = rounded(from[i]);
  }
}

#if defined(__x86_64__)
/// With the conversion instruction, which flushes subnormals to zero.
BF16_TARGET
static void round_rows_bf16(const float *x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride,
                            void *out, ptrdiff_t out_stride) {
  const ptrdiff_t whole = k / 32 * 32, rest = k - whole;
  const __mmask16 low = (__mmask16)(rest >= 16 ? 0xFFFF : (1u << rest) - 1);
  const __mmask16 high = (__mmask16)(rest > 16 ? (1u << (rest - 16)) - 1 : 0);
  for (ptrdiff_t row = 0; row < rows; row++) {
    const float *from = x + row * stride;
    uint16_t *to = (uint16_t *)((char *)out + row * out_stride);
    for (ptrdiff_t i = 0; i < whole; i += 32)
      _mm512_storeu_si512(to + i, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + 16),
                                                               _mm512_loadu_ps(from + i)));
    if (!rest) continue;
    const __m512 first = _mm512_maskz_loadu_ps(low, from + whole);
    const __m512 second = _mm512_maskz_loadu_ps(high, from + whole + 16);
    _mm512_mask_storeu_epi16(to + whole, (__mmask32)low | (__mmask32)high << 16,
                             (__m512i)_mm512_cvtne2ps_pbh(second, first));
  }
}
#endif

/// Rounds rows and fills their last group with zeros.
static void round_whole_rows(const low_set *set, const float *x, ptrdiff_t rows, ptrdiff_t k,
                             ptrdiff_t stride, void *out, ptrdiff_t out_stride) {
#if defined(__x86_64__)
  if (set->has_conversion)
    round_rows_bf16(x, rows, k, stride, out, out_stride);
  else
    round_rows(x, rows, k, stride, out, out_stride);
#else
  round_rows(x, rows, k, stride, out, out_stride);
#endif
  const ptrdiff_t rest = row_bytes(set->kernels, k) - 2 * k;
  for (ptrdiff_t row = 0; rest > 0 && row < rows; row++)
    memset((char *)out + row * out_stride + 2 * k, 0, (size_t)rest);
}

enum {
  /// Values of k that are rounded at once: whole groups.
  CHUNK = 128,
};

/// For columns that are contiguous, as in a weight or keys: rounds rows, then transposes groups.
static void pack_columns(const low_set *set, const float *b, ptrdiff_t own, ptrdiff_t k,
                         ptrdiff_t stride, char *to) {
  const ptrdiff_t width = set->kernels->panel, bytes = set->kernels->group_bytes;
  _Alignas(8) float words[MAX_PANEL * CHUNK / 2];
  for (ptrdiff_t from = 0; from < k; from += CHUNK, to += CHUNK * 2 * width) {
    const ptrdiff_t count = minimum(k - from, CHUNK);
    const ptrdiff_t groups = groups_of(set->kernels, count);
    round_whole_rows(set, b + from, own, count, stride, words, CHUNK * 2);
    if (bytes == 4) {
      lab_transpose(words, own, groups, CHUNK / 2, (float *)to, width);
    } else {
      for (ptrdiff_t group = 0; group < groups; group++)
        for (ptrdiff_t i = 0; i < own; i++)
          memcpy(to + (group * width + i) * 8, words + i * CHUNK / 2 + group * 2, 8);
    }
  }
}

/// For rows of k that are contiguous, as in values: `values` of them become one row of groups.
LAB_INLINE void pack_groups(const int values, const float *b, ptrdiff_t own, ptrdiff_t width,
                            ptrdiff_t k, ptrdiff_t stride, uint16_t *restrict to) {
  for (ptrdiff_t at = 0; at < k; at += values, to += width * values) {
    if (at + values <= k) {
      for (ptrdiff_t i = 0; i < own; i++)
        for (int value = 0; value < values; value++)
          to[i * values + value] = rounded(b[(at + value) * stride + i]);
    } else {
      for (ptrdiff_t i = 0; i < own; i++)
        for (int value = 0; value < values; value++)
          to[i * values + value] = at + value < k ? rounded(b[(at + value) * stride + i]) : 0;
    }
  }
}

LAB_FAST
static void pack_lines(const float *b, ptrdiff_t own, ptrdiff_t width, ptrdiff_t k,
                       ptrdiff_t stride, ptrdiff_t group_bytes, uint16_t *to) {
  if (group_bytes == 4)
    pack_groups(2, b, own, width, k, stride, to);
  else
    pack_groups(4, b, own, width, k, stride, to);
}

static void pack(const low_set *set, const float *b, ptrdiff_t columns, ptrdiff_t k,
                 ptrdiff_t column_stride, ptrdiff_t k_stride, ptrdiff_t first_panel,
                 ptrdiff_t last_panel, void *packed) {
  const ptrdiff_t width = set->kernels->panel, bytes = width * row_bytes(set->kernels, k);
  for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
    char *to = (char *)packed + panel * bytes;
    const float *from = b + panel * width * column_stride;
    const ptrdiff_t own = minimum(columns - panel * width, width);
    if (own < width) memset(to, 0, (size_t)bytes);
    if (k_stride == 1)
      pack_columns(set, from, own, k, column_stride, to);
    else
      pack_lines(from, own, width, k, k_stride, set->kernels->group_bytes, (uint16_t *)to);
  }
}

// MARK: GEMM

#if defined(__x86_64__)
BF16_TARGET
static void gelu_rows_bf16(float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride,
                           char *out, ptrdiff_t out_stride) {
  const lab_gelu_table table = lab_load_gelu_table();
  const __mmask32 stored = columns >= 32 ? 0xFFFFFFFFu : (1u << columns) - 1;
  for (ptrdiff_t row = 0; row < rows; row++, x += stride, out += out_stride) {
    const __m512 low = lab_gelu_avx512(_mm512_loadu_ps(x), &table);
    const __m512 high =
        columns > 16 ? lab_gelu_avx512(_mm512_loadu_ps(x + 16), &table) : _mm512_setzero_ps();
    _mm512_mask_storeu_epi16(out, stored, (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }
}
#endif

/// Computes GELU of a tile and rounds the result to bfloat16.
static void gelu_rounded(float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, char *out,
                         ptrdiff_t out_stride) {
  lab_gelu(x, rows, columns, stride);
  round_rows(x, rows, columns, stride, out, out_stride);
}

static void multiply(const low_kernels *kernels, const void *a, ptrdiff_t rows, ptrdiff_t a_stride,
                     const void *packed, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel,
                     ptrdiff_t last_panel, ptrdiff_t next_panel, const float *bias, int epilogue,
                     float *c, ptrdiff_t c_stride) {
  const ptrdiff_t width = kernels->panel, groups = groups_of(kernels, k);
  const ptrdiff_t bytes = kernels->group_bytes, maximum = MAX_BFLOAT16_K * 2 / bytes;
  const ptrdiff_t parts = groups > maximum ? (groups + maximum - 1) / maximum : 1;
  ptrdiff_t state = 0;
  for (ptrdiff_t part = 0; part < parts; part++) {
    const ptrdiff_t from = groups * part / parts, to = groups * (part + 1) / parts;
    for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
      const ptrdiff_t column = panel * width;
      const char *part_start = (const char *)packed + from * width * bytes;
      const low_tile tile = {.a = (const char *)a + from * bytes,
                             .a_stride = a_stride,
                             .b = part_start + column * groups * bytes,
                             .groups = to - from,
                             .bias = part == 0 && bias ? bias + column : NULL,
                             .adds = part > 0 || epilogue == LAB_EPILOGUE_ADD,
                             .c = c + column,
                             .c_stride = c_stride};
      // Prefetch the next panel of this part of k, else the first panel of the next part, else the
      // panel that the caller names.
      const ptrdiff_t next = panel + 1 < last_panel ? panel + 1
                             : part + 1 < parts     ? first_panel
                                                    : next_panel - 1;
      const ptrdiff_t next_from = panel + 1 < last_panel ? from : part + 1 < parts ? to : 0;
      const bool has_next = next >= 0 && next * width < columns;
      const low_panel whole = {
          .rows = rows,
          .columns = minimum(columns - column, width),
          .has_gelu = part == parts - 1 && epilogue == LAB_EPILOGUE_GELU,
          .next_panel =
              has_next ? (const char *)packed + (next * groups + next_from) * width * bytes : NULL};
      lab_multiply_low_panel(kernels, tile, &whole, &state);
    }
  }
  end_low_gemm(kernels, state);
}

// MARK: Selecting the kernels

/// Whether kernels multiply correctly on this CPU: one product whose rows, columns and k are no
/// multiples of anything, with operands and sums that bfloat16 and float32 represent exactly.
static bool is_right(const low_set *set) {
  enum { ROWS = 19, COLUMNS = 37, K = 71, PADDED_K = 72, PADDED_COLUMNS = 64 };
  const low_kernels *kernels = set->kernels;
  float a[ROWS * K], b[COLUMNS * K], bias[PADDED_COLUMNS], c[ROWS * COLUMNS];
  uint16_t rows[ROWS * PADDED_K], packed[PADDED_COLUMNS * PADDED_K];
  for (int i = 0; i < ROWS * K; i++) a[i] = (float)(i * 37 % 251 - 125) / 8;
  for (int i = 0; i < COLUMNS * K; i++) b[i] = (float)(i * 53 % 241 - 120) / 16;
  for (int i = 0; i < PADDED_COLUMNS; i++) bias[i] = (float)i;
  for (int i = 0; i < ROWS * COLUMNS; i++) c[i] = (float)(i % 100);
  const ptrdiff_t panels = low_panels(kernels, COLUMNS), stride = row_bytes(kernels, K);
  if (packed_bytes(kernels, COLUMNS, K) > (ptrdiff_t)sizeof packed) return false;
  pack(set, b, COLUMNS, K, K, 1, 0, panels, packed);
  round_whole_rows(set, a, ROWS, K, K, rows, stride);
  multiply(kernels, rows, ROWS, stride, packed, COLUMNS, K, 0, panels, 0, bias, LAB_EPILOGUE_ADD,
           c, COLUMNS);
  for (int row = 0; row < ROWS; row++)
    for (int column = 0; column < COLUMNS; column++) {
      float sum = (float)((row * COLUMNS + column) % 100) + bias[column];
      for (int i = 0; i < K; i++) sum += a[row * K + i] * b[column * K + i];
      if (c[row * COLUMNS + column] != sum) return false;
    }
  return true;
}

static low_choice chosen_bfloat16(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  const int allowed = lab_allowed_low_sets();
  const low_set sets[] = {
#if defined(__x86_64__)
      {.kernels = &lab_low_kernels_amx_bf16,
       .instructions = "AMX-BF16",
       .details = "32x32",
       .is_available = allowed >= LOW_MATRIX && lab_has_amx(),
       .is_native = true,
       .has_conversion =
           __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16")},
      {.kernels = &low_kernels_bf16,
       .instructions = "AVX512-BF16",
       .details = "14x32",
       .is_available = allowed >= LOW_DOT && __builtin_cpu_supports("x86-64-v4") &&
                       __builtin_cpu_supports("avx512bf16"),
       .is_native = true,
       .has_conversion = true},
      {.kernels = &low_kernels_pairs_avx512,
       .instructions = "AVX-512",
       .details = "8x32, emulated",
       .is_available = allowed >= LOW_AVX512 && __builtin_cpu_supports("x86-64-v4")},
      {.kernels = &low_kernels_pairs_avx2,
       .instructions = "AVX2",
       .details = "4x16, emulated",
       .is_available = allowed >= LOW_AVX2 && __builtin_cpu_supports("x86-64-v3")},
#elif defined(__aarch64__)
      {.kernels = &low_kernels_bfmmla,
       .instructions = "NEON bfmmla",
       .details = "8x12",
       .is_available = allowed >= LOW_MATRIX && lab_has_arm_bf16(),
       .is_native = true},
      {.kernels = &low_kernels_bfdot,
       .instructions = "NEON bfdot",
       .details = "8x12",
       .is_available = allowed >= LOW_DOT && lab_has_arm_bf16(),
       .is_native = true},
#endif
      {.kernels = &low_kernels_pairs_plain, .instructions = "", .details = "4x8, emulated"},
  };
  return lab_choose_low_set(sets, sizeof sets / sizeof *sets, is_right);
}

CHOSEN_ONCE(bfloat16)

// MARK: The chosen kernels

const char *lab_bfloat16_kernels(void) { return bfloat16()->name; }
bool lab_has_bfloat16(void) { return bfloat16()->set.is_native; }
ptrdiff_t lab_bfloat16_panel_width(void) { return bfloat16()->set.kernels->panel; }
ptrdiff_t lab_bfloat16_panels(ptrdiff_t columns) {
  return low_panels(bfloat16()->set.kernels, columns);
}

ptrdiff_t lab_bfloat16_packed_bytes(ptrdiff_t columns, ptrdiff_t k) {
  return packed_bytes(bfloat16()->set.kernels, columns, k);
}

ptrdiff_t lab_bfloat16_row_bytes(ptrdiff_t k) { return row_bytes(bfloat16()->set.kernels, k); }

void lab_round_rows_bfloat16(const float *x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride,
                             void *out, ptrdiff_t out_stride) {
  round_whole_rows(&bfloat16()->set, x, rows, k, stride, out, out_stride);
}

void lab_pack_bfloat16(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t column_stride,
                       ptrdiff_t k_stride, ptrdiff_t first_panel, ptrdiff_t last_panel,
                       void *packed) {
  pack(&bfloat16()->set, b, columns, k, column_stride, k_stride, first_panel, last_panel, packed);
}

void lab_gemm_bfloat16(const void *a, ptrdiff_t rows, ptrdiff_t a_stride, const void *packed,
                       ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel,
                       ptrdiff_t last_panel, ptrdiff_t next_panel, const float *bias,
                       int epilogue, float *c, ptrdiff_t c_stride) {
  multiply(bfloat16()->set.kernels, a, rows, a_stride, packed, columns, k, first_panel, last_panel,
           next_panel, bias, epilogue, c, c_stride);
}

void lab_gemm_bfloat16_gelu(const void *a, ptrdiff_t rows, ptrdiff_t a_stride,
                            const void *packed, ptrdiff_t columns, ptrdiff_t k,
                            ptrdiff_t first_panel, ptrdiff_t last_panel, const float *bias,
                            void *out, ptrdiff_t out_stride) {
  const low_set *set = &bfloat16()->set;
  const low_kernels *kernels = set->kernels;
  const ptrdiff_t width = kernels->panel, bytes = width * row_bytes(kernels, k);
  ptrdiff_t state = 0;
  for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
    const ptrdiff_t column = panel * width;
    const low_tile tile = {.a = a,
                           .a_stride = a_stride,
                           .b = (const char *)packed + panel * bytes,
                           .groups = groups_of(kernels, k),
                           .bias = bias ? bias + column : NULL};
    const low_panel whole = {.rows = rows,
                             .columns = minimum(columns - column, width),
                             .has_gelu = true,
#if defined(__x86_64__)
                             .round_gelu = set->has_conversion ? gelu_rows_bf16 : gelu_rounded,
#else
                             .round_gelu = gelu_rounded,
#endif
                             .rounded = (char *)out + column * 2,
                             .rounded_stride = out_stride,
                             .next_panel = panel + 1 < last_panel ? tile.b + bytes : NULL};
    lab_multiply_low_panel(kernels, tile, &whole, &state);
  }
  end_low_gemm(kernels, state);
  const ptrdiff_t rest = row_bytes(kernels, columns) - 2 * columns;
  if (rest == 0 || last_panel * width < columns) return;
  for (ptrdiff_t row = 0; row < rows; row++)
    memset((char *)out + row * out_stride + 2 * columns, 0, (size_t)rest);
}
