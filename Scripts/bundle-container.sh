#!/usr/bin/env bash
# Makes the bundle (Scripts/bundle.sh) in a container of an older distribution, by docker or podman, so that it runs on machines with an older C library:
#
#     Scripts/bundle-container.sh focal            C library 2.31: Ubuntu 20.04, Debian 11, JetPack 5, and everything newer
#     Scripts/bundle-container.sh jammy            2.35: Ubuntu 22.04, JetPack 6
#     Scripts/bundle-container.sh bookworm         2.36: Debian 12
#     Scripts/bundle-container.sh jammy arm64      for Jetson Orin and Grace: on such a machine, or on another under QEMU's binfmt handlers, where it takes hours
#     Scripts/bundle-container.sh jammy arm64 --dry-run     prints the command
#
# Swift's static SDK is no way to either: what it links has a C library of its own, which cannot open the machine's libcuda.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '3,8s/^#  *//p' "$0" >&2; exit 2; }

distribution=${1:-}
case "$distribution" in
  focal) glibc=2.31 ;;
  jammy) glibc=2.35 ;;
  bookworm) glibc=2.36 ;;
  *) echo "no base is called '$distribution'; there are focal, jammy, bookworm" >&2; usage ;;
esac
shift
architecture=$(case "$(uname -m)" in aarch64 | arm64) echo arm64 ;; *) echo amd64 ;; esac)
dry=
for argument in "$@"; do
  case "$argument" in
    amd64 | arm64) architecture=$argument ;;
    --dry-run) dry=1 ;;
    *) echo "'$argument' is neither amd64, arm64 nor --dry-run" >&2; usage ;;
  esac
done

tool=$(command -v docker || command -v podman || true)
command=("$(basename "${tool:-docker}")" build --platform "linux/$architecture" -f Scripts/bundle.Dockerfile
  --build-arg "BASE=swift:6.1-$distribution" --build-arg "LAB_GLIBC=$glibc"
  --output "type=local,dest=.build/bundle/$distribution-$architecture" .)
if [[ -n "$dry" ]]; then
  echo "${command[*]}"
  exit
fi
[[ -n "$tool" ]] || { echo "neither docker nor podman is installed; --dry-run prints what would run" >&2; exit 1; }
exec "${command[@]}"
