#!/usr/bin/env bash
# Prints a Python for the tests that need one (notebooks, the schema's independent validator): LAB_PYTHON where it is set, else the
# first python3 with everything in Tools/requirements-tests.txt. Prints nothing, and says why on standard error, where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ -z "${LAB_PYTHON:-}" ]] || { echo "$LAB_PYTHON"; exit 0; }
for python in "$PWD/.venv/bin/python" python3; do
  if "$python" -c 'import nbconvert, ipykernel, pandas, matplotlib, jsonschema' 2> /dev/null; then
    command -v "$python"
    exit 0
  fi
done
echo "No Python with the packages of Tools/requirements-tests.txt: tests of notebooks and of the schema are skipped." >&2
