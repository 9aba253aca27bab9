// Functions of single numbers, numbered as `Activation.kernelMode` counts them (and 7, GELU's
// approximation), and what follows a sum before it is written.
#ifndef LAB_ACTIVATION_CUH
#define LAB_ACTIVATION_CUH

#include "common.cuh"

/// erf within 4 units in the last place of 1: the rational function that the processor's kernels
/// use, without branches.
///
/// Coefficients of the minimax fit that Eigen and XLA use (Eigen, MathFunctionsImpl.h,
/// generic_fast_erf_float).
DEVICE float error_function(float x) {
  x = fminf(fmaxf(x, -4.0f), 4.0f);
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
  return __fdividef(x * p, q);
}

DEVICE float gelu(float x) { return 0.5f * x * (1.0f + error_function(x * 0.70710678118654752f)); }
/// The approximation by a hyperbolic tangent, within 5e-4 of the exact function: x σ(2 u), u =
/// √(2/π) (x + 0.044715 x³).
DEVICE float gelu_tanh(float x) {
  return x / (1.0f + expf(-1.5957691216057308f * (x + 0.044715f * x * x * x)));
}
DEVICE float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
DEVICE float silu(float x) { return x / (1.0f + expf(-x)); }
/// NaN stays NaN, which fminf and fmaxf would take for a number.
DEVICE float hard_sigmoid(float x) {
  const float y = x + 3.0f;
  return (y < 0.0f ? 0.0f : y > 6.0f ? 6.0f : y) * (1.0f / 6.0f);
}

DEVICE float relu(float x) { return x < 0.0f ? 0.0f : x; }
DEVICE float hard_swish(float x) { return x * hard_sigmoid(x); }

DEVICE float activate(float x, int activation) {
  switch (activation) {
    case 1: return relu(x);
    case 2: return gelu(x);
    case 3: return silu(x);
    case 4: return sigmoid(x);
    case 5: return hard_swish(x);
    case 6: return hard_sigmoid(x);
    case 7: return gelu_tanh(x);
  }
  return x;
}

/// The same of several numbers, decided once for all.
template <int count>
DEVICE void activate(float (&x)[count], int activation) {
#define EACH(function)                                        \
  _Pragma("unroll") for (int k = 0; k < count; k++) x[k] = function(x[k]); \
  break;
  switch (activation) {
    case 1: EACH(relu)
    case 2: EACH(gelu)
    case 3: EACH(silu)
    case 4: EACH(sigmoid)
    case 5: EACH(hard_swish)
    case 6: EACH(hard_sigmoid)
    case 7: EACH(gelu_tanh)
  }
#undef EACH
}

/// The end of a sum: bias is in it; `residual` is one number or 0.
template <typename T>
DEVICE float end_sum(float sum, const T *residual, int activation, int activates_sum) {
  const float added = residual ? to_float(*residual) : 0.0f;
  return activates_sum ? activate(sum + added, activation) : activate(sum, activation) + added;
}

#endif
