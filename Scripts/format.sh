#!/usr/bin/env bash
# Formats all Swift in place, then lints it as CI does. With --lint only the second.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ "${1:-}" == --lint ]] || swift format --in-place --recursive --parallel Sources Tests Package.swift
swift format lint --strict --recursive --parallel Sources Tests Package.swift
