#!/usr/bin/env bash
# Installs what is missing on Debian and Ubuntu, and says what to install elsewhere. Does nothing where all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v swift > /dev/null; then
  echo "lab needs Swift 6.1 or later: https://www.swift.org/install" >&2
  exit 1
fi

packages=$(grep -v '^#' Scripts/apt-packages.txt)

if [[ "$(uname)" == Darwin ]]; then
  missing=$(for name in libpng jpeg-turbo webp libtiff pkg-config; do  # Accelerate is the BLAS of macOS.
    brew list "$name" > /dev/null 2>&1 || echo "$name"
  done)
  [[ -z "$missing" ]] || { echo "Run: brew install" $missing >&2; exit 1; }
  exit 0
fi

if ! command -v dpkg-query > /dev/null; then
  echo "This is neither Debian nor Ubuntu: install the equivalents of" $packages >&2
  exit 0
fi

missing=$(for name in $packages; do
  dpkg-query -W -f '${Status}\n' "$name" 2> /dev/null | grep -q 'ok installed' || echo "$name"
done)
[[ -z "$missing" ]] && exit 0

echo "Installing:" $missing
sudo=""
[[ "$(id -u)" == 0 ]] || sudo=sudo
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq $missing
