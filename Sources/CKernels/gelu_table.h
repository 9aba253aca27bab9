// GELU on AVX-512 without a division: the normal distribution function as a polynomial of degree 4
// on each of 16 intervals, whose coefficients are looked up by one register permutation.
#ifndef LAB_GELU_TABLE_H
#define LAB_GELU_TABLE_H

#include "multiversion.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define LAB_GELU_TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))

typedef struct {
  __m512 c[5];
} lab_gelu_table;

/// Coefficients of Φ(n w + u) - 1/2 in u, for n = 0 ... 15 and w = 0.36: least-squares fits at
/// Chebyshev nodes in double precision, within 1.2e-7. Beyond the last interval the value is 1/2 in
/// float32.
LAB_GELU_TARGET LAB_INLINE lab_gelu_table lab_load_gelu_table(void) {
  static const float c[5][16] __attribute__((aligned(64))) = {
      {0.0f, 0.140576437f, 0.264237493f, 0.359928906f, 0.425066292f, 0.464069694f, 0.484613657f,
       0.494132251f, 0.498011619f, 0.499402344f, 0.499840885f, 0.499962538f, 0.499992192f,
       0.499998569f, 0.499999762f, 0.5f},
      {0.398941547f, 0.373908341f, 0.307851136f, 0.222655088f, 0.141461939f, 0.0789514408f,
       0.0387072004f, 0.0166698657f, 0.00630634837f, 0.00209568324f, 0.000611745636f,
       0.00015685882f, 3.53292562e-05f, 6.98942631e-06f, 1.21457265e-06f, 0.0f},
      {3.93770897e-05f, -0.0673024058f, -0.11082463f, -0.120231964f, -0.101851411f,
       -0.0710559413f, -0.0418040827f, -0.0210046098f, -0.00908167474f, -0.00339536066f,
       -0.00110132725f, -0.000310659583f, -7.63393764e-05f, -1.63637214e-05f, -3.06288234e-06f,
       0.0f},
      {-0.0671483651f, -0.0539603494f, -0.0246933717f, 0.00597782899f, 0.0250672977f,
       0.0293165464f, 0.0236048531f, 0.0148943271f, 0.00771401217f, 0.00335328002f,
       0.00123900978f, 0.000392223126f, 0.000106944295f, 2.52107293e-05f, 5.15255624e-06f, 0.0f},
      {0.00435102824f, 0.0159749892f, 0.0227685925f, 0.0182954594f, 0.00788236875f,
       -0.00135520694f, -0.00574662071f, -0.00584116811f, -0.00400779629f, -0.00213071192f,
       -0.000922106381f, -0.000332734257f, -0.000101495585f, -2.64011269e-05f, -5.89124284e-06f,
       0.0f},
  };
  lab_gelu_table table;
  for (int i = 0; i < 5; i++) table.c[i] = _mm512_load_ps(c[i]);
  return table;
}

/// x Φ(x) = x / 2 + |x| (Φ(|x|) - 1/2), within 5e-7.
LAB_GELU_TARGET LAB_INLINE __m512 lab_gelu_avx512(__m512 x, const lab_gelu_table *table) {
  const __m512 magnitude = _mm512_abs_ps(x);
  // vminps returns its second operand if either is NaN, so t is finite; the result is NaN through x
  // in the last step.
  const __m512 t = _mm512_min_ps(magnitude, _mm512_set1_ps(15.49f * 0.36f));
  // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer, which is then in the low bits.
  const __m512 magic = _mm512_set1_ps(12582912.0f);
  const __m512 shifted = _mm512_fmadd_ps(t, _mm512_set1_ps(1.0f / 0.36f), magic);
  const __m512i piece = _mm512_castps_si512(shifted);
  const __m512 n = _mm512_sub_ps(shifted, magic);
  const __m512 u = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.36f), t);
  __m512 p = _mm512_permutexvar_ps(piece, table->c[4]);
  p = _mm512_fmadd_ps(p, u, _mm512_permutexvar_ps(piece, table->c[3]));
  p = _mm512_fmadd_ps(p, u, _mm512_permutexvar_ps(piece, table->c[2]));
  p = _mm512_fmadd_ps(p, u, _mm512_permutexvar_ps(piece, table->c[1]));
  p = _mm512_fmadd_ps(p, u, _mm512_permutexvar_ps(piece, table->c[0]));
  return _mm512_fmadd_ps(magnitude, p, _mm512_mul_ps(x, _mm512_set1_ps(0.5f)));
}
#endif

#endif
