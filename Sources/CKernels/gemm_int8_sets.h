// The int8 micro-kernels of each instruction set; included by gemm_int8.c.
#include "gemm_low_tiles.h"

#if defined(__x86_64__)
#define VNNI_TARGET \
  __attribute__((target("arch=x86-64-v4,avx512vnni"), min_vector_width(512)))
VNNI_TARGET LAB_INLINE __m512i load_line_vnni(const char *at) { return _mm512_loadu_si512(at); }
VNNI_TARGET LAB_INLINE __m512i load_factor_vnni(const char *at) {
  return _mm512_set1_epi32((int)word_at(at));
}
typedef int32_t integers_vnni __attribute__((ext_vector_type(16), aligned(4)));
// The instruction takes the rows as unsigned bytes, so 128 is added to them; `column_offsets`
// subtracts what that adds to each sum.
VNNI_TARGET LAB_INLINE void dot_vnni(integers_vnni *sum, __m512i factor, __m512i line) {
  *sum = (integers_vnni)_mm512_dpbusd_epi32((__m512i)*sum, factor, line);
}
#define ISA vnni
#define TARGET VNNI_TARGET
#define LANES 16
#define PANEL_VECTORS 2
#define TILE_ROWS 14
#define SUM int32_t
#define SCALES_SUMS 1
#define GROUP_BYTES 4
#define LINE __m512i
#define FACTOR __m512i
#include "gemm_low_kernels.h"

/// Bytes 0 and 2 of each 32 bits as int16, and bytes 1 and 3. Their products are exact; vpmaddubsw
/// would saturate.
typedef struct {
  __m256i even, odd;
} short_line;
V3_TARGET LAB_INLINE short_line load_line_madd(const char *at) {
  const __m256i bytes = _mm256_loadu_si256((const __m256i *)at);
  return (short_line){_mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8),
                      _mm256_srai_epi16(bytes, 8)};
}
V3_TARGET LAB_INLINE short_line load_factor_madd(const char *at) {
  const __m256i bytes = _mm256_set1_epi32((int)word_at(at));
  // Unsigned, because rows are stored with 128 added on x86.
  return (short_line){_mm256_and_si256(bytes, _mm256_set1_epi16(0xFF)),
                      _mm256_srli_epi16(bytes, 8)};
}
typedef int32_t integers_madd __attribute__((ext_vector_type(8), aligned(4)));
V3_TARGET LAB_INLINE void dot_madd(integers_madd *sum, short_line factor, short_line line) {
  *sum += (integers_madd)_mm256_madd_epi16(factor.even, line.even) +
          (integers_madd)_mm256_madd_epi16(factor.odd, line.odd);
}
#define ISA madd
#define TARGET V3_TARGET
#define LANES 8
#define PANEL_VECTORS 2
#define TILE_ROWS 4
#define SUM int32_t
#define SCALES_SUMS 1
#define GROUP_BYTES 4
#define LINE short_line
#define FACTOR short_line
#include "gemm_low_kernels.h"
#endif

#if defined(__aarch64__)
#define SDOT_TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
SDOT_TARGET LAB_INLINE int8x16_t load_line_sdot(const char *at) {
  return vld1q_s8((const int8_t *)at);
}
SDOT_TARGET LAB_INLINE int8x16_t load_factor_sdot(const char *at) {
  return vreinterpretq_s8_u32(vdupq_n_u32(word_at(at)));
}
typedef int32_t integers_sdot __attribute__((ext_vector_type(4), aligned(4)));
SDOT_TARGET LAB_INLINE void dot_sdot(integers_sdot *sum, int8x16_t factor, int8x16_t line) {
  int32x4_t own;
  memcpy(&own, sum, sizeof own);
  own = vdotq_s32(own, factor, line);
  memcpy(sum, &own, sizeof own);
}
#define ISA sdot
#define TARGET SDOT_TARGET
#define LANES 4
#define PANEL_VECTORS 3
#define TILE_ROWS 8
#define SUM int32_t
#define SCALES_SUMS 1
#define GROUP_BYTES 4
#define LINE int8x16_t
#define FACTOR int8x16_t
#include "gemm_low_kernels.h"

#define SMMLA_TARGET __attribute__((target("arch=armv8.2-a+i8mm")))
SMMLA_TARGET LAB_INLINE int8x16_t load_line_smmla(const char *at) {
  return vld1q_s8((const int8_t *)at);
}
SMMLA_TARGET LAB_INLINE int8x16_t load_factor_smmla(const char *at, const char *other) {
  return vcombine_s8(vld1_s8((const int8_t *)at), vld1_s8((const int8_t *)other));
}
SMMLA_TARGET LAB_INLINE void dot_smmla(integers_sdot *sums, int8x16_t factor, int8x16_t line) {
  int32x4_t own;
  memcpy(&own, sums, sizeof own);
  own = vmmlaq_s32(own, factor, line);
  memcpy(sums, &own, sizeof own);
}
#define ISA smmla
#define TARGET SMMLA_TARGET
#define LANES 4
#define PANEL_VECTORS 3
#define TILE_ROWS 8
#define SUM int32_t
#define SCALES_SUMS 1
#define GROUP_BYTES 8
#define LINE int8x16_t
#define FACTOR int8x16_t
#include "gemm_low_kernels.h"
#endif

typedef int32_t integers_bytes __attribute__((ext_vector_type(4), aligned(4)));
typedef struct {
  integers_bytes part[4];
} byte_line;
LAB_INLINE byte_line load_line_bytes(const char *at) {
  const integers_bytes words = *(const integers_bytes *)at;
  byte_line line;
  for (int i = 0; i < 4; i++) line.part[i] = (words << (24 - 8 * i)) >> 24;
  return line;
}
typedef struct {
  int32_t part[4];
} byte_factor;
LAB_INLINE byte_factor load_factor_bytes(const char *at) {
  byte_factor factor;
#if defined(__x86_64__)
  for (int i = 0; i < 4; i++) factor.part[i] = (int32_t)((const uint8_t *)at)[i];
#else
  for (int i = 0; i < 4; i++) factor.part[i] = (int32_t)((const int8_t *)at)[i];
#endif
  return factor;
}
LAB_INLINE void dot_bytes(integers_bytes *sum, byte_factor factor, byte_line line) {
  for (int i = 0; i < 4; i++) *sum += factor.part[i] * line.part[i];
}
#define ISA bytes
#define TARGET
#define LANES 4
#define PANEL_VECTORS 1
#define TILE_ROWS 4
#define SUM int32_t
#define SCALES_SUMS 1
#define GROUP_BYTES 4
#define LINE byte_line
#define FACTOR byte_factor
#include "gemm_low_kernels.h"
