#!/usr/bin/env bash
# Makes .build/bundle/lab: the program with everything it needs in one folder, for a machine of the same processor family that has neither
# Swift nor our libraries. Only the C library is the machine's own; CUDA is opened at run time where it is there.
#
#     Scripts/bundle.sh                    build, check, and try it with an empty environment
#     LAB_GLIBC=2.31 Scripts/bundle.sh     fail where the bundle needs a newer C library than that
#
# What it needs of the C library is decided where it is built: Scripts/bundle.Dockerfile builds it in an older distribution, and for arm64.
# More than 64 MB is a failure. Half of the program would be ICU's tables, which Foundation brings: Scripts/trim-icu.swift leaves out
# those that lab never asks for.
set -euo pipefail
cd "$(dirname "$0")/.."

limit_mb=64
folder=.build/bundle/lab
work=.build/bundle/work
mkdir -p "$work"

# The tables as an object of their own; the name that the archive's would have is given to them, so that those are not taken.
icu=()
archive=$(swiftc -static-stdlib -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')/linux/lib_FoundationICU.a
if [[ "$(uname)" == Linux && -f "$archive" ]]; then
  member=$(ar t "$archive" | grep -E '^icu_packaged_(main_)?data' | head -1)
  ar p "$archive" "$member" > "$work/all.o"
  symbol=$(nm "$work/all.o" | awk '$3 ~ /^icudt[0-9]+_dat$/ { print $3 }')
  objcopy -O binary --only-section='.rodata*' "$work/all.o" "$work/all.dat"
  swiftc -O Scripts/trim-icu.swift -o "$work/trim-icu"
  "$work/trim-icu" "$work/all.dat" "$work/kept.dat"
  printf '.section .rodata\n.globl %s\n.balign 16\n%s:\n.incbin "%s"\n.section .note.GNU-stack,"",%%progbits\n' \
    lab_icu_tables lab_icu_tables "$PWD/$work/kept.dat" > "$work/kept.s"
  clang -c "$work/kept.s" -o "$work/kept.o"
  icu=(-Xlinker --defsym -Xlinker "$symbol=lab_icu_tables" -Xlinker "$PWD/$work/kept.o")
fi

# The hashes of libcrypto are linked in: a libcrypto beside the program would be that of the machine's libcurl too, which may need a newer.
# SwiftPM reads the .pc files itself and puts each library's folder on the command line first, where the shared libcrypto would be found; so
# it gets copies that name no folder of the system.
hashes=()
if [[ "$(uname)" == Linux ]]; then
  mkdir -p "$work/static" "$work/pkgconfig"
  ln -sf "$(pkg-config --variable=libdir libcrypto)/libcrypto.a" "$work/static/"
  hashes=(-Xswiftc "-L$PWD/$work/static")
  grep -o 'pkgConfig: "[^"]*"' Package.swift | cut -d'"' -f2 | while read -r name; do
    printf 'Name: %s\nDescription: %s\nVersion: %s\nCflags: %s\nLibs: %s\n' "$name" "$name" \
      "$(pkg-config --modversion "$name")" "$(pkg-config --cflags "$name")" "$(pkg-config --libs "$name")" > "$work/pkgconfig/$name.pc"
  done
  export PKG_CONFIG_PATH="$PWD/$work/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
fi

# A change of the tables alone would not link it again.
program=$(swift build -c release --show-bin-path)/lab
rm -f "$program"
# The old kind of search path holds for libraries of libraries too.
swift build -c release --product lab --static-swift-stdlib "${icu[@]}" "${hashes[@]}" \
  -Xlinker -rpath -Xlinker '$ORIGIN' -Xlinker --disable-new-dtags

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

! compgen -G "$folder/libcrypto.so*" > /dev/null || { echo "The bundle carries libcrypto, which must be linked in." >&2; exit 1; }

# What it reads: the demo data, the specs, the golden tensors that a card is checked with, and the benchmarks' programs.
mkdir -p "$folder/Datasets" "$folder/Scripts" "$folder/Tests/Fixtures" "$folder/Benchmarks"
cp -R Datasets/demo "$folder/Datasets/"
cp -R Experiments "$folder/"
cp -R Tests/Fixtures/goldens "$folder/Tests/Fixtures/"
cp Benchmarks/*.py "$folder/Benchmarks/"
cp Scripts/gpu-check.sh "$folder/Scripts/"
cp LICENSE "$folder/"
glibc=$(objdump -T "$folder/lab" "$folder"/*.so.* 2> /dev/null | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1)
if [[ -n "${LAB_GLIBC:-}" && "$(printf '%s\n' "${glibc#GLIBC_}" "$LAB_GLIBC" | sort -V | tail -1)" != "$LAB_GLIBC" ]]; then
  echo "The bundle needs ${glibc/_/ }, newer than $LAB_GLIBC: build it in an older distribution (Scripts/bundle.Dockerfile)." >&2
  objdump -T "$folder/lab" "$folder"/*.so.* 2> /dev/null \
    | awk -v limit="$LAB_GLIBC" 'match($0, /GLIBC_[0-9.]+/) { v = substr($0, RSTART + 6, RLENGTH - 6); split(v, a, "."); split(limit, b, ".");
        if (a[1] > b[1] || a[1] == b[1] && a[2] + 0 > b[2] + 0) print "  " v " " $NF }' | sort -u | head -20 >&2
  exit 1
fi
cat > "$folder/README.txt" << TEXT
lab for $(uname -m), with everything it needs; the machine's C library must offer ${glibc/_/ } or newer.

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

# It does its main job from a copy elsewhere, without the environment in which it was made, in languages whose tables were cut too; a
# report that it draws from records says the same as that of a program with all tables.
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cp -R "$folder" "$place/lab"
try() { (cd / && env -i "$@" > "$place/log" 2>&1) || { cat "$place/log" >&2; echo "The bundle fails: $*" >&2; exit 1; }; }
try "$place/lab/lab" devices
try "$place/lab/lab" devices --check cpu --goldens "$place/lab/Tests/Fixtures/goldens"
try "$place/lab/lab" run "$place/lab/Experiments/quickstart.json" --results "$place/results" --limit 200
for name in report.md report.html; do
  [[ -s "$place/results/quickstart/$name" ]] || { echo "The bundle wrote no $name" >&2; exit 1; }
done
for language in C en_US.UTF-8 ja_JP.UTF-8 th_TH.UTF-8 ar_EG.UTF-8; do
  try LANG=$language LC_ALL=$language "$place/lab/lab" report "$place/results/quickstart"
  rm -rf "$place/$language"
  cp -R "$place/results/quickstart" "$place/$language"
done
for language in en_US.UTF-8 ja_JP.UTF-8 th_TH.UTF-8 ar_EG.UTF-8; do
  diff -r "$place/C" "$place/$language" || { echo "The bundle's report depends on the language $language" >&2; exit 1; }
done
# The program as it is otherwise built has all tables.
whole=$(swift build --show-bin-path)/lab
if [[ -x "$whole" ]]; then
  (cd / && "$whole" report "$place/results/quickstart" > "$place/log" 2>&1) || { cat "$place/log" >&2; exit 1; }
  diff -r "$place/results/quickstart" "$place/C" || { echo "The bundle's report differs from the program's with all tables" >&2; exit 1; }
else
  echo "The bundle's report was not compared with that of a program with all tables, since $whole is not built."
fi

size=$(du -sm --apparent-size "$folder" | cut -f1)
echo "$folder: $size MB, needs ${glibc/_/ } or newer"
if command -v xz > /dev/null; then
  tar -C .build/bundle -c lab | xz -T0 > .build/bundle/lab.tar.xz
  echo ".build/bundle/lab.tar.xz: $(du -m --apparent-size .build/bundle/lab.tar.xz | cut -f1) MB, the same to be copied"
fi
((size < limit_mb)) || { echo "That is more than $limit_mb MB." >&2; exit 1; }
