#!/usr/bin/env bash
# Installs NVIDIA's run-time compiler from its Python wheels into .build/nvrtc, where the kernels' tests look: version 12 knows old cards
# (sm_50 to sm_90), version 13 the newest. No GPU, driver or CUDA is needed. Without a network the tests are skipped.
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
install 12 nvidia-cuda-nvrtc-cu12
install 13 nvidia-cuda-nvrtc
