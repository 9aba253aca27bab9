// Compares what CCUDA.h says of NVML with NVIDIA's own header (nvml.h of CUDA 12 or 13). It is
// compiled and not linked (HeaderTests.swift).
#include <nvml.h>

// After theirs, which rename some functions by macros: ours are then renamed alike.
#include "CCUDA.h"
#include "check_shapes.hpp"

LAB_NVML_FUNCTIONS(COMPARE, COMPARE)

#define EQUAL(ours, theirs) static_assert((long long)(ours) == (long long)(theirs), #ours);
EQUAL(LAB_NVML_CLOCK_SM, NVML_CLOCK_SM)
EQUAL(LAB_NVML_CLOCK_MEMORY, NVML_CLOCK_MEM)
EQUAL(LAB_NVML_TEMPERATURE_GPU, NVML_TEMPERATURE_GPU)
EQUAL(LAB_NVML_REASON_IDLE, nvmlClocksThrottleReasonGpuIdle)
EQUAL(LAB_NVML_REASON_APPLICATION_CLOCKS, nvmlClocksThrottleReasonApplicationsClocksSetting)
EQUAL(LAB_NVML_REASON_POWER_CAP, nvmlClocksThrottleReasonSwPowerCap)
EQUAL(LAB_NVML_REASON_HARDWARE_SLOWDOWN, nvmlClocksThrottleReasonHwSlowdown)
EQUAL(LAB_NVML_REASON_SYNC_BOOST, nvmlClocksThrottleReasonSyncBoost)
EQUAL(LAB_NVML_REASON_SOFTWARE_THERMAL, nvmlClocksThrottleReasonSwThermalSlowdown)
EQUAL(LAB_NVML_REASON_HARDWARE_THERMAL, nvmlClocksThrottleReasonHwThermalSlowdown)
EQUAL(LAB_NVML_REASON_POWER_BRAKE, nvmlClocksThrottleReasonHwPowerBrakeSlowdown)
