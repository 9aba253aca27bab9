#ifndef LAB_COPENBLAS_SHIM_H
#define LAB_COPENBLAS_SHIM_H

#include <cblas.h>
#include <stdlib.h>

// A build of OpenBLAS with DYNAMIC_ARCH (Debian's) picks its kernels when it is loaded, from OPENBLAS_CORETYPE or the
// processor; these two let a program pick again. They are missing in other builds, hence weak.
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

/// Makes OpenBLAS use the kernels of `core`; 0 where this build cannot choose. Call while no product runs.
static inline int lab_openblas_select_core(const char *core) {
  if (!gotoblas_dynamic_init || !gotoblas_dynamic_quit) return 0;
  setenv("OPENBLAS_CORETYPE", core, 1);
  gotoblas_dynamic_quit();
  gotoblas_dynamic_init();
  return 1;
}

#endif
