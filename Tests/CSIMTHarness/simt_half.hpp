// Half-precision conversions for common.cuh, which has them as PTX. Included after `Half`.
#pragma once

#include "halves.hpp"

static inline float to_float(Half x) { return simt::half_to_float(x.bits); }

static inline void from_float(float value, Half &x) { x.bits = simt::float_to_half(value); }

static inline unsigned pack(float low, float high, Half) {
  return simt::float_to_half(low) | unsigned(simt::float_to_half(high)) << 16;
}
