// GEMM and row operations of CKernels against plain loops in double precision. It is plain C
// without a test library, to run in an emulator of another architecture (Scripts/arm64-kernels.sh).
#include "CKernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void expect(bool is_right, const char *what, double error) {
  if (is_right) return;
  failures++;
  printf("FAIL %s: off by %g\n", what, error);
}

static uint64_t state = 1;
static float number(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (float)((double)(state >> 11) / 4503599627370496.0 - 1.0);
}

static float *numbers(ptrdiff_t count) {
  float *x = malloc((size_t)(count + 64) * sizeof *x);
  for (ptrdiff_t i = 0; i < count + 64; i++) x[i] = number();
  return x;
}

static double gelu(double x) { return 0.5 * x * (1 + erf(x * 0.70710678118654752)); }

enum { FLOAT32, BFLOAT16, INT8 };
static const char *const names[] = {"float32", "bfloat16", "int8"};

/// Rows as the GEMM reads them, multiplied by the row's scale.
static double *held(const float *x, ptrdiff_t rows, ptrdiff_t k, int precision) {
  double *out = malloc((size_t)(rows * k) * sizeof *out);
  for (ptrdiff_t row = 0; row < rows; row++) {
    float maximum = 0;
    for (ptrdiff_t i = 0; i < k; i++) maximum = fmaxf(maximum, fabsf(x[row * k + i]));
    for (ptrdiff_t i = row * k; i < (row + 1) * k; i++) {
      out[i] = precision == FLOAT32 ? x[i]
               : precision == BFLOAT16
                   ? lab_round_bfloat16(x[i])
                   : nearbyintf(x[i] * (127.0f / maximum)) * (double)(maximum / 127.0f);
    }
  }
  return out;
}

static void check_product(int precision, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t k,
                          int epilogue) {
  float *a = numbers(rows * k), *b = numbers(columns * k), *bias = numbers(columns + 64);
  float *before = numbers(rows * columns), *c = malloc((size_t)(rows * columns) * sizeof *c);
  memcpy(c, before, (size_t)(rows * columns) * sizeof *c);
  if (precision == FLOAT32) {
    float *packed = malloc((size_t)lab_packed_count(columns, k) * sizeof *packed);
    float *scratch = malloc((size_t)lab_gemm_scratch_count(rows) * sizeof *scratch);
    lab_pack_transposed(b, columns, k, k, 0, lab_panels(columns), packed);
    lab_gemm(a, rows, k, packed, columns, k, 0, lab_panels(columns), (lab_prefetch){0}, bias,
             epilogue, c, columns, scratch);
    free(packed);
    free(scratch);
  } else if (precision == BFLOAT16) {
    const ptrdiff_t stride = lab_bfloat16_row_bytes(k);
    void *packed = malloc((size_t)lab_bfloat16_packed_bytes(columns, k));
    void *shorts = malloc((size_t)(rows * stride));
    lab_pack_bfloat16(b, columns, k, k, 1, 0, lab_bfloat16_panels(columns), packed);
    lab_round_rows_bfloat16(a, rows, k, k, shorts, stride);
    lab_gemm_bfloat16(shorts, rows, stride, packed, columns, k, 0, lab_bfloat16_panels(columns),
                      0, bias, epilogue, c, columns);
    free(packed);
    free(shorts);
  } else {
    const ptrdiff_t stride = lab_int8_row_bytes(k);
    void *packed = malloc((size_t)lab_int8_packed_bytes(columns, k));
    void *bytes = malloc((size_t)(rows * stride));
    float *scales = malloc((size_t)rows * sizeof *scales);
    lab_pack_int8(b, columns, k, k, 0, lab_int8_panels(columns), packed);
    lab_quantize_rows_int8(a, rows, k, k, bytes, stride, scales);
    lab_gemm_int8(bytes, scales, rows, stride, packed, columns, k, 0, lab_int8_panels(columns),
                  0, bias, epilogue, c, columns);
    free(packed);
    free(bytes);
    free(scales);
  }
  double worst = 0, *left = held(a, rows, k, precision), *right = held(b, columns, k, precision);
  for (ptrdiff_t row = 0; row < rows; row++) {
    for (ptrdiff_t column = 0; column < columns; column++) {
      double sum = bias[column];
      for (ptrdiff_t at = 0; at < k; at++) sum += left[row * k + at] * right[column * k + at];
      const ptrdiff_t place = row * columns + column;
      if (epilogue == LAB_EPILOGUE_ADD) sum += before[place];
      if (epilogue == LAB_EPILOGUE_GELU) sum = gelu(sum);
      worst = fmax(worst, fabs(c[place] - sum));
      if (c[place] != c[place]) worst = INFINITY;
    }
  }
  char what[96];
  snprintf(what, sizeof what, "%s product %td x %td x %td, epilogue %d", names[precision], rows,
           columns, k, epilogue);
  expect(worst < 2e-5 * sqrt((double)k), what, worst);
  free(left);
  free(right);
  free(a);
  free(b);
  free(bias);
  free(before);
  free(c);
}

static void check_rows(void) {
  enum { ROWS = 3, WIDTH = 53 };
  float *x = numbers(ROWS * WIDTH), *y = malloc(sizeof(float) * ROWS * WIDTH);
  for (int i = 0; i < ROWS * WIDTH; i++) y[i] = x[i] *= 6;
  lab_gelu(y, ROWS, WIDTH, WIDTH);
  double worst = 0;
  for (int i = 0; i < ROWS * WIDTH; i++) worst = fmax(worst, fabs(y[i] - gelu(x[i])));
  expect(worst < 2e-6, "GELU", worst);
  memcpy(y, x, sizeof(float) * ROWS * WIDTH);
  lab_softmax_rows(y, 0.5f, NULL, ROWS, WIDTH, WIDTH);
  worst = 0;
  for (int row = 0; row < ROWS; row++) {
    double maximum = -INFINITY, sum = 0;
    for (int i = 0; i < WIDTH; i++) maximum = fmax(maximum, 0.5 * x[row * WIDTH + i]);
    for (int i = 0; i < WIDTH; i++) sum += exp(0.5 * x[row * WIDTH + i] - maximum);
    for (int i = 0; i < WIDTH; i++) {
      const double weight = exp(0.5 * x[row * WIDTH + i] - maximum) / sum;
      worst = fmax(worst, fabs(y[row * WIDTH + i] - weight));
    }
  }
  expect(worst < 1e-6, "softmax", worst);
  free(x);
  free(y);
}

int main(void) {
  printf("%s; bfloat16 %s; int8 %s\n", lab_gemm_kernels(), lab_bfloat16_kernels(),
         lab_int8_kernels());
  static const ptrdiff_t shapes[][3] = {{1, 1, 1},   {7, 33, 27},  {14, 40, 64},
                                        {29, 70, 65}, {9, 13, 1100}, {16, 12, 8}};
  for (int precision = FLOAT32; precision <= INT8; precision++)
    for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++)
      for (int epilogue = LAB_EPILOGUE_NONE; epilogue <= LAB_EPILOGUE_GELU; epilogue++)
        check_product(precision, shapes[i][0], shapes[i][1], shapes[i][2], epilogue);
  check_rows();
  printf(failures ? "%d failures\n" : "all right\n", failures);
  return failures != 0;
}
