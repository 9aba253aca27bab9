#!/usr/bin/env bash
# Installs lab with its manual page and the completions of bash, zsh and fish, or removes what was installed.
#
#     Scripts/install.sh                          into /usr/local
#     PREFIX=~/.local Scripts/install.sh          elsewhere
#     LAB=.build/bundle/lab/lab Scripts/install.sh    a program that is built, with the libraries in its folder
#     Scripts/install.sh uninstall
#
# DESTDIR is put before the prefix, for packagers. The program, the demo model and the specs go to PREFIX/lib/lab, and PREFIX/bin/lab
# points there. PREFIX/lib/lab/installed lists the files, which uninstall removes and no others.
set -euo pipefail
cd "$(dirname "$0")/.."

prefix=${PREFIX:-/usr/local}
[[ "$prefix" == /* ]] || { echo "PREFIX: $prefix is no absolute path" >&2; exit 2; }
root=${DESTDIR:-}$prefix
list=$root/lib/lab/installed
action=${1:-install}

# Building is the person's, writing into a folder of the system is root's.
as=()
place=$root
while [[ ! -e "$place" ]]; do place=$(dirname "$place"); done
if [[ ! -w "$place" || -e "$root/lib" && ! -w "$root/lib" ]]; then
  command -v sudo > /dev/null || { echo "$place cannot be written; name another PREFIX, such as $HOME/.local" >&2; exit 2; }
  as=(sudo)
fi

remove() {
  local file folder
  while IFS= read -r file; do
    ${as[@]+"${as[@]}"} rm -f "$root/$file"
    folder=$(dirname "$root/$file")
    # The folders that are lab's alone go, too, once they are empty.
    while [[ "$folder" == "$root/lib/lab"* || "$folder" == "$root/share/doc/lab"* ]]; do
      ${as[@]+"${as[@]}"} rmdir "$folder" 2> /dev/null || break
      folder=$(dirname "$folder")
    done
  done
}

case "$action" in
  install) ;;
  uninstall)
    [[ -f "$list" ]] || { echo "lab is not installed in $root: there is no $list" >&2; exit 2; }
    files=$(cat "$list")
    remove <<< "$files"
    echo "Removed lab from $root."
    exit 0
    ;;
  *) echo "there is no $action; there are install and uninstall" >&2; exit 2 ;;
esac

program=${LAB:-}
if [[ -z "$program" ]]; then
  options=()
  # The program then needs no Swift.
  [[ "$(uname)" == Darwin ]] || options=(--static-swift-stdlib)
  swift build -c release --product lab ${options[@]+"${options[@]}"}
  program=$(swift build -c release --product lab ${options[@]+"${options[@]}"} --show-bin-path)/lab
fi
[[ -x "$program" ]] || { echo "$program is no program; LAB names one that is built" >&2; exit 2; }

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
folder=$stage/lib/lab
mkdir -p "$folder/Datasets" "$stage/bin" "$stage/share/man/man1" "$stage/share/bash-completion/completions" \
  "$stage/share/zsh/site-functions" "$stage/share/fish/vendor_completions.d" "$stage/share/doc/lab"
cp "$program" "$folder/lab"
# Those of a bundle.
for library in "$(dirname "$program")"/*.so*; do
  if [[ -f "$library" && -f "$(dirname "$program")/README.txt" ]]; then cp "$library" "$folder/"; fi
done
cp -R Datasets/demo "$folder/Datasets/"
cp -R Experiments "$folder/"
cp LICENSE "$stage/share/doc/lab/"
ln -s ../lib/lab/lab "$stage/bin/lab"
"$folder/lab" manual > "$stage/share/man/man1/lab.1"
"$folder/lab" --generate-completion-script bash > "$stage/share/bash-completion/completions/lab"
"$folder/lab" --generate-completion-script zsh > "$stage/share/zsh/site-functions/_lab"
"$folder/lab" --generate-completion-script fish > "$stage/share/fish/vendor_completions.d/lab.fish"
find "$stage" -type f -exec chmod u=rw,go=r {} +
chmod 755 "$folder/lab"
(cd "$stage" && find . ! -type d | sed 's|^\./||' | sort) > "$folder.list"
mv "$folder.list" "$folder/installed"
echo lib/lab/installed >> "$folder/installed"

# What an earlier version had, and this one has not, goes.
if [[ -f "$list" ]]; then
  sort "$folder/installed" > "$stage/new"
  sort "$list" | comm -23 - "$stage/new" | remove
  rm "$stage/new"
fi
${as[@]+"${as[@]}"} mkdir -p "$root"
(cd "$stage" && tar -cf - *) | ${as[@]+"${as[@]}"} tar -C "$root" --no-same-owner -xf -
echo "Installed $("$root/bin/lab" --version) as $root/bin/lab; the first thing to run:"
echo "    lab run $prefix/lib/lab/Experiments/quickstart.json"
case ":$PATH:" in
  *":$prefix/bin:"*) ;;
  *) [[ -n "${DESTDIR:-}" ]] || echo "$prefix/bin is not in PATH." ;;
esac
