// A stack of its own for each thread of a block, and the switch between two.
#pragma once

#include <cstddef>

namespace simt {

/// Saves the callee-saved registers, stores the stack pointer in `*save`, and goes on where `to` was saved.
extern "C" void simt_switch(void **save, void *to) __asm__("simt_switch");

/// The stack pointer with which a first switch enters `entry`, which must never return.
void *prepare_stack(void *bottom, std::size_t bytes, void (*entry)());

}  // namespace simt
