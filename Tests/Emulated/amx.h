// AMX in software (amx.c); kernels.c uses these where they are linked.
#ifndef LAB_EMULATED_AMX_H
#define LAB_EMULATED_AMX_H

#include <stdbool.h>

/// Instructions of AMX that were executed in software.
long amx_instructions(void) __attribute__((weak));
/// Whether this thread has a tile configuration.
bool amx_is_configured(void) __attribute__((weak));

#endif
