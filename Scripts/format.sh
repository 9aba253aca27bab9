#!/usr/bin/env bash
# Formats all Swift in place, then lints it as CI does. With --lint only the second.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ "${1:-}" == --lint ]] || swift format --in-place --recursive --parallel Sources Tests Package.swift
swift format lint --strict --recursive --parallel Sources Tests Package.swift

# The linter leaves comments alone, and C altogether.
if git ls-files -z '*.swift' '*.c' '*.h' '*.cu' '*.cuh' '*.cpp' \
  | LC_ALL=C.UTF-8 xargs -0 grep -nE '^.{101,}$' | grep -E '^[^:]*:[0-9]+: *//|^[^:]*\.(c|h|cu|cuh|cpp):'; then
  echo "These lines are longer than 100 columns." >&2
  exit 1
fi
