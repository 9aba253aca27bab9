#include "CKernels.h"
int lab_kernels_placeholder(void) { return 0; }
