#!/usr/bin/env bash
# Checks lab on a machine with an NVIDIA GPU, from a bundle (Scripts/bundle.sh) or a checkout; needs no Swift. Under 25 minutes.
#
#     Scripts/gpu-check.sh                       all steps
#     Scripts/gpu-check.sh parity benchmark      some of: devices parity sanitizer staircase benchmark
#
# LAB names the program (default: ./lab beside this folder, else .build/release/lab), OUT the folder of results (default: gpu-check).
set -uo pipefail
cd "$(dirname "$0")/.."

lab=${LAB:-$([[ -x ./lab ]] && echo ./lab || echo .build/release/lab)}
out=${OUT:-gpu-check}
device=${DEVICE:-cuda}
steps=("$@")
[[ $# -gt 0 ]] || steps=(devices parity sanitizer staircase benchmark)
mkdir -p "$out"
failed=()

step() { # name, seconds, command...
  local name=$1 limit=$2
  shift 2
  printf '\n== %s\n' "$name"
  timeout "$limit" "$@" 2>&1 | tee "$out/$name.log"
  local code=${PIPESTATUS[0]}
  [[ $code == 0 ]] || failed+=("$name (exit code $code)")
}

for name in "${steps[@]}"; do
  case "$name" in
    devices) step devices 60 "$lab" devices ;;
    parity) step parity 300 "$lab" devices --check "$device" ;;
    sanitizer)
      tool=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2> /dev/null | tail -1)
      if [[ -z "$tool" ]]; then
        echo "sanitizer: left out, compute-sanitizer is not installed" | tee "$out/sanitizer.log"
      else
        # Slow under the tool, so that a step may end at its limit, which then counts as a failure to look at.
        step memcheck 240 "$tool" --tool memcheck --error-exitcode 9 "$lab" devices --check "$device"
        step racecheck 240 "$tool" --tool racecheck --error-exitcode 9 "$lab" devices --check "$device"
      fi
      ;;
    staircase) step staircase 420 "$lab" run Experiments/cuda/staircase.json --device "$device" --results "$out" ;;
    benchmark)
      if python3 -c 'import torch, timm' 2> /dev/null; then
        step benchmark 600 python3 Benchmarks/cuda.py --lab "$lab" --out "$out/cuda.md"
      else
        echo "benchmark: left out, python3 has no torch and timm" | tee "$out/benchmark.log"
      fi
      ;;
    *) echo "no step is named $name; there are devices, parity, sanitizer, staircase, benchmark" >&2; exit 2 ;;
  esac
done

if [[ ${#failed[@]} -gt 0 ]]; then
  printf '\nfailed: %s\n' "${failed[*]}"
  exit 1
fi
printf '\nall steps passed; results are in %s\n' "$out"
