"""Compares the numbers and signatures of CCUDA.h with NVIDIA's own headers, where they are installed.

    python3 Tests/CUDABackendTests/check_headers.py FOLDER      with cuda.h, nvrtc.h, cublasLt.h, cublas_api.h, library_types.h
"""

import re
import sys
from pathlib import Path

OURS = Path(__file__).parent.parent.parent / "Sources" / "CCUDA" / "include" / "CCUDA.h"
NAMES = {
    "LAB_CUDA_SUCCESS": "CUDA_SUCCESS", "LAB_CUDA_MAX_SHARED_MEMORY": "CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK",
    "LAB_CUDA_CLOCK_KILOHERTZ": "CU_DEVICE_ATTRIBUTE_CLOCK_RATE",
    "LAB_CUDA_MULTIPROCESSORS": "CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT",
    "LAB_CUDA_INTEGRATED": "CU_DEVICE_ATTRIBUTE_INTEGRATED", "LAB_CUDA_PCI_BUS": "CU_DEVICE_ATTRIBUTE_PCI_BUS_ID",
    "LAB_CUDA_PCI_DEVICE": "CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID", "LAB_CUDA_PCI_DOMAIN": "CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID",
    "LAB_CUDA_MEMORY_CLOCK_KILOHERTZ": "CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE",
    "LAB_CUDA_L2_BYTES": "CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE",
    "LAB_CUDA_CAPABILITY_MAJOR": "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR",
    "LAB_CUDA_CAPABILITY_MINOR": "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR",
    "LAB_CUDA_MAX_SHARED_MEMORY_OPTIN": "CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN",
    "LAB_CUDA_FUNCTION_MAX_DYNAMIC_SHARED": "CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES",
    "LAB_CUDA_STREAM_NON_BLOCKING": "CU_STREAM_NON_BLOCKING",
    "LAB_CUDA_CAPTURE_THREAD_LOCAL": "CU_STREAM_CAPTURE_MODE_THREAD_LOCAL",
    "LAB_CUDA_JIT_ERROR_LOG": "CU_JIT_ERROR_LOG_BUFFER", "LAB_CUDA_JIT_ERROR_LOG_BYTES": "CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES",
    "LAB_NVRTC_SUCCESS": "NVRTC_SUCCESS", "LAB_NVRTC_COMPILATION": "NVRTC_ERROR_COMPILATION",
    "LAB_CUBLASLT_PREF_MAX_WORKSPACE": "CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES",
    "LAB_CUBLASLT_PREF_REDUCTION_SCHEMES": "CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK",
    "LAB_CUBLASLT_REDUCTION_COMPUTE_TYPE": "CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE",
    "LAB_CUDA_SYSTEM_DRIVER_MISMATCH": "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
}
PREFIXES = [
    ("LAB_CUDA_", "CUDA_ERROR_"), ("LAB_CUBLASLT_DESC_", "CUBLASLT_MATMUL_DESC_"), ("LAB_CUBLASLT_EPILOGUE_", "CUBLASLT_EPILOGUE_"),
    ("LAB_CUBLAS_R_", "CUDA_R_"), ("LAB_CUBLAS_COMPUTE_", "CUBLAS_COMPUTE_"), ("LAB_CUBLAS_OP_", "CUBLAS_OP_"),
    ("LAB_CUBLAS_", "CUBLAS_STATUS_"),
]


def theirs(name):
    """NVIDIA's name for one of our numbers; None for NVML's, whose header no wheel has."""
    if name.startswith("LAB_NVML_"):
        return None
    if name in NAMES:
        return NAMES[name]
    match = re.fullmatch(r"LAB_CUBLASLT_PREF_ALIGNMENT_([ABCD])", name)
    if match:
        return f"CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_{match[1]}_BYTES"
    for ours, prefix in PREFIXES:
        if name.startswith(ours):
            return prefix + name[len(ours):]
    return None


def main(folder):
    ours = OURS.read_text()
    text = "\n".join((folder / name).read_text() for name in (
        "cuda.h", "nvrtc.h", "cublasLt.h", "cublas_api.h", "library_types.h"))
    problems, compared = [], 0
    for name, value in re.findall(r"\b(LAB_[A-Z0-9_]+) = (\w+)", ours):
        other = theirs(name)
        if other is None:
            continue
        found = re.search(rf"\b{other}\s*=\s*(0x[0-9a-fA-F]+|\d+)", text)
        compared += 1
        if not found:
            problems.append(f"{name}: the headers have no {other}")
        elif int(found[1], 0) != int(value, 0):
            problems.append(f"{name} is {value}, and {other} is {found[1]}")
    for name in re.findall(r"(?:required|optional)\([^,]+,\s*(\w+)", ours):
        if name.startswith("nvml"):
            continue
        plain = re.sub(r"_v\d$", "", name)
        compared += 1
        if not re.search(rf"\b({name}\b|{plain}\s*\()", text):
            problems.append(f"the headers have no function {name}")
    print(f"{compared} compared", *problems, sep="\n")
    return not problems


if __name__ == "__main__":
    sys.exit(0 if main(Path(sys.argv[1])) else 1)
