#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/assemble.cu"

SIMT_KERNEL_TYPES(assemble)
