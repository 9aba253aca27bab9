#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/attention_fma.cu"

SIMT_KERNEL_TYPES(attention_fma_d32_r64)
SIMT_KERNEL_TYPES(attention_fma_d32_r16)
SIMT_KERNEL_TYPES(attention_fma_d64_r64)
SIMT_KERNEL_TYPES(attention_fma_d64_r16)
SIMT_KERNEL_TYPES(attention_fma_d128_r32)
SIMT_KERNEL_TYPES(attention_fma_d128_r16)
