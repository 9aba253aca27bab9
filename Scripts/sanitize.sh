#!/usr/bin/env bash
# Runs the tests of C code and of everything that reads files under the sanitizers, each in a build of its own.
#
#     Scripts/sanitize.sh              both
#     Scripts/sanitize.sh address      addresses and undefined behavior: C kernels, codecs, weights, records, NaN and odd inputs
#     Scripts/sanitize.sh thread       threads: worker threads of the processor's backend, loaders, runs
#
# The first finding ends it. The builds stay in .build/sanitize; the first of each takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

kinds=("$@")
[[ $# -gt 0 ]] || kinds=(address thread)

# Targets whose tests touch C, raw memory or files; of the others Swift's own checks are on in every build.
address='^(CheckpointsTests|FilesTests|CPUBackendTests|CUDAKernelTests|ImageCodingTests|DatasetsTests|TensorsTests|RecordsTests|TokenReductionTests|CUDABackendTests)\.|ExperimentsTests\.(Record|Claims|Hostile|Line)'
thread='^(CPUBackendTests|DatasetsTests|MeasurementTests)\.|ExperimentsTests\.(Runner|Claims)|VisionModelsTests\.PassRunner'

for kind in "${kinds[@]}"; do
  case "$kind" in
    # Leaks are not looked for: what the runtimes of Swift and Foundation keep until the end would be all of them.
    address) flags=(--sanitize=address -Xcc -fsanitize=undefined -Xcc -fno-sanitize-recover=undefined) filter=$address ;;
    thread) flags=(--sanitize=thread) filter=$thread ;;
    *) echo "no sanitizer is named $kind; there are address and thread" >&2; exit 2 ;;
  esac
  ASAN_OPTIONS=detect_leaks=0:halt_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    TSAN_OPTIONS=halt_on_error=1 LAB_SANITIZER=$kind \
    swift test --scratch-path ".build/sanitize/$kind" "${flags[@]}" --filter "$filter"
  echo "$kind: nothing found"
done
