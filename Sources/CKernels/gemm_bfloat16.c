// GEMM in bfloat16 (gemm_low.c): rounding, packing, multiplying.
#include "gemm_bfloat16_sets.h"

#include "gelu_table.h"

enum {
  /// Maximum k of one part: the rows of a tile (28 kB) stay in the L1 cache.
  MAX_BFLOAT16_K = 1024,
};

// MARK: Selecting the kernels

static low_choice chosen_bfloat16(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const char *selected = getenv("LAB_KERNELS");
  const bool plain = selected && strcmp(selected, "sse2") == 0;
  const bool narrow = selected && strcmp(selected, "avx2") == 0;
  const bool no_bf16 = selected && strcmp(selected, "avx512") == 0;
  const bool wide = __builtin_cpu_supports("x86-64-v4") && !narrow && !plain;
  if (wide && __builtin_cpu_supports("avx512bf16") && !no_bf16)
    return (low_choice){&low_kernels_bf16, "AVX512-BF16 14x32", true};
  if (wide) return (low_choice){&low_kernels_pairs_avx512, "AVX-512 8x32, emulated", false};
  if (__builtin_cpu_supports("x86-64-v3") && !plain)
    return (low_choice){&low_kernels_pairs_avx2, "AVX2 4x16, emulated", false};
#elif defined(__aarch64__) && defined(__linux__)
  if (getauxval(AT_HWCAP2) & (1ul << 14))  // HWCAP2_BF16
    return (low_choice){&low_kernels_bfdot, "NEON bfdot 8x12", true};
#endif
  return (low_choice){&low_kernels_pairs_plain, "4x8, emulated", false};
}

CHOSEN_ONCE(bfloat16)

const char *lab_bfloat16_kernels(void) { return bfloat16()->name; }
bool lab_has_bfloat16(void) { return bfloat16()->is_native; }
ptrdiff_t lab_bfloat16_panel_width(void) { return bfloat16()->kernels->panel; }
ptrdiff_t lab_bfloat16_panels(ptrdiff_t columns) {
  return low_panels(bfloat16()->kernels, columns);
}

static ptrdiff_t groups_of(ptrdiff_t k) { return (k + 1) / 2; }

ptrdiff_t lab_bfloat16_packed_bytes(ptrdiff_t columns, ptrdiff_t k) {
  const low_kernels *kernels = bfloat16()->kernels;
  return low_panels(kernels, columns) * kernels->panel * groups_of(k) * 4;
}

ptrdiff_t lab_bfloat16_row_bytes(ptrdiff_t k) { return groups_of(k) * 4; }

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

void lab_round_rows_bfloat16(const float *x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride,
                             void *out, ptrdiff_t out_stride) {
#if defined(__x86_64__)
  if (bfloat16()->kernels == &low_kernels_bf16)
    round_rows_bf16(x, rows, k, stride, out, out_stride);
  else
    round_rows(x, rows, k, stride, out, out_stride);
#else
  round_rows(x, rows, k, stride, out, out_stride);
#endif
  if (k % 2 == 0) return;
  for (ptrdiff_t row = 0; row < rows; row++)
    ((uint16_t *)((char *)out + row * out_stride))[k] = 0;
}

enum { CHUNK_GROUPS = 64 };

/// For columns that are contiguous, as in a weight or keys: rounds rows, then transposes pairs of
/// bfloat16 as 32-bit words.
static void pack_columns(const float *b, ptrdiff_t own, ptrdiff_t width, ptrdiff_t k,
                         ptrdiff_t stride, float *to) {
  float words[MAX_PANEL * CHUNK_GROUPS];
  for (ptrdiff_t from = 0; from < k; from += 2 * CHUNK_GROUPS) {
    const ptrdiff_t count = k - from < 2 * CHUNK_GROUPS ? k - from : 2 * CHUNK_GROUPS;
    lab_round_rows_bfloat16(b + from, own, count, stride, words, CHUNK_GROUPS * sizeof *words);
    lab_transpose(words, own, groups_of(count), CHUNK_GROUPS, to + from / 2 * width, width);
  }
}

/// For rows of k that are contiguous, as in values: two rows become one row of pairs.
LAB_FAST
static void pack_lines(const float *b, ptrdiff_t own, ptrdiff_t width, ptrdiff_t k,
                       ptrdiff_t stride, uint32_t *restrict to) {
  for (ptrdiff_t at = 0; at < k; at += 2, to += width) {
    const float *low = b + at * stride, *high = low + stride;
    if (at + 1 < k) {
      for (ptrdiff_t i = 0; i < own; i++)
        to[i] = (uint32_t)rounded(low[i]) | (uint32_t)rounded(high[i]) << 16;
    } else {
      for (ptrdiff_t i = 0; i < own; i++) to[i] = rounded(low[i]);
    }
  }
}

void lab_pack_bfloat16(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t column_stride,
                       ptrdiff_t k_stride, ptrdiff_t first_panel, ptrdiff_t last_panel,
                       void *packed) {
  const ptrdiff_t width = bfloat16()->kernels->panel, groups = groups_of(k);
  for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
    float *to = (float *)packed + panel * width * groups;
    const float *from = b + panel * width * column_stride;
    const ptrdiff_t own = columns - panel * width < width ? columns - panel * width : width;
    if (own < width) memset(to, 0, (size_t)(width * groups) * sizeof *to);
    if (k_stride == 1)
      pack_columns(from, own, width, k, column_stride, to);
    else
      pack_lines(from, own, width, k, k_stride, (uint32_t *)to);
  }
}

// MARK: GEMM

#if defined(__x86_64__)
BF16_TARGET
static void gelu_rows_bf16(const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride,
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
#if defined(__x86_64__)
  if (bfloat16()->kernels == &low_kernels_bf16)
    return gelu_rows_bf16(x, rows, columns, stride, out, out_stride);
#endif
  lab_gelu(x, rows, columns, stride);
  round_rows(x, rows, columns, stride, out, out_stride);
}

void lab_gemm_bfloat16(const void *a, ptrdiff_t rows, ptrdiff_t a_stride, const void *packed,
                       ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel,
                       ptrdiff_t last_panel, ptrdiff_t next_panel, const float *bias,
                       int epilogue, float *c, ptrdiff_t c_stride) {
  const low_kernels *kernels = bfloat16()->kernels;
  const ptrdiff_t width = kernels->panel, groups = groups_of(k);
  const ptrdiff_t maximum = MAX_BFLOAT16_K / 2;
  const ptrdiff_t parts = groups > maximum ? (groups + maximum - 1) / maximum : 1;
  for (ptrdiff_t part = 0; part < parts; part++) {
    const ptrdiff_t from = groups * part / parts, to = groups * (part + 1) / parts;
    for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
      const ptrdiff_t column = panel * width;
      const char *part_start = (const char *)packed + from * width * 4;
      const low_tile tile = {.a = (const char *)a + from * 4,
                             .a_stride = a_stride,
                             .b = part_start + column * groups * 4,
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
              has_next ? (const char *)packed + (next * groups + next_from) * width * 4 : NULL};
      lab_multiply_low_panel(kernels, tile, &whole);
    }
  }
}

void lab_gemm_bfloat16_gelu(const void *a, ptrdiff_t rows, ptrdiff_t a_stride,
                            const void *packed, ptrdiff_t columns, ptrdiff_t k,
                            ptrdiff_t first_panel, ptrdiff_t last_panel, const float *bias,
                            void *out, ptrdiff_t out_stride) {
  const low_kernels *kernels = bfloat16()->kernels;
  const ptrdiff_t width = kernels->panel, bytes = width * groups_of(k) * 4;
  for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
    const ptrdiff_t column = panel * width;
    const low_tile tile = {.a = a,
                           .a_stride = a_stride,
                           .b = (const char *)packed + panel * bytes,
                           .groups = groups_of(k),
                           .bias = bias ? bias + column : NULL};
    const low_panel whole = {.rows = rows,
                             .columns = minimum(columns - column, width),
                             .has_gelu = true,
                             .round_gelu = gelu_rounded,
                             .rounded = (char *)out + column * 2,
                             .rounded_stride = out_stride,
                             .next_panel = panel + 1 < last_panel ? tile.b + bytes : NULL};
    lab_multiply_low_panel(kernels, tile, &whole);
  }
  if (columns % 2 == 0 || last_panel * width < columns) return;
  for (ptrdiff_t row = 0; row < rows; row++)
    ((uint16_t *)((char *)out + row * out_stride))[columns] = 0;
}
