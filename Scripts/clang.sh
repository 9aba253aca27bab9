#!/usr/bin/env bash
# Prints the path of a clang that can compile the kernels: 17 or later, on the PATH or beside swift, whose toolchains have one.
set -euo pipefail

beside=$(dirname "$(readlink -f "$(command -v swift || echo /none)")")/clang
for candidate in clang "$beside"; do
  path=$(command -v "$candidate") || continue
  version=$(echo __clang_major__ | "$path" -E -P -x c - 2>/dev/null) || continue
  if [[ "$version" -ge 17 ]]; then
    echo "$path"
    exit
  fi
done
echo "no clang 17 or later is on the PATH or beside swift" >&2
exit 1
