#!/usr/bin/env bash
# Makes .build/bundle/lab: the program with everything it needs beside it, for a machine of the same processor family that has neither
# Swift nor our libraries. Only the C library is the machine's own; CUDA is opened at run time where it is there.
set -euo pipefail
cd "$(dirname "$0")/.."

limit_mb=64
folder=.build/bundle/lab
# The old kind of search path holds for libraries of libraries too.
swift build -c release --product lab --static-swift-stdlib \
  -Xlinker -rpath -Xlinker '$ORIGIN' -Xlinker --disable-new-dtags
program=$(swift build -c release --show-bin-path)/lab

rm -rf "$folder"
mkdir -p "$folder"
cp "$program" "$folder/lab"
strip --strip-all "$folder/lab"

# The C library must be the machine's: it belongs to its kernel and its graphics driver.
ldd "$program" | awk '$3 ~ /^\// { print $1, $3 }' | while read -r name path; do
  case "$name" in
    libc.so.* | libm.so.* | libdl.so.* | libpthread.so.* | librt.so.* | libresolv.so.* | libutil.so.* | ld-linux*) ;;
    *) cp -L "$path" "$folder/$name" && strip --strip-unneeded "$folder/$name" ;;
  esac
done

mkdir -p "$folder/Datasets" "$folder/Scripts"
cp -R Datasets/demo "$folder/Datasets/"
cp -R Experiments Benchmarks "$folder/"
rm -rf "$folder/Benchmarks/results" "$folder/Benchmarks/__pycache__"
cp Scripts/gpu-check.sh "$folder/Scripts/"
cp LICENSE "$folder/"
glibc=$(objdump -T "$folder/lab" "$folder"/*.so.* 2> /dev/null | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1)
cat > "$folder/README.txt" << TEXT
lab for $(uname -m), with everything it needs beside it; the machine's C library must offer ${glibc/_/ } or newer.

    ./lab devices
    ./lab run Experiments/quickstart.json
    Scripts/gpu-check.sh          on a machine with an NVIDIA GPU
TEXT

# What the program needs is in the folder, or is the C library.
missing=$(cd / && LD_LIBRARY_PATH= ldd "$OLDPWD/$folder/lab" | awk '/not found/ { print $1 }')
[[ -z "$missing" ]] || { echo "The bundle lacks: $missing" >&2; exit 1; }
outside=$(ldd "$folder/lab" | awk '$3 ~ /^\// { print $3 }' | grep -v "$(cd "$folder" && pwd)" \
  | grep -Ev '/(libc|libm|libdl|libpthread|librt|libresolv|libutil)\.so' || true)
[[ -z "$outside" ]] || { echo "The bundle uses libraries of this machine: $outside" >&2; exit 1; }

# It runs without the environment in which it was made.
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
absolute=$(cd "$folder" && pwd)
(cd / && env -i "$absolute/lab" devices > /dev/null)
(cd / && env -i "$absolute/lab" run "$absolute/Experiments/quickstart.json" --results "$results" --only 'latency*topk*' > /dev/null)

size=$(du -sm "$folder" | cut -f1)
echo "$folder: $size MB, needs ${glibc/_/ } or newer"
# Half of it are the tables of ICU, which Foundation brings.
((size < limit_mb)) || echo "That is more than the $limit_mb MB aimed at." >&2
