#!/usr/bin/env bash
# Compiles the kernels for arm64 and checks them under qemu: with the instructions for bfloat16 and int8, and on a processor without.
# Needs clang, qemu-user, libc6-dev-arm64-cross, libgcc-12-dev-arm64-cross and binutils-aarch64-linux-gnu. Correctness alone: an emulator has no speed.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
gcc=$(ls -d /usr/lib/gcc-cross/aarch64-linux-gnu/* | tail -1)
clang --target=aarch64-linux-gnu -B "$gcc" -L "$gcc" -L /usr/aarch64-linux-gnu/lib -isystem /usr/aarch64-linux-gnu/include \
  -fuse-ld=/usr/bin/aarch64-linux-gnu-ld -static -O2 -fno-math-errno -fno-trapping-math -I Sources/CKernels/include \
  Sources/CKernels/gemm.c Sources/CKernels/gemm_low.c Sources/CKernels/gemm_bfloat16.c Sources/CKernels/gemm_int8.c \
  Sources/CKernels/elementwise.c Sources/CKernels/attention.c \
  Tests/Emulated/kernels.c -lm -o "$folder/kernels"

for processor in max cortex-a53; do
  echo "== $processor"
  qemu-aarch64 -cpu "$processor" "$folder/kernels"
done
