#include "COpenBLAS.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// CBLAS's enumerations and its GEMM, as the reference interface declares them.
enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };
typedef void sgemm_function(int order, int transpose_a, int transpose_b, int rows, int columns,
                            int k, float alpha, const float *a, int a_stride, const float *b,
                            int b_stride, float beta, float *c, int c_stride);
// Functions that only OpenBLAS has.
typedef void set_threads_function(int threads);
typedef const char *text_function(void);
typedef int number_function(void);

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
static bool was_opened;
static lab_blas_library library;
static sgemm_function *sgemm;
static char failure[256];

/// Copies the pointer with `memcpy`, because C does not convert a data pointer to a function
/// pointer; POSIX promises that it works for `dlsym`.
static void find(void *handle, const char *name, void *function) {
  void *symbol = dlsym(handle, name);
  memcpy(function, &symbol, sizeof symbol);
}

static void *open_any(const char *path) {
  if (path) return dlopen(path, RTLD_NOW | RTLD_LOCAL);
#if defined(__APPLE__)
  static const char *const names[] = {
      "/System/Library/Frameworks/Accelerate.framework/Accelerate", "libopenblas.dylib",
      "/opt/homebrew/opt/openblas/lib/libopenblas.dylib"};
#else
  static const char *const names[] = {"libopenblas.so.0", "libopenblas.so"};
#endif
  void *handle = NULL;
  for (unsigned i = 0; !handle && i < sizeof names / sizeof *names; i++)
    handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  return handle;
}

static void open_once(const char *path) {
  // OpenBLAS starts its threads when it is loaded; they would compete with our workers.
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  void *handle = open_any(path);
  if (!handle) {
    const char *reason = dlerror();
    snprintf(failure, sizeof failure, "%s", reason ? reason : "it cannot be opened");
    return;
  }
  find(handle, "cblas_sgemm", &sgemm);
  if (!sgemm) {
    snprintf(failure, sizeof failure, "it has no cblas_sgemm");
    return;
  }
  set_threads_function *set_threads;
  text_function *config, *core;
  number_function *parallel;
  find(handle, "openblas_set_num_threads", &set_threads);
  find(handle, "openblas_get_config", &config);
  find(handle, "openblas_get_corename", &core);
  find(handle, "openblas_get_parallel", &parallel);
  // For a library whose variable has another name: its threads would compete with our workers.
  if (set_threads) set_threads(1);
  library.name = set_threads ? "OpenBLAS" : "CBLAS";
#if defined(__APPLE__)
  if (!set_threads) library.name = "Accelerate";
#endif
  if (config) sscanf(config(), "OpenBLAS %63s", library.version);
  if (core) snprintf(library.kernels, sizeof library.kernels, "%s", core());
  library.uses_openmp = parallel && parallel() == 2;
}

const lab_blas_library *lab_blas_open(const char *path, const char **reason) {
  pthread_mutex_lock(&opening);
  if (!was_opened) open_once(path);
  was_opened = true;
  pthread_mutex_unlock(&opening);
  if (reason) *reason = sgemm ? NULL : failure;
  return sgemm ? &library : NULL;
}

void lab_blas_product(bool transposed, int rows, int columns, int k, const float *a, int a_stride,
                      const float *b, int b_stride, float beta, float *c, int c_stride) {
  sgemm(ROW_MAJOR, PLAIN, transposed ? TRANSPOSED : PLAIN, rows, columns, k, 1, a, a_stride, b,
        b_stride, beta, c, c_stride);
}
