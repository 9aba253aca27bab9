// A CBLAS library, opened at run time: OpenBLAS, or Accelerate on macOS. The declarations are our
// own, so that building needs no BLAS, and the program starts even if the library is missing or
// broken.
#ifndef LAB_COPENBLAS_H
#define LAB_COPENBLAS_H

#include <stdbool.h>

/// A BLAS library.
typedef struct {
  /// `OpenBLAS`, `Accelerate` or `CBLAS`.
  const char *name;
  /// As the library reports it, such as `0.3.29`; empty if it does not.
  char version[64];
  /// The CPU type whose kernels the library has selected, such as `SkylakeX`; empty if it does not
  /// report it.
  char kernels[64];
  /// Whether the library was built with OpenMP instead of its own threads. Either way it runs
  /// single-threaded.
  bool uses_openmp;
} lab_blas_library;

/// Opens the library once per process and restricts it to one thread; NULL if there is none, with
/// the reason.
///
/// `path` is a library to open instead of the system's, or NULL. Only the path of the first call
/// counts.
const lab_blas_library *lab_blas_open(const char *path, const char **reason);

/// c = a * op(b) + beta * c, row-major float32: a [rows, k]; b [k, columns], or [columns, k] if
/// `transposed`.
///
/// Call only after `lab_blas_open` returned a library. Thread-safe.
void lab_blas_product(bool transposed, int rows, int columns, int k, const float *a, int a_stride,
                      const float *b, int b_stride, float beta, float *c, int c_stride);

#endif
