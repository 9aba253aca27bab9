// Our own declarations of the parts of CUDA that lab uses, so that building needs nothing of CUDA.
// Each library is a table of function pointers, filled by a symbol resolver (`lab_library_symbol`
// for a library opened with `dlopen`).
//
// Constants and signatures are those of cuda.h, nvrtc.h, cublasLt.h and nvml.h, which are the same
// in CUDA 11 to 13.
#pragma once
#include <stddef.h>
#include <stdint.h>

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wnullability-completeness"
#pragma clang assume_nonnull begin

// An opaque handle of one of the libraries.
typedef void *_Nullable lab_handle;
// An address in GPU memory.
typedef unsigned long long lab_device_address;

// MARK: Driver (libcuda.so.1)

enum {
  LAB_CUDA_SUCCESS = 0,
  LAB_CUDA_INVALID_VALUE = 1,
  LAB_CUDA_OUT_OF_MEMORY = 2,
  LAB_CUDA_STUB_LIBRARY = 34,
  LAB_CUDA_DEVICE_UNAVAILABLE = 46,
  LAB_CUDA_NO_DEVICE = 100,
  LAB_CUDA_INVALID_DEVICE = 101,
  LAB_CUDA_INVALID_IMAGE = 200,
  LAB_CUDA_INVALID_CONTEXT = 201,
  LAB_CUDA_NO_BINARY_FOR_GPU = 209,
  LAB_CUDA_INVALID_PTX = 218,
  LAB_CUDA_UNSUPPORTED_PTX_VERSION = 222,
  LAB_CUDA_NOT_FOUND = 500,
  LAB_CUDA_ECC_UNCORRECTABLE = 214,
  LAB_CUDA_NVLINK_UNCORRECTABLE = 220,
  LAB_CUDA_CONTAINED = 226,
  LAB_CUDA_ILLEGAL_ADDRESS = 700,
  LAB_CUDA_LAUNCH_OUT_OF_RESOURCES = 701,
  LAB_CUDA_LAUNCH_TIMEOUT = 702,
  LAB_CUDA_CONTEXT_IS_DESTROYED = 709,
  LAB_CUDA_ASSERT = 710,
  LAB_CUDA_HARDWARE_STACK_ERROR = 714,
  LAB_CUDA_ILLEGAL_INSTRUCTION = 715,
  LAB_CUDA_MISALIGNED_ADDRESS = 716,
  LAB_CUDA_INVALID_ADDRESS_SPACE = 717,
  LAB_CUDA_INVALID_PC = 718,
  LAB_CUDA_LAUNCH_FAILED = 719,
  LAB_CUDA_TENSOR_MEMORY_LEAK = 721,
  LAB_CUDA_SYSTEM_DRIVER_MISMATCH = 803,
  LAB_CUDA_STREAM_CAPTURE_UNSUPPORTED = 900,
  LAB_CUDA_UNKNOWN = 999,
};

// CUdevice_attribute.
enum {
  LAB_CUDA_MAX_SHARED_MEMORY = 8,
  LAB_CUDA_CLOCK_KILOHERTZ = 13,
  LAB_CUDA_MULTIPROCESSORS = 16,
  LAB_CUDA_INTEGRATED = 18,
  LAB_CUDA_PCI_BUS = 33,
  LAB_CUDA_PCI_DEVICE = 34,
  LAB_CUDA_MEMORY_CLOCK_KILOHERTZ = 36,
  LAB_CUDA_L2_BYTES = 38,
  LAB_CUDA_PCI_DOMAIN = 50,
  LAB_CUDA_CAPABILITY_MAJOR = 75,
  LAB_CUDA_CAPABILITY_MINOR = 76,
  LAB_CUDA_MAX_SHARED_MEMORY_OPTIN = 97,
};

// CUfunction_attribute, CUstream_flags, CUstreamCaptureMode, CUjit_option.
enum {
  LAB_CUDA_FUNCTION_MAX_DYNAMIC_SHARED = 8,
  LAB_CUDA_STREAM_NON_BLOCKING = 1,
  LAB_CUDA_CAPTURE_THREAD_LOCAL = 1,
  LAB_CUDA_JIT_ERROR_LOG = 5,
  LAB_CUDA_JIT_ERROR_LOG_BYTES = 6,
};

// CUlaunchAttributeID, and CUlaunchAttribute with its value of 64 bytes.
enum { LAB_CUDA_LAUNCH_PROGRAMMATIC_SERIALIZATION = 6 };
typedef struct {
  int id;
  char padding[4];
  union {
    char bytes[64];
    int number;
  } value;
} lab_cuda_launch_attribute;

// CUlaunchConfig.
typedef struct {
  unsigned int grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes;
  lab_handle stream;
  lab_cuda_launch_attribute *_Nullable attributes;
  unsigned int attribute_count;
} lab_cuda_launch;

// `required` functions exist in every driver since CUDA 11.0; an `optional` one may be null.
#define LAB_CUDA_DRIVER_FUNCTIONS(required, optional)                                            \
  required(int, cuInit, (unsigned int flags))                                                    \
  required(int, cuDriverGetVersion, (int *version))                                              \
  required(int, cuGetErrorName, (int error, const char *_Nullable *_Nonnull text))               \
  required(int, cuGetErrorString, (int error, const char *_Nullable *_Nonnull text))             \
  required(int, cuDeviceGetCount, (int *count))                                                  \
  required(int, cuDeviceGet, (int *device, int ordinal))                                         \
  required(int, cuDeviceGetName, (char *name, int length, int device))                           \
  required(int, cuDeviceTotalMem_v2, (size_t *bytes, int device))                                \
  required(int, cuDeviceGetAttribute, (int *value, int attribute, int device))                   \
  required(int, cuDevicePrimaryCtxRetain, (lab_handle *context, int device))                     \
  required(int, cuDevicePrimaryCtxRelease_v2, (int device))                                      \
  required(int, cuCtxSetCurrent, (lab_handle context))                                           \
  required(int, cuMemGetInfo_v2, (size_t *available, size_t *total))                             \
  required(int, cuMemAlloc_v2, (lab_device_address *address, size_t bytes))                      \
  required(int, cuMemFree_v2, (lab_device_address address))                                      \
  required(int, cuMemHostAlloc, (void *_Nullable *_Nonnull memory, size_t bytes,                 \
           unsigned int flags))                                                                  \
  required(int, cuMemFreeHost, (void *memory))                                                   \
  required(int, cuMemcpyHtoDAsync_v2,                                                            \
           (lab_device_address to, const void *from, size_t bytes, lab_handle stream))           \
  required(int, cuMemcpyDtoHAsync_v2,                                                            \
           (void *to, lab_device_address from, size_t bytes, lab_handle stream))                 \
  required(int, cuMemsetD32Async,                                                                \
           (lab_device_address address, unsigned int value, size_t count, lab_handle stream))    \
  required(int, cuStreamCreate, (lab_handle *stream, unsigned int flags))                        \
  required(int, cuStreamDestroy_v2, (lab_handle stream))                                         \
  required(int, cuStreamSynchronize, (lab_handle stream))                                        \
  required(int, cuStreamBeginCapture_v2, (lab_handle stream, int mode))                          \
  required(int, cuStreamEndCapture, (lab_handle stream, lab_handle *graph))                      \
  required(int, cuGraphGetNodes, (lab_handle graph, lab_handle *_Nullable nodes, size_t *count)) \
  required(int, cuGraphLaunch, (lab_handle graph, lab_handle stream))                            \
  required(int, cuGraphExecDestroy, (lab_handle graph))                                          \
  required(int, cuGraphDestroy, (lab_handle graph))                                              \
  required(int, cuEventCreate, (lab_handle *event, unsigned int flags))                          \
  required(int, cuEventDestroy_v2, (lab_handle event))                                           \
  required(int, cuEventRecord, (lab_handle event, lab_handle stream))                            \
  required(int, cuEventSynchronize, (lab_handle event))                                          \
  required(int, cuEventElapsedTime, (float *milliseconds, lab_handle start, lab_handle end))     \
  required(int, cuModuleLoadDataEx,                                                              \
           (lab_handle *module, const void *image, unsigned int count,                           \
            int *_Nullable options, void *_Nullable *_Nullable values))                          \
  required(int, cuModuleUnload, (lab_handle module))                                             \
  required(int, cuModuleGetFunction, (lab_handle *function, lab_handle module, const char *name)) \
  required(int, cuFuncSetAttribute, (lab_handle function, int attribute, int value))             \
  required(int, cuLaunchKernel,                                                                  \
           (lab_handle function, unsigned int grid_x, unsigned int grid_y, unsigned int grid_z,  \
            unsigned int block_x, unsigned int block_y, unsigned int block_z,                    \
            unsigned int shared_bytes, lab_handle stream, void *_Nullable *_Nullable parameters, \
            void *_Nullable *_Nullable extra))                                                   \
  /* Since CUDA 11.8. */                                                                         \
  optional(int, cuLaunchKernelEx,                                                                \
           (const lab_cuda_launch *launch, lab_handle function,                                  \
            void *_Nullable *_Nullable parameters, void *_Nullable *_Nullable extra))            \
  optional(int, cuOccupancyMaxActiveBlocksPerMultiprocessor,                                     \
           (int *blocks, lab_handle function, int block_threads, size_t shared_bytes))           \
  optional(int, cuGraphInstantiateWithFlags,                                                     \
           (lab_handle *executable, lab_handle graph, unsigned long long flags))                 \
  optional(int, cuGraphInstantiate_v2,                                                           \
           (lab_handle *executable, lab_handle graph, lab_handle *_Nullable error_node,          \
            char *_Nullable log, size_t log_bytes))

// MARK: Compiler (libnvrtc)

enum { LAB_NVRTC_SUCCESS = 0, LAB_NVRTC_COMPILATION = 6 };

#define LAB_NVRTC_FUNCTIONS(required, optional)                                                  \
  required(const char *_Nullable, nvrtcGetErrorString, (int result))                             \
  required(int, nvrtcVersion, (int *major, int *minor))                                          \
  required(int, nvrtcCreateProgram,                                                              \
           (lab_handle *program, const char *source, const char *_Nullable name, int headers,    \
            const char *_Nullable const *_Nullable contents,                                     \
            const char *_Nullable const *_Nullable names))                                       \
  required(int, nvrtcDestroyProgram, (lab_handle *program))                                      \
  required(int, nvrtcCompileProgram,                                                             \
           (lab_handle program, int count, const char *_Nullable const *_Nullable options))      \
  required(int, nvrtcGetPTXSize, (lab_handle program, size_t *bytes))                            \
  required(int, nvrtcGetPTX, (lab_handle program, char *ptx))                                    \
  required(int, nvrtcGetProgramLogSize, (lab_handle program, size_t *bytes))                     \
  required(int, nvrtcGetProgramLog, (lab_handle program, char *log))                             \
  /* Since CUDA 11.1 and 11.2. */                                                                \
  optional(int, nvrtcGetCUBINSize, (lab_handle program, size_t *bytes))                          \
  optional(int, nvrtcGetCUBIN, (lab_handle program, char *cubin))                                \
  optional(int, nvrtcGetNumSupportedArchs, (int *count))                                         \
  optional(int, nvrtcGetSupportedArchs, (int *architectures))

// MARK: GEMM (libcublasLt)

// cudaDataType, cublasComputeType_t, cublasOperation_t, cublasStatus_t.
enum {
  LAB_CUBLAS_R_32F = 0,
  LAB_CUBLAS_R_16F = 2,
  LAB_CUBLAS_R_16BF = 14,
  LAB_CUBLAS_COMPUTE_32F = 68,
  LAB_CUBLAS_COMPUTE_32F_FAST_TF32 = 77,
  LAB_CUBLAS_OP_N = 0,
  LAB_CUBLAS_OP_T = 1,
  LAB_CUBLAS_SUCCESS = 0,
  LAB_CUBLAS_NOT_INITIALIZED = 1,
  LAB_CUBLAS_INVALID_VALUE = 7,
  LAB_CUBLAS_NOT_SUPPORTED = 15,
};

// Attributes of descriptions, layouts and preferences; epilogues; reduction schemes.
enum {
  LAB_CUBLASLT_DESC_TRANSA = 3,
  LAB_CUBLASLT_DESC_TRANSB = 4,
  LAB_CUBLASLT_DESC_EPILOGUE = 7,
  LAB_CUBLASLT_DESC_BIAS_POINTER = 8,
  LAB_CUBLASLT_PREF_MAX_WORKSPACE = 1,
  LAB_CUBLASLT_PREF_REDUCTION_SCHEMES = 3,
  LAB_CUBLASLT_PREF_ALIGNMENT_A = 5,
  LAB_CUBLASLT_PREF_ALIGNMENT_B = 6,
  LAB_CUBLASLT_PREF_ALIGNMENT_C = 7,
  LAB_CUBLASLT_PREF_ALIGNMENT_D = 8,
  LAB_CUBLASLT_EPILOGUE_DEFAULT = 1,
  LAB_CUBLASLT_EPILOGUE_BIAS = 4,
  LAB_CUBLASLT_EPILOGUE_GELU_BIAS = 36,
  LAB_CUBLASLT_REDUCTION_COMPUTE_TYPE = 2,
};

// cublasLtMatmulAlgo_t; may be stored and reused with the same version of the library.
typedef struct {
  uint64_t data[8];
} lab_cublaslt_algorithm;

// cublasLtMatmulHeuristicResult_t.
typedef struct {
  lab_cublaslt_algorithm algorithm;
  size_t workspace_bytes;
  int status;
  float waves;
  int reserved[4];
} lab_cublaslt_choice;

#define LAB_CUBLASLT_FUNCTIONS(required, optional)                                               \
  required(size_t, cublasLtGetVersion, (void))                                                   \
  required(int, cublasLtCreate, (lab_handle *library))                                           \
  required(int, cublasLtDestroy, (lab_handle library))                                           \
  required(int, cublasLtMatmulDescCreate, (lab_handle *description, int compute, int scale))     \
  required(int, cublasLtMatmulDescDestroy, (lab_handle description))                             \
  required(int, cublasLtMatmulDescSetAttribute,                                                  \
           (lab_handle description, int attribute, const void *value, size_t bytes))             \
  required(int, cublasLtMatrixLayoutCreate,                                                      \
           (lab_handle *layout, int type, uint64_t rows, uint64_t columns, int64_t stride))      \
  required(int, cublasLtMatrixLayoutDestroy, (lab_handle layout))                                \
  required(int, cublasLtMatmulPreferenceCreate, (lab_handle *preference))                        \
  required(int, cublasLtMatmulPreferenceDestroy, (lab_handle preference))                        \
  required(int, cublasLtMatmulPreferenceSetAttribute,                                            \
           (lab_handle preference, int attribute, const void *value, size_t bytes))              \
  required(int, cublasLtMatmulAlgoGetHeuristic,                                                  \
           (lab_handle library, lab_handle description, lab_handle a, lab_handle b, lab_handle c, \
            lab_handle d, lab_handle preference, int requested,                                  \
            lab_cublaslt_choice *choices, int *count))                                           \
  required(int, cublasLtMatmulAlgoCheck,                                                         \
           (lab_handle library, lab_handle description, lab_handle a, lab_handle b, lab_handle c, \
            lab_handle d, const lab_cublaslt_algorithm *algorithm, lab_cublaslt_choice *result)) \
  required(int, cublasLtMatmul,                                                                  \
           (lab_handle library, lab_handle description, const void *alpha, const void *a,        \
            lab_handle a_layout, const void *b, lab_handle b_layout, const void *beta,           \
            const void *c, lab_handle c_layout, void *d, lab_handle d_layout,                    \
            const lab_cublaslt_algorithm *_Nullable algorithm, void *_Nullable workspace,        \
            size_t workspace_bytes, lab_handle stream))                                          \
  /* From 11.4 on. */                                                                            \
  optional(const char *_Nullable, cublasLtGetStatusString, (int status))

// MARK: Clocks and temperature (libnvidia-ml.so.1)

// nvmlClockType_t, nvmlTemperatureSensors_t, and the reasons for which a GPU's clock is reduced.
enum {
  LAB_NVML_CLOCK_SM = 1,
  LAB_NVML_CLOCK_MEMORY = 2,
  LAB_NVML_TEMPERATURE_GPU = 0,
  LAB_NVML_REASON_IDLE = 0x1,
  LAB_NVML_REASON_APPLICATION_CLOCKS = 0x2,
  LAB_NVML_REASON_POWER_CAP = 0x4,
  LAB_NVML_REASON_HARDWARE_SLOWDOWN = 0x8,
  LAB_NVML_REASON_SYNC_BOOST = 0x10,
  LAB_NVML_REASON_SOFTWARE_THERMAL = 0x20,
  LAB_NVML_REASON_HARDWARE_THERMAL = 0x40,
  LAB_NVML_REASON_POWER_BRAKE = 0x80,
};

#define LAB_NVML_FUNCTIONS(required, optional)                                                   \
  required(int, nvmlInit_v2, (void))                                                             \
  required(int, nvmlShutdown, (void))                                                            \
  required(int, nvmlDeviceGetHandleByPciBusId_v2, (const char *bus, lab_handle *device))         \
  optional(int, nvmlSystemGetDriverVersion, (char *version, unsigned int length))                \
  optional(int, nvmlDeviceGetClockInfo, (lab_handle device, int clock, unsigned int *megahertz)) \
  optional(int, nvmlDeviceGetMaxClockInfo,                                                       \
           (lab_handle device, int clock, unsigned int *megahertz))                              \
  optional(int, nvmlDeviceGetTemperature,                                                        \
           (lab_handle device, int sensor, unsigned int *celsius))                               \
  /* The new name, and the old one that NVML 13 may no longer have. */                           \
  optional(int, nvmlDeviceGetCurrentClocksEventReasons,                                          \
           (lab_handle device, unsigned long long *reasons))                                     \
  optional(int, nvmlDeviceGetCurrentClocksThrottleReasons,                                       \
           (lab_handle device, unsigned long long *reasons))

// MARK: Tables

#define LAB_REQUIRED_FIELD(result, name, parameters) result(*_Nonnull name) parameters;
#define LAB_OPTIONAL_FIELD(result, name, parameters) result(*_Nullable name) parameters;

typedef struct {
  LAB_CUDA_DRIVER_FUNCTIONS(LAB_REQUIRED_FIELD, LAB_OPTIONAL_FIELD)
} lab_cuda_driver;
typedef struct {
  LAB_NVRTC_FUNCTIONS(LAB_REQUIRED_FIELD, LAB_OPTIONAL_FIELD)
} lab_nvrtc;
typedef struct {
  LAB_CUBLASLT_FUNCTIONS(LAB_REQUIRED_FIELD, LAB_OPTIONAL_FIELD)
} lab_cublaslt;
typedef struct {
  LAB_NVML_FUNCTIONS(LAB_REQUIRED_FIELD, LAB_OPTIONAL_FIELD)
} lab_nvml;

// The address of a symbol of a library, or null.
typedef void *_Nullable (*lab_symbol_resolver)(void *_Nullable context, const char *name);

// A resolver whose context is the handle returned by `dlopen`.
void *_Nullable lab_library_symbol(void *_Nullable library, const char *name);

// The function table of a library, to be freed with `free`. If a required symbol does not exist,
// null, and its name in `missing`.
lab_cuda_driver *_Nullable lab_cuda_driver_create(
    lab_symbol_resolver resolve, void *_Nullable context, const char *_Nullable *_Nonnull missing);
lab_nvrtc *_Nullable lab_nvrtc_create(
    lab_symbol_resolver resolve, void *_Nullable context, const char *_Nullable *_Nonnull missing);
lab_cublaslt *_Nullable lab_cublaslt_create(
    lab_symbol_resolver resolve, void *_Nullable context, const char *_Nullable *_Nonnull missing);
lab_nvml *_Nullable lab_nvml_create(
    lab_symbol_resolver resolve, void *_Nullable context, const char *_Nullable *_Nonnull missing);

#pragma clang assume_nonnull end
#pragma clang diagnostic pop
