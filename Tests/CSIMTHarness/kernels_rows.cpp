#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/rows.cu"

SIMT_KERNEL_TYPES(layer_norm)
SIMT_KERNEL_TYPES(gelu)
SIMT_KERNEL_TYPES(swiglu)
SIMT_KERNEL_HALVES(convert_f32)
SIMT_KERNEL(convert_f16_f32)
SIMT_KERNEL(convert_bf16_f32)
SIMT_KERNEL(fill_f32)
SIMT_KERNEL_TYPES(differences)
