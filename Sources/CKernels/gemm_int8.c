// GEMM in int8 (gemm_low.c): quantizing, packing, multiplying.
#include "gemm_int8_sets.h"

// MARK: Selecting the kernels

static low_choice chosen_int8(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const char *selected = getenv("LAB_KERNELS");
  const bool plain = selected && strcmp(selected, "sse2") == 0;
  const bool narrow = selected && strcmp(selected, "avx2") == 0;
  const bool no_vnni = selected && strcmp(selected, "avx512") == 0;
  const bool wide = __builtin_cpu_supports("x86-64-v4") && !narrow && !plain;
  if (wide && __builtin_cpu_supports("avx512vnni") && !no_vnni)
    return (low_choice){&low_kernels_vnni, "AVX512-VNNI 14x32", true};
  if (__builtin_cpu_supports("x86-64-v3") && !plain)
    return (low_choice){&low_kernels_madd, "AVX2 4x16", false};
#elif defined(__aarch64__) && defined(__linux__)
  if (getauxval(AT_HWCAP) & (1ul << 20))  // HWCAP_ASIMDDP
    return (low_choice){&low_kernels_sdot, "NEON sdot 8x12", true};
#endif
  return (low_choice){&low_kernels_bytes, "4x4", false};
}

CHOSEN_ONCE(int8)

const char *lab_int8_kernels(void) { return int8()->name; }
bool lab_has_int8(void) { return int8()->is_native; }
ptrdiff_t lab_int8_panel_width(void) { return int8()->kernels->panel; }
ptrdiff_t lab_int8_panels(ptrdiff_t columns) { return low_panels(int8()->kernels, columns); }

static ptrdiff_t groups_of(ptrdiff_t k) { return (k + 3) / 4; }

ptrdiff_t lab_int8_row_bytes(ptrdiff_t k) { return groups_of(k) * 4; }

// MARK: Quantizing and packing

/// The largest magnitude of a row; NaN if it contains one, which a comparison of floats would
/// ignore.
LAB_INLINE float max_magnitude(const float *x, ptrdiff_t count) {
  uint32_t maximum = 0;
  for (ptrdiff_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7FFFFFFFu;
    maximum = bits > maximum ? bits : maximum;
  }
  return float_of_bits(maximum);
}

/// Rounds x / scale to integers within ±127 and adds `offset`; `inverse` is 1 / scale.
///
/// Without fused multiply-adds, which not every CPU has: they would round other values up.
LAB_INLINE void quantize(const float *restrict x, ptrdiff_t count, float inverse, int32_t offset,
                         int8_t *restrict out) {
#pragma clang fp contract(off)
  for (ptrdiff_t i = 0; i < count; i++) {
    // Adding 1.5 * 2^23 rounds to the nearest integer, ties to even.
    const float shifted = x[i] * inverse + 12582912.0f;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    out[i] = (int8_t)(bits - 0x4B400000 + offset);
  }
}

#if defined(__x86_64__)
enum { ROW_OFFSET = 128 };
#else
enum { ROW_OFFSET = 0 };
#endif

LAB_FAST
void lab_quantize_rows_int8(const float *x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride,
                            void *out, ptrdiff_t out_stride, float *scales) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    const float *from = x + row * stride;
    const float maximum = max_magnitude(from, k);
    int8_t *to = (int8_t *)out + row * out_stride;
    // NaN or infinity makes the scale of the row, and so all its outputs, not finite.
    scales[row] = maximum / 127.0f;
    const bool is_usable = maximum > 0 && maximum < __builtin_inff();
    quantize(from, k, is_usable ? 127.0f / maximum : 0.0f, ROW_OFFSET, to);
    if (!is_usable) memset(to, ROW_OFFSET, (size_t)k);
    for (ptrdiff_t i = k; i < groups_of(k) * 4; i++) to[i] = (int8_t)ROW_OFFSET;
  }
}

/// The size of the panels in bytes; after them come one scale and one offset for each column.
static ptrdiff_t column_factors_at(const low_kernels *kernels, ptrdiff_t columns, ptrdiff_t k) {
  return low_panels(kernels, columns) * kernels->panel * groups_of(k) * 4;
}

ptrdiff_t lab_int8_packed_bytes(ptrdiff_t columns, ptrdiff_t k) {
  const low_kernels *kernels = int8()->kernels;
  return column_factors_at(kernels, columns, k) + low_panels(kernels, columns) * kernels->panel *
                                                      (ptrdiff_t)(sizeof(float) + sizeof(int32_t));
}

void lab_pack_int8(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t stride,
                   ptrdiff_t first_panel, ptrdiff_t last_panel, void *packed) {
  const low_kernels *kernels = int8()->kernels;
  const ptrdiff_t width = kernels->panel, groups = groups_of(k);
  const ptrdiff_t all = low_panels(kernels, columns) * width;
  float *scales = (float *)((char *)packed + column_factors_at(kernels, columns, k));
  int32_t *offsets = (int32_t *)(scales + all);
  for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
    int8_t *to = (int8_t *)packed + panel * width * groups * 4;
    for (ptrdiff_t i = 0; i < width; i++) {
      const ptrdiff_t column = panel * width + i;
      const float *from = b + column * stride;
      const float maximum = column < columns ? max_magnitude(from, k) : 0.0f;
      const bool is_usable = maximum > 0 && maximum < __builtin_inff();
      const float inverse = is_usable ? 127.0f / maximum : 0.0f;
      scales[column] = maximum / 127.0f;
      int32_t sum = 0;
      for (ptrdiff_t at = 0; at < 4 * groups; at++) {
        int8_t value = 0;
        if (is_usable && at < k) quantize(from + at, 1, inverse, 0, &value);
        to[(at / 4 * width + i) * 4 + at % 4] = value;
        sum += value;
      }
      offsets[column] = sum * ROW_OFFSET;
    }
  }
}

// MARK: GEMM

void lab_gemm_int8(const void *a, const float *row_scales, ptrdiff_t rows, ptrdiff_t a_stride,
                   const void *packed, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel,
                   ptrdiff_t last_panel, ptrdiff_t next_panel, const float *bias, int epilogue,
                   float *c, ptrdiff_t c_stride) {
  const low_kernels *kernels = int8()->kernels;
  const ptrdiff_t width = kernels->panel, bytes = width * groups_of(k) * 4;
  const float *scales =
      (const float *)((const char *)packed + column_factors_at(kernels, columns, k));
  const int32_t *offsets = (const int32_t *)(scales + low_panels(kernels, columns) * width);
  for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
    const ptrdiff_t column = panel * width;
    const low_tile tile = {.a = a,
                           .a_stride = a_stride,
                           .b = (const char *)packed + panel * bytes,
                           .groups = groups_of(k),
                           .bias = bias ? bias + column : NULL,
                           .adds = epilogue == LAB_EPILOGUE_ADD,
                           .c = c + column,
                           .c_stride = c_stride,
                           .row_scales = row_scales,
                           .column_scales = scales + column,
                           .column_offsets = offsets + column};
    const ptrdiff_t next = panel + 1 < last_panel ? panel + 1 : next_panel - 1;
    const bool has_next = next >= 0 && next * width < columns;
    const low_panel whole = {.rows = rows,
                             .columns = minimum(columns - column, width),
                             .has_gelu = epilogue == LAB_EPILOGUE_GELU,
                             .next_panel = has_next ? (const char *)packed + next * bytes : NULL};
    lab_multiply_low_panel(kernels, tile, &whole);
  }
}
