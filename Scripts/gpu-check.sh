#!/usr/bin/env bash
# Checks lab on a machine with an NVIDIA GPU, from a bundle (Scripts/bundle.sh) or a checkout; needs no Swift. In stages, the most valuable
# first, each within its limit:
#
#     Scripts/gpu-check.sh                  all stages, under 33 minutes; with ten minutes: check, then benchmark for as long as there is time
#     Scripts/gpu-check.sh check            6 minutes at most: libraries, published passes, every method and every family of models against the processor
#     Scripts/gpu-check.sh sanitize         8 minutes: NVIDIA's compute-sanitizer over both checks
#     Scripts/gpu-check.sh benchmark        9 minutes: latencies compared with PyTorch's, and which bars are met (python3 with torch and timm)
#     Scripts/gpu-check.sh staircase        7 minutes: latency of every token count
#     Scripts/gpu-check.sh pictures         6 minutes: latencies of ConvNeXt, Swin, EfficientViT and others compared with PyTorch's
#     Scripts/gpu-check.sh staircase_dinov2 9 minutes: the same of a model of a billion weights; only where it is named
#
# A stage leaves OUT/STAGE.log and OUT/STAGE.tar.gz (OUT: gpu-check), and goes on where such an archive left off. LAB names the program (default:
# lab in the folder above, else .build/release/lab), DEVICE the device (cuda), PYTHON the Python (python3), LIMIT_SCALE stretches all limits,
# STAIRCASE names another spec.
set -uo pipefail
out=$(mkdir -p "${OUT:-gpu-check}" && cd "${OUT:-gpu-check}" && pwd)
cd "$(dirname "$0")/.."

lab=${LAB:-$([[ -x ./lab ]] && echo ./lab || echo .build/release/lab)}
device=${DEVICE:-cuda}
python=${PYTHON:-python3}
scale=${LIMIT_SCALE:-1}
goldens=Tests/Fixtures/goldens
stages=("$@")
[[ $# -gt 0 ]] || stages=(check sanitize benchmark staircase pictures)
for stage in "${stages[@]}"; do
  case "$stage" in
    check | sanitize | benchmark | staircase | pictures | staircase_dinov2) ;;
    *) echo "no stage is named $stage; there are check, sanitize, benchmark, staircase, pictures, staircase_dinov2" >&2; exit 2 ;;
  esac
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Compiled kernels and chosen algorithms travel with the results, so that the next stage starts at once.
export LAB_CACHE=$work/cache
failed=()
unfinished=()
folder=

# Runs a command with a limit; its output is the stage's log. Asked to stop as by Ctrl-C at its limit, a run keeps its records.
step() { # name, seconds, command...
  local name=$1 limit=$(($2 * scale)) begin=$SECONDS code
  shift 2
  printf '\n== %s\n' "$name"
  timeout --signal=INT --kill-after=20 "$limit" "$@" 2>&1
  code=$?
  printf '(%s: exit code %s after %s s)\n' "$name" "$code" "$((SECONDS - begin))"
  case $code in
    0) ;;
    124 | 130 | 137) unfinished+=("$name") ;;
    *) failed+=("$name (exit code $code)") ;;
  esac
}

check() {
  command -v nvidia-smi > /dev/null && nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit --format=csv
  step devices 60 "$lab" devices
  step goldens 90 "$lab" devices --check "$device" --goldens "$goldens"
  step processor 180 "$lab" devices --check "$device"
  # Kernels that begin before the one before has ended are the newest part: where a comparison fails, whether it is they.
  case "${failed[*]:-}" in
    *goldens* | *processor*) LAB_CUDA_OVERLAP=0 step "goldens without overlap" 60 "$lab" devices --check "$device" --goldens "$goldens" ;;
  esac
}

sanitize() {
  local tool
  tool=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2> /dev/null | tail -1)
  if [[ -z "$tool" ]]; then
    echo "left out: compute-sanitizer is not installed"
    unfinished+=(sanitize)
    return
  fi
  # Kernels and choices are made without the tool, which slows the search down and would time it wrongly.
  "$lab" devices --check "$device" --goldens "$goldens" > /dev/null 2>&1
  local checked=(--error-exitcode 9 "$lab" devices --check "$device")
  step "memcheck, float16" 60 "$tool" --tool memcheck "${checked[@]}" --goldens "$goldens" --only "float16, vit_micro"
  step "memcheck, float32" 60 "$tool" --tool memcheck "${checked[@]}" --goldens "$goldens" --only "float32, vit_micro"
  # In every precision, for the kernels of each.
  step "racecheck, tail_effect" 30 "$tool" --tool racecheck "${checked[@]}" --goldens "$goldens" --only vit_micro__pomt__l1_R12_b4
  step "racecheck, tome" 30 "$tool" --tool racecheck "${checked[@]}" --goldens "$goldens" --only vit_micro__tome__r4_prop_b4
  step "synccheck, tail_effect" 20 "$tool" --tool synccheck "${checked[@]}" --goldens "$goldens" --only vit_micro__pomt__l1_R12_b4
  # What a kernel reads must have been written: scratch memory and padding above all.
  step "initcheck, float16" 60 "$tool" --tool initcheck "${checked[@]}" --goldens "$goldens" --only "float16, vit_micro__tome__r4_prop_b4"
  step "initcheck, float32" 60 "$tool" --tool initcheck "${checked[@]}" --goldens "$goldens" --only "float32, vit_micro__pomt__l1_R12_b4"
  step "memcheck, larger models" 40 "$tool" --tool memcheck "${checked[@]}" --only "float16, 577"
  step "memcheck, pictures" 60 "$tool" --tool memcheck "${checked[@]}" --only "float16, picture, mobilevit"
  step "initcheck, pictures" 60 "$tool" --tool initcheck "${checked[@]}" --only "float16, picture, efficientvit_m0"
}

benchmark() {
  if ! "$python" -c 'import torch, timm'; then
    echo "left out: $python has no torch and timm"
    unfinished+=(benchmark)
    return
  fi
  # It ends by itself, with a table, when its time is up.
  step benchmark 540 "$python" Benchmarks/gpu_peers.py --lab "$lab" --device "$device" --budget $((480 * scale)) --state "$folder/cuda.json" \
    --out "$folder/cuda.md" ${BENCHMARK_OPTIONS:-}
}

staircase() {
  # The paper's question first: one image at a time. What is measured is not measured again.
  local part left
  for part in '--model deit_small_patch16_224 --weights random --batch-size 1' \
    '--model deit_small_patch16_224 --weights random --batch-size 16' \
    '--model deit_base_patch16_224 --weights random --batch-size 1' '--model deit_small_patch16_224 --weights random' ''; do
    left=$((420 * scale - SECONDS + stage_began))
    ((left > 30)) || { unfinished+=("staircase $part"); continue; }
    # shellcheck disable=SC2086
    step "staircase $part" $((left / scale)) "$lab" run "${STAIRCASE:-Experiments/cuda/staircase.json}" --device "$device" --results "$folder" \
      $part ${STAIRCASE_OPTIONS:-}
  done
}

pictures() {
  if ! "$python" -c 'import torch, timm'; then
    echo "left out: $python has no torch and timm"
    unfinished+=(pictures)
    return
  fi
  step pictures 360 "$python" Benchmarks/gpu_peers.py --lab "$lab" --device "$device" --budget $((320 * scale)) --state "$folder/pictures.json" \
    --out "$folder/pictures.md" --models convnext_tiny efficientvit_b1 swin_tiny_patch4_window7_224 mobilenetv3_large_100 \
    --cells 1:float16 256:float16 ${BENCHMARK_OPTIONS:-}
}

staircase_dinov2() {
  step staircase_dinov2 540 "$lab" run Experiments/cuda/staircase_dinov2.json --device "$device" --results "$folder" ${STAIRCASE_OPTIONS:-}
}

for archive in "$out"/*.tar.gz; do
  [[ -f "$archive" ]] && tar -xzf "$archive" -C "$work"
done
for stage in "${stages[@]}"; do
  folder=$work/$stage
  mkdir -p "$folder" "$LAB_CACHE"
  stage_began=$SECONDS
  # Not in a pipeline: a stage adds to the lists above.
  "$stage" > >(tee "$out/$stage.log") 2>&1
  wait $! 2> /dev/null
  tar -czf "$out/$stage.tar.gz" -C "$work" "$stage" cache
done

[[ ${#unfinished[@]} -eq 0 ]] || printf '\nnot finished: %s; the same command goes on\n' "${unfinished[*]}"
if [[ ${#failed[@]} -gt 0 ]]; then
  printf '\nfailed: %s\n' "${failed[*]}"
  exit 1
fi
printf '\nnothing failed; results are in %s\n' "$out"
