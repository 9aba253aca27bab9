#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/selection.cu"

SIMT_KERNEL(select_tokens)
SIMT_KERNEL(match_kept)
SIMT_KERNEL(kept_lists)
SIMT_KERNEL(match_bipartite)
SIMT_KERNEL(bipartite_lists)
