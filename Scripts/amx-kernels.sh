#!/usr/bin/env bash
# Checks the AMX kernels on any x86-64 Linux: where the CPU has no AMX, its instructions are executed in software (Tests/Emulated/amx.c).
# First the code that lab runs, then that a CPU that multiplies wrongly is found out, then the address and undefined-behavior sanitizers.
# --short: fewer sizes, without the sanitizers. Correctness alone: this has no speed.
set -euo pipefail
cd "$(dirname "$0")/.."

[[ "$(uname -sm)" == "Linux x86_64" ]] || {
  echo "AMX is checked on x86-64 Linux only" >&2
  exit 1
}
[[ "${1:-}" == --short ]] && step=5 || step=1
clang=$(Scripts/clang.sh)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The kernels of low precision but gemm_low_features.c, in whose place amx.c says that there is AMX; and what they call.
low=(gemm_bfloat16 gemm_int8 gemm_low gemm_low_amx)
other=(gemm elementwise attention)
compile() {
  local kind=$1 name
  shift
  for name in "$@"; do
    "$clang" -g -fno-math-errno -fno-trapping-math -Wno-pass-failed "${flags[@]}" -I Sources/CKernels/include \
      -c "Sources/CKernels/$name.c" -o "$folder/$name.$kind.o"
  done
}
link() {
  "$clang" -g -O2 -fno-math-errno "${flags[@]}" -I Sources/CKernels/include Tests/Emulated/*.c "${@:2}" -lm -lpthread -o "$folder/$1" \
    2> >(grep -v __asan_ >&2)
}
flags=(-O3)
compile fast "${low[@]}" "${other[@]}"
link kernels "$folder"/*.fast.o

echo "== AMX"
"$folder/kernels" "$step" | tee "$folder/said"
grep -qF "; bfloat16 AMX-BF16 32x32; int8 AMX-INT8 32x32" "$folder/said"
echo "== AMX that multiplies wrongly"
AMX_TEST=wrong "$folder/kernels" 9 | tee "$folder/said"
# On a CPU with AMX nothing is executed in software, and nothing can be made wrong.
if ! grep -qx "0 instructions of AMX in software" "$folder/said"; then
  grep -q "; bfloat16 .*, AMX-BF16 failed its check; int8 .*, AMX-INT8 failed its check$" "$folder/said"
fi
[[ "${1:-}" != --short ]] || exit 0

echo "== AMX under the sanitizers"
flags=(-O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined)
compile sanitized "${low[@]}"
sanitized=()
for name in "${low[@]}"; do sanitized+=("$folder/$name.sanitized.o"); done
for name in "${other[@]}"; do sanitized+=("$folder/$name.fast.o"); done
link sanitized "${sanitized[@]}"
"$folder/sanitized" 3
