#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/view_attention.cu"

SIMT_KERNEL_TYPES(view_attention)
SIMT_KERNEL_TYPES(attention_map)
SIMT_KERNEL_TYPES(apply_map)
SIMT_KERNEL_TYPES(linear_sums)
SIMT_KERNEL_TYPES(linear_outputs)
SIMT_KERNEL(summarize_map)
SIMT_KERNEL_TYPES(reduced_sums)
SIMT_KERNEL_TYPES(reduced_outputs)
