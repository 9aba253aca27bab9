#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/pictures.cu"

SIMT_KERNEL_TYPES(combine)
SIMT_KERNEL_TYPES(affine)
SIMT_KERNEL_TYPES(norm_rows)
SIMT_KERNEL_TYPES(pool)
SIMT_KERNEL_TYPES(pool_all)
SIMT_KERNEL_TYPES(gather_rows)
SIMT_KERNEL_TYPES(unfold)
SIMT_KERNEL_TYPES(copy_pixels)
