// A CBLAS library, opened at run time: OpenBLAS, or Accelerate on macOS. The declarations are our
// own, so that nothing of it is needed to build, and a library that is missing or broken does not
// keep the program from starting.
#ifndef LAB_COPENBLAS_H
#define LAB_COPENBLAS_H

#include <stdbool.h>

/// What `lab_blas_open` found.
typedef struct {
  /// `OpenBLAS`, `Accelerate` or `CBLAS`.
  const char *name;
  /// As the library spells it, for example `0.3.29`; empty where it does not tell.
  char version[64];
  /// The processor that it has chosen its kernels for, for example `SkylakeX`; empty where it does
  /// not tell.
  char kernels[64];
  /// Its threads by OpenMP instead of its own. Either way it computes with one.
  bool uses_openmp;
} lab_blas_library;

/// Opens the library once for the process and holds it to one thread; NULL where there is none,
/// with the reason.
///
/// `path` names a library to take instead of the system's; NULL looks for it. Only the first call's
/// path counts.
const lab_blas_library *lab_blas_open(const char *path, const char **reason);

/// c = a * op(b) + beta * c, row-major float32: a [rows, k], b [k, columns], or [columns, k] where
/// it is transposed.
///
/// Only after `lab_blas_open` gave a library. May be called from several threads at once.
void lab_blas_product(bool transposed, int rows, int columns, int k, const float *a, int a_stride,
                      const float *b, int b_stride, float beta, float *c, int c_stride);

#endif
