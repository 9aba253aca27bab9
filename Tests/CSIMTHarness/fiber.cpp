#include "fiber.hpp"

#include <cstdint>

#if defined(__x86_64__)
__asm__(
    ".text\n"
    ".globl simt_switch\n"
    "simt_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  retq\n");
#elif defined(__aarch64__)
__asm__(
    ".text\n"
    ".globl simt_switch\n"
    ".p2align 2\n"
    "simt_switch:\n"
    "  sub sp, sp, #160\n"
    "  stp x19, x20, [sp, #0]\n  stp x21, x22, [sp, #16]\n  stp x23, x24, [sp, #32]\n"
    "  stp x25, x26, [sp, #48]\n  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n"
    "  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n"
    "  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
    "  mov x9, sp\n  str x9, [x0]\n"
    "  mov sp, x1\n"
    "  ldp x19, x20, [sp, #0]\n  ldp x21, x22, [sp, #16]\n  ldp x23, x24, [sp, #32]\n"
    "  ldp x25, x26, [sp, #48]\n  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n"
    "  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n"
    "  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"
    "  add sp, sp, #160\n"
    "  ret\n");
#else
#error "the harness needs a stack switch for this processor"
#endif

namespace simt {

void *prepare_stack(void *bottom, std::size_t bytes, void (*entry)()) {
  auto top = (reinterpret_cast<std::uintptr_t>(bottom) + bytes) & ~std::uintptr_t(15);
  auto *words = reinterpret_cast<void **>(top);
#if defined(__x86_64__)
  // A function expects its stack pointer 8 bytes below a multiple of 16, as after a call.
  words -= 2;
  words[0] = reinterpret_cast<void *>(entry);
  words -= 6;
  for (int i = 0; i < 6; i++) words[i] = nullptr;
#else
  words -= 20;
  for (int i = 0; i < 20; i++) words[i] = nullptr;
  words[11] = reinterpret_cast<void *>(entry);
#endif
  return words;
}

}  // namespace simt
