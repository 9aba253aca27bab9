#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/token_pooling.cu"

SIMT_KERNEL_TYPES(pool_tokens_prefix)
SIMT_KERNEL_TYPES(row_statistics)
SIMT_KERNEL_TYPES(pool_tokens_mean)
