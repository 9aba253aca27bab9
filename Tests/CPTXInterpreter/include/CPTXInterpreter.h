// An interpreter for the PTX that NVIDIA's compiler generates from the kernels. It is written only
// from the manual (PTX ISA 8 and 9), and so is independent of Tests/CSIMTHarness, which runs the
// same sources as C++.
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ptx_module ptx_module;

// Parses PTX; returns null, with a message in `error`, for unsupported PTX. `ptx_free` frees the
// module.
ptx_module *ptx_parse(const char *text, char *error, size_t error_bytes);
void ptx_free(ptx_module *module);

// Allows kernels to read and write this memory; any other access is an error. `ptx_forbid` revokes
// all permissions.
void ptx_allow(ptx_module *module, void *memory, size_t bytes);
void ptx_forbid(ptx_module *module);

// Runs the blocks of a grid one after another; `arguments` as for `cuLaunchKernel`, eight bytes
// each. Returns not 0, with a message in `error`, for anything that is undefined in the manual:
// addresses out of bounds or misaligned, lanes missing from a `.sync` instruction, barriers that
// some threads do not reach, shared memory read while it is being copied to.
int ptx_launch(
    ptx_module *module, const char *kernel, const unsigned grid[3], const unsigned block[3],
    unsigned shared_bytes, void *const *arguments, char *error, size_t error_bytes);

// The number of times that threads executed an instruction whose name starts with `prefix`.
size_t ptx_executed(const ptx_module *module, const char *prefix);

#ifdef __cplusplus
}
#endif
