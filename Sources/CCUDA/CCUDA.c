#include "CCUDA.h"

#include <dlfcn.h>
#include <stdlib.h>

void *lab_library_symbol(void *library, const char *name) { return dlsym(library, name); }

// Writes through a pointer to void *: POSIX lets `dlsym` return function pointers this way.
#define LAB_FILL_REQUIRED(result, name, parameters)                    \
  *(void **)(&table->name) = resolve(context, #name);                  \
  if (*(void **)(&table->name) == NULL) {                              \
    *missing = #name;                                                  \
    free(table);                                                       \
    return NULL;                                                       \
  }
#define LAB_FILL_OPTIONAL(result, name, parameters) \
  *(void **)(&table->name) = resolve(context, #name);

#define LAB_CREATE(type, functions)                                                             \
  type *type##_create(lab_symbol_resolver resolve, void *context, const char **missing) {       \
    type *table = calloc(1, sizeof(type));                                                      \
    *missing = NULL;                                                                            \
    if (table == NULL) return NULL;                                                             \
    functions(LAB_FILL_REQUIRED, LAB_FILL_OPTIONAL) return table;                               \
  }

LAB_CREATE(lab_cuda_driver, LAB_CUDA_DRIVER_FUNCTIONS)
LAB_CREATE(lab_nvrtc, LAB_NVRTC_FUNCTIONS)
LAB_CREATE(lab_cublaslt, LAB_CUBLASLT_FUNCTIONS)
LAB_CREATE(lab_nvml, LAB_NVML_FUNCTIONS)
