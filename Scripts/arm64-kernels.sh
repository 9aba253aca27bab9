#!/usr/bin/env bash
# Compiles the kernels for arm64 and checks them under qemu, on processors with the instructions for bfloat16 and int8 and without.
# Needs qemu-user, libc6-dev-arm64-cross, libgcc-12-dev-arm64-cross and binutils-aarch64-linux-gnu. Correctness alone: an emulator has no speed.
set -euo pipefail
cd "$(dirname "$0")/.."

clang=$(Scripts/clang.sh)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
gcc=$(ls -d /usr/lib/gcc-cross/aarch64-linux-gnu/* | tail -1)
"$clang" --target=aarch64-linux-gnu -B "$gcc" -L "$gcc" -L /usr/aarch64-linux-gnu/lib -isystem /usr/aarch64-linux-gnu/include \
  -fuse-ld=/usr/bin/aarch64-linux-gnu-ld -static -O2 -fno-math-errno -fno-trapping-math -I Sources/CKernels/include \
  Sources/CKernels/gemm*.c Sources/CKernels/elementwise.c Sources/CKernels/attention.c \
  Tests/Emulated/kernels.c -lm -lpthread -o "$folder/kernels"

# A processor, what LAB_KERNELS allows on it, and the kernels that must then run.
check() {
  echo "== $1 ${2:-all}"
  LAB_KERNELS=$2 qemu-aarch64 -cpu "$1" "$folder/kernels" 7 | tee "$folder/said"
  grep -qxF "NEON 8x12; bfloat16 $3; int8 $4" "$folder/said" || {
    echo "$1 did not choose bfloat16 $3 and int8 $4" >&2
    exit 1
  }
}
check max "" "NEON bfmmla 8x12" "NEON smmla 8x12"
check max dot "NEON bfdot 8x12" "NEON sdot 8x12"
check neoverse-n1 "" "4x8, emulated" "NEON sdot 8x12"
check cortex-a53 "" "4x8, emulated" "4x4"
