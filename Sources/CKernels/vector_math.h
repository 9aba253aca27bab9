// Elementary functions without branches or tables, so that a loop over them vectorizes.
#ifndef LAB_VECTOR_MATH_H
#define LAB_VECTOR_MATH_H

#include <stdint.h>
#include <string.h>

#include "multiversion.h"

/// e^x within 2 ulp for -87 <= x <= 88; x is clamped to this range.
///
/// x = n ln 2 + r, |r| <= ln 2 / 2; e^r by Cephes' polynomial of degree 6 (expf.c), 2^n by setting
/// the exponent bits.
LAB_INLINE float lab_exp(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
  const float shifted = x * 1.44269504088896341f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  float r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  int32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  // The integer is in the low bits of `shifted`; shifted to the exponent it gives 2^n.
  bits = (int32_t)((uint32_t)(bits - 0x4B400000 + 127) << 23);
  float power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

/// erf(x) within 4 ulp of 1: an odd rational function on [-4, 4], outside of which erf is 1 in
/// float32.
///
/// Coefficients of the minimax fit that Eigen and XLA use (Eigen, MathFunctionsImpl.h,
/// generic_fast_erf_float).
LAB_INLINE float lab_erf(float x) {
  x = x < -4.0f ? -4.0f : x;
  x = x > 4.0f ? 4.0f : x;
  const float s = x * x;
  float p = -2.72614225801306e-10f;
  p = p * s + 2.77068142495902e-08f;
  p = p * s + -2.10102402082508e-06f;
  p = p * s + -5.69250639462346e-05f;
  p = p * s + -7.34990630326855e-04f;
  p = p * s + -2.95459980854025e-03f;
  p = p * s + -1.60960333262415e-02f;
  float q = -1.45660718464996e-05f;
  q = q * s + -2.13374055278905e-04f;
  q = q * s + -1.68282697438203e-03f;
  q = q * s + -7.37332916720468e-03f;
  q = q * s + -1.42647390514189e-02f;
  return x * p / q;
}

#endif
