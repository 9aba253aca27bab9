#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/embed.cu"

SIMT_KERNEL_TYPES(patch_gather)
SIMT_KERNEL_TYPES(embed_tokens)
SIMT_KERNEL(normalize_pixels)
