// An interpreter of the PTX that NVIDIA's compiler makes of the kernels, written from the manual
// (PTX ISA 8 and 9) and from nothing else: a second reading of every instruction, independent of
// Tests/CSIMTHarness, which runs the same sources as C++.
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ptx_module ptx_module;

// Parses PTX; null, with a sentence in `error`, for what it cannot read. `ptx_free` frees it.
ptx_module *ptx_parse(const char *text, char *error, size_t error_bytes);
void ptx_free(ptx_module *module);

// Memory that kernels may read and write; anything else is an error. `ptx_forbid` takes all of it
// back.
void ptx_allow(ptx_module *module, void *memory, size_t bytes);
void ptx_forbid(ptx_module *module);

// Runs the blocks of a grid one after another; `arguments` as `cuLaunchKernel` takes them, eight
// bytes each. Not 0, with a sentence in `error`, for anything that the manual calls undefined:
// addresses out of bounds or not aligned, lanes missing from a `.sync` instruction, barriers that
// some threads do not reach, shared memory read while a copy into it is under way.
int ptx_launch(
    ptx_module *module, const char *kernel, const unsigned grid[3], const unsigned block[3],
    unsigned shared_bytes, void *const *arguments, char *error, size_t error_bytes);

// How often an instruction whose name starts with `prefix` was carried out by a thread.
size_t ptx_executed(const ptx_module *module, const char *prefix);

#ifdef __cplusplus
}
#endif
