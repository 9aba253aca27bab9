// Depthwise convolution for one instruction set; depthwise.c includes it once for each, with ISA,
// TARGET and LANES defined as in gemm_kernels.h.
#include "activation_kernels.h"

/// A strip: `width` adjacent outputs, `size` x `size` taps, all channels of `s`.
///
/// A row of weights stays in registers, and each input vector is multiplied by all the weights that
/// apply to it. `is_general` is for strips with inputs outside the image, with fewer outputs, or
/// with channels that do not fill whole vectors.
TARGET LAB_INLINE void NAME(strip)(const int size, const int stride, const int width,
                                   const bool is_general, const depthwise_strip *s) {
#pragma clang fp contract(fast)
  const int inputs = (width - 1) * stride + size;
  for (ptrdiff_t c = 0; c < s->channels; c += LANES) {
    const ptrdiff_t part = is_general && s->channels - c < LANES ? s->channels - c : 0;
    VECTOR sums[8], start = 0.0f;
    if (s->bias) start = part ? NAME(load_part)(s->bias + c, part) : *(const VECTOR *)(s->bias + c);
#pragma unroll
    for (int x = 0; x < width; x++) sums[x] = start;
    const float *row = s->x + c, *weight = s->weight + c;
#pragma clang loop unroll(disable)
    for (ptrdiff_t y = 0; y < s->rows; y++, row += s->line, weight += size * s->weight_stride) {
      VECTOR taps[7];
#pragma unroll
      for (int t = 0; t < size; t++) {
        const float *at = weight + t * s->weight_stride;
        taps[t] = part ? NAME(load_part)(at, part) : *(const VECTOR *)at;
      }
#pragma unroll
      for (int j = 0; j < inputs; j++) {
        if (is_general && (j < s->first_input || j >= s->last_input)) continue;
        const float *at = row + j * s->pixel;
        const VECTOR value = part ? NAME(load_part)(at, part) : *(const VECTOR *)at;
#pragma unroll
        for (int x = 0; x < width; x++)
          if (j >= x * stride && j < x * stride + size)
            sums[x] = value * taps[j - x * stride] + sums[x];
      }
    }
    // Epilogues that need more registers, or add the residual first, are left to `apply_epilogue`.
    const bool fuses_epilogue = s->fuses_epilogue;
    if (fuses_epilogue && s->epilogue.activation == LAB_ACTIVATION_RELU) {
#pragma unroll
      for (int x = 0; x < width; x++) sums[x] = NAME(relu)(sums[x]);
    } else if (fuses_epilogue && s->epilogue.activation == LAB_ACTIVATION_HARD_SWISH) {
#pragma unroll
      for (int x = 0; x < width; x++) sums[x] *= NAME(hard_sigmoid)(sums[x]);
    }
    const bool adds = fuses_epilogue && s->epilogue.residual;
#pragma unroll
    for (int x = 0; x < width; x++) {
      if (is_general && x >= s->outputs) break;
      float *out = s->sums + x * s->sums_stride + c;
      if (adds) {
        const float *residual = s->epilogue.residual + x * s->epilogue.residual_stride + c;
        sums[x] += part ? NAME(load_part)(residual, part) : *(const VECTOR *)residual;
      }
      if (part) {
        NAME(store_part)(out, sums[x], part);
      } else {
        *(VECTOR *)out = sums[x];
      }
    }
  }
}

#define STRIP(size, stride, width)                                                          \
  TARGET static void NAME(strip_##size##_##stride##_##width)(const depthwise_strip *s) {    \
    NAME(strip)(size, stride, width, false, s);                                             \
  }                                                                                         \
  TARGET static void NAME(general_##size##_##stride##_##width)(const depthwise_strip *s) {  \
    NAME(strip)(size, stride, width, true, s);                                              \
  }
#define STRIPS(size, stride)                                                             \
  STRIP(size, stride, 4)                                                                 \
  STRIP(size, stride, 5) STRIP(size, stride, 6) STRIP(size, stride, 7) STRIP(size, stride, 8)
STRIPS(3, 1)
STRIPS(3, 2)
STRIPS(5, 1)
STRIPS(5, 2)
STRIPS(7, 1)
STRIPS(7, 2)

#define PAIR(size, stride, width) \
  {NAME(strip_##size##_##stride##_##width), NAME(general_##size##_##stride##_##width)}
#define PAIRS(size, stride)                                                              \
  {PAIR(size, stride, 4), PAIR(size, stride, 5), PAIR(size, stride, 6), PAIR(size, stride, 7), \
   PAIR(size, stride, 8)}

/// Any kernel size and stride, one output at a time.
TARGET static void NAME(one_output)(const depthwise_strip *s) {
#pragma clang fp contract(fast)
  for (ptrdiff_t c = 0; c < s->channels; c += LANES) {
    const ptrdiff_t part = s->channels - c < LANES ? s->channels - c : 0;
    VECTOR sum = 0.0f;
    if (s->bias) sum = part ? NAME(load_part)(s->bias + c, part) : *(const VECTOR *)(s->bias + c);
    for (ptrdiff_t y = 0; y < s->rows; y++)
      for (ptrdiff_t j = s->first_input; j < s->last_input; j++) {
        const float *at = s->x + y * s->line + j * s->pixel + c;
        const float *weight = s->weight + (y * s->kernel_width + j) * s->weight_stride + c;
        const VECTOR value = part ? NAME(load_part)(at, part) : *(const VECTOR *)at;
        const VECTOR tap = part ? NAME(load_part)(weight, part) : *(const VECTOR *)weight;
        sum = value * tap + sum;
      }
    if (part) {
      NAME(store_part)(s->sums + c, sum, part);
    } else {
      *(VECTOR *)(s->sums + c) = sum;
    }
  }
}

static const depthwise_kernels NAME(kernels) = {
    .strips = {{PAIRS(3, 1), PAIRS(3, 2)}, {PAIRS(5, 1), PAIRS(5, 2)}, {PAIRS(7, 1), PAIRS(7, 2)}},
    .one_output = NAME(one_output),
    .apply_epilogue = NAME(apply_epilogue),
    .lanes = LANES,
};

#undef JOIN2
#undef JOIN
#undef NAME
#undef VECTOR
#undef INTEGERS
#undef STRIP
#undef STRIPS
#undef PAIR
#undef PAIRS
#undef ISA
#undef TARGET
#undef LANES
