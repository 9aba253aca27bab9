#!/usr/bin/env bash
# What the recipes of containers (Dockerfile, lab.def) do, as plain commands:
#
#     Scripts/container.sh build FOLDER     the installed program below FOLDER/usr/local, with all that it needs but the C library
#     Scripts/container.sh check            the program on the path does its main job
#     LAB=PROGRAM Scripts/container.sh …    with a program that is built
set -euo pipefail

case "${1:-}" in
  build)
    folder=${2:?the folder of the image}
    cd "$(dirname "$0")/.."
    Scripts/setup.sh
    program=${LAB:-}
    if [[ -z "$program" ]]; then
      Scripts/bundle.sh
      program=.build/bundle/lab/lab
    fi
    LAB=$program PREFIX=/usr/local DESTDIR=$folder Scripts/install.sh
    mkdir -p "$folder/usr/local/lib/lab/Scripts"
    cp Scripts/container.sh "$folder/usr/local/lib/lab/Scripts/"
    ;;
  check)
    place=$(mktemp -d)
    trap 'rm -rf "$place"' EXIT
    specs=$(dirname "$(readlink -f "$(command -v lab)")")/Experiments
    lab --version
    lab devices > "$place/devices"
    grep -q cpu "$place/devices"
    lab run "$specs/quickstart.json" --results "$place" --limit 50 --only 'accuracy*' > "$place/log" 2>&1 || { cat "$place/log" >&2; exit 1; }
    [[ -s "$place/quickstart/report.html" ]] || { echo "no report was written" >&2; exit 1; }
    ;;
  *) sed -n '4,6s/^# *//p' "$0" >&2; exit 2 ;;
esac
