#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/reduce.cu"

SIMT_KERNEL_TYPES(reduce_tokens)
