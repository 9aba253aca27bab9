// Half-precision numbers and their rounding, as the manual's section on operand types has them.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

inline float as_float(uint64_t bits) {
  const uint32_t word = (uint32_t)bits;
  float value;
  std::memcpy(&value, &word, 4);
  return value;
}
inline uint64_t as_bits(float value) {
  uint32_t word;
  std::memcpy(&word, &value, 4);
  return word;
}

// IEEE binary16: 5 bits of exponent, 10 of mantissa.
inline float from_f16(uint64_t bits) {
  const int exponent = (int)(bits >> 10 & 31), mantissa = (int)(bits & 1023);
  const float sign = bits >> 15 & 1 ? -1.0f : 1.0f;
  if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp((float)mantissa, -24);
  return sign * std::ldexp((float)(mantissa + 1024), exponent - 25);
}

// To nearest, ties to even.
inline uint64_t to_f16(float value) {
  const uint64_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) return 0x7fff;
  const double magnitude = std::fabs((double)value);
  if (magnitude >= 65520.0) return sign | 0x7c00;
  int exponent;
  std::frexp(magnitude, &exponent);
  // The unit of the last place: 2^-24 below the smallest normal number.
  const int unit = magnitude < std::ldexp(1.0, -14) ? -24 : exponent - 11;
  const double rounded = std::nearbyint(std::ldexp(magnitude, -unit));
  const double result = std::ldexp(rounded, unit);
  if (result == 0) return sign;
  if (result < std::ldexp(1.0, -14)) return sign | (uint64_t)std::ldexp(result, 24);
  std::frexp(result, &exponent);
  return sign | (uint64_t)(exponent + 14) << 10 | ((uint64_t)std::ldexp(result, 11 - exponent) & 1023);
}

// bfloat16: the upper half of binary32.
inline float from_bf16(uint64_t bits) { return as_float(bits << 16); }
inline uint64_t to_bf16(float value) {
  if (std::isnan(value)) return 0x7fff;
  const uint32_t bits = (uint32_t)as_bits(value);
  uint32_t high = bits >> 16;
  const uint32_t rest = bits & 0xffff;
  if (rest > 0x8000 || (rest == 0x8000 && (high & 1))) high++;
  return high;
}
