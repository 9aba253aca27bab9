#!/usr/bin/env bash
# Installs NVIDIA's run-time compiler, disassemblers and NVML's header from Python wheels into .build/nvrtc, where the kernels' tests look: compiler 11.8
# knows the oldest cards, 12 those of sm_50 to sm_120, 13 the newest. No GPU, driver or CUDA is needed. What cannot be installed is named, and the
# tests that need it are skipped with the reason.
#
#     Scripts/nvrtc.sh             compilers, disassemblers, header (250 MB)
#     Scripts/nvrtc.sh cublas      cuBLASLt, too, against whose real functions the description of our products is checked (another 800 MB)
set -euo pipefail
cd "$(dirname "$0")/.."

install() {
  local folder=.build/nvrtc/$1 package=$2
  if [ ! -d "$folder" ] &&
    ! python3 -m pip install --quiet --no-deps --target "$folder.new" "$package"; then
    rm -rf "$folder.new"
    echo "nvrtc.sh: $package could not be installed; tests that need it are skipped" >&2
    return
  fi
  if [ -d "$folder.new" ]; then mv "$folder.new" "$folder"; fi
}

if [ "$(uname)" != Linux ]; then exit 0; fi
if ! python3 -m pip --version > /dev/null 2>&1; then
  sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  if ! DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends python3-pip; then
    echo "nvrtc.sh: python3 has no pip; tests that need NVRTC are skipped" >&2
    exit 0
  fi
fi
mkdir -p .build/nvrtc
install 11 nvidia-cuda-nvrtc-cu11==11.8.89
install 12 nvidia-cuda-nvrtc-cu12
install 13 nvidia-cuda-nvrtc
install cuobjdump nvidia-cuda-cuobjdump
install nvdisasm nvidia-cuda-nvdisasm
install nvml nvidia-nvml-dev
if [ "${1:-}" = cublas ]; then install cublas nvidia-cublas; fi
