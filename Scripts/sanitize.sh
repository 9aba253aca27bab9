#!/usr/bin/env bash
# Runs the tests of C code and of everything that reads files under the sanitizers, each in a build of its own.
#
#     Scripts/sanitize.sh              all three
#     Scripts/sanitize.sh codecs       changed pictures for the C decoders (RUNS of each format, 100,000), under address and undefined
#     Scripts/sanitize.sh address      addresses and undefined behavior: C kernels, codecs, weights, records, NaN and odd inputs
#     Scripts/sanitize.sh thread       threads: worker threads of the processor's backend, loaders, runs
#
# The first finding ends it. The builds stay in .build/sanitize; the first of each takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

kinds=("$@")
[[ $# -gt 0 ]] || kinds=(codecs address thread)

# A build of seconds, of C alone.
codecs() {
  local program=.build/sanitize/codecs fixtures=Tests/Fixtures
  mkdir -p .build/sanitize
  clang -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined \
    -ISources/CImageCodecs/include -ISources/CImageCodecs Scripts/drill/codecs.c Sources/CImageCodecs/*.c \
    $(pkg-config --cflags --libs libpng libjpeg libwebpdemux libwebp libtiff-4) -lm -o "$program" 2> >(grep -v __asan_ >&2)
  for format in png webp gif bmp tif; do
    ASAN_OPTIONS=allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
      "$program" "$format" "${RUNS:-100000}" "${SEED:-1}" "$fixtures"/*formats/*."$format"
  done
}

# Targets whose tests touch C, raw memory or files; of the others Swift's own checks are on in every build.
address_tests="CheckpointsTests FilesTests CPUBackendTests CUDAKernelTests ImageCodingTests DatasetsTests TensorsTests
  RecordsTests TokenReductionTests CUDABackendTests ExperimentsTests"
address='^(CheckpointsTests|FilesTests|CPUBackendTests|CUDAKernelTests|ImageCodingTests|DatasetsTests|TensorsTests|RecordsTests|TokenReductionTests|CUDABackendTests)\.|ExperimentsTests\.(Record|Claims|Hostile|Line)'
# Targets whose tests run threads.
thread_tests="CPUBackendTests DatasetsTests MeasurementTests ExperimentsTests VisionModelsTests"
thread='^(CPUBackendTests|DatasetsTests|MeasurementTests)\.|ExperimentsTests\.(Runner|Claims)|VisionModelsTests\.PassRunner'

for kind in "${kinds[@]}"; do
  case "$kind" in
    codecs)
      codecs
      echo "codecs: nothing found"
      continue
      ;;
    # Leaks are not looked for: what the runtimes of Swift and Foundation keep until the end would be all of them.
    address)
      flags=(--sanitize=address -Xcc -fsanitize=undefined -Xcc -fno-sanitize-recover=undefined)
      tests=$address_tests filter=$address
      ;;
    thread) flags=(--sanitize=thread) tests=$thread_tests filter=$thread ;;
    *) echo "no sanitizer is named $kind; there are codecs, address and thread" >&2; exit 2 ;;
  esac
  # The tests that run and what they need, and no other target.
  export LAB_TESTS="${tests//$'\n'/ }" LAB_SANITIZER=$kind
  build=(--scratch-path ".build/sanitize/$kind" "${flags[@]}")
  # NVRTC opens a library beside itself, which it does not find where a sanitizer opens it.
  builtins=$(find .build/nvrtc -name 'libnvrtc-builtins.so*' -printf '%h\n' 2>/dev/null | sort -u | sed "s|^|$PWD/|" | paste -sd: || true)
  export LD_LIBRARY_PATH="$builtins${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  swift build "${build[@]}" --product labPackageTests
  ASAN_OPTIONS=detect_leaks=0:halt_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    TSAN_OPTIONS=halt_on_error=1 \
    swift test --skip-build "${build[@]}" --filter "$filter"
  echo "$kind: nothing found"
done
