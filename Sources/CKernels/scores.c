// Scores from queries, keys or values, and the metric for matching.
#include "CKernels.h"
#include "multiversion.h"

LAB_FAST
void lab_feature_scores(const float *rows, ptrdiff_t tokens, ptrdiff_t stride, ptrdiff_t heads,
                        ptrdiff_t head_dim, int reduction, float *scores) {
  for (ptrdiff_t token = 0; token < tokens; token++) {
    LAB_REASSOCIATE
    const float *row = rows + token * stride;
    float sum = 0;
    if (reduction == LAB_HEADS_MAX) {
      for (ptrdiff_t c = 0; c < head_dim; c++) {
        float maximum = row[c];
        for (ptrdiff_t h = 1; h < heads; h++) {
          const float value = row[h * head_dim + c];
          maximum = value > maximum ? value : maximum;
        }
        sum += maximum;
      }
    } else {
      for (ptrdiff_t i = 0; i < heads * head_dim; i++) sum += row[i];
      if (reduction == LAB_HEADS_MEAN) sum /= (float)heads;
    }
    scores[token] = sum;
  }
}

LAB_FAST
void lab_key_metric(const float *keys, ptrdiff_t tokens, ptrdiff_t stride, ptrdiff_t heads,
                    ptrdiff_t head_dim, float *restrict metric) {
  for (ptrdiff_t token = 0; token < tokens; token++) {
    LAB_REASSOCIATE
    const float *row = keys + token * stride;
    float *to = metric + token * head_dim;
    for (ptrdiff_t c = 0; c < head_dim; c++) to[c] = row[c];
    for (ptrdiff_t h = 1; h < heads; h++)
      for (ptrdiff_t c = 0; c < head_dim; c++) to[c] += row[h * head_dim + c];
    float squares = 0;
    for (ptrdiff_t c = 0; c < head_dim; c++) squares += to[c] * to[c];
    // The mean's 1 / heads cancels out in the normalization. A key of zeros stays zero and so is
    // similar to no other.
    const float scale = squares == 0 ? 0 : 1.0f / __builtin_sqrtf(squares);
    for (ptrdiff_t c = 0; c < head_dim; c++) to[c] *= scale;
  }
}
