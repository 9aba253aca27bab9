#!/usr/bin/env bash
# Makes the files of a release in .build/release-files: the bundle for this kind of processor, the sources, SHA256SUMS, and the formula
# of Homebrew.
#
#     Scripts/release.sh https://host/where/they/will/be
#     LAB_BUNDLE=FOLDER Scripts/release.sh URL      with a bundle that is made (Scripts/bundle.sh, Scripts/bundle-container.sh)
#
# Run it on each kind of machine and put the archives of all into one folder: SHA256SUMS is of all that are there. The same commit gives
# the same bytes of sources, and the same bundle the same archive. A tree with changes is refused, since no commit would be that program.
set -euo pipefail
cd "$(dirname "$0")/.."

url=${1:-}
[[ "$url" == https://* ]] || { sed -n '5,6s/^# *//p' "$0" >&2; exit 2; }
url=${url%/}
[[ -z "$(git status --porcelain)" ]] || { echo "The tree has changes: commit them first." >&2; exit 2; }

bundle=${LAB_BUNDLE:-}
if [[ -z "$bundle" ]]; then
  Scripts/bundle.sh
  bundle=.build/bundle/lab
fi
[[ -x "$bundle/lab" ]] || { echo "$bundle is no bundle: it has no program" >&2; exit 2; }
version=$("$bundle/lab" --version | cut -d' ' -f1)
commit=$(git rev-parse --short=12 HEAD)
[[ "$("$bundle/lab" --version)" == "$version ($commit)" ]] \
  || { echo "The bundle is $("$bundle/lab" --version), and the commit is $commit: make the bundle anew." >&2; exit 2; }

out=.build/release-files
mkdir -p "$out"
moment=$(git log -1 --format=%ct)
name=lab-$version-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)
# Nothing of the machine or the moment is in an archive.
pack() { tar --sort=name --mtime="@$moment" --owner=0 --group=0 --numeric-owner --format=gnu -cf - "$@"; }
pack -C "$(dirname "$bundle")" --transform="s|^$(basename "$bundle")|$name|" "$(basename "$bundle")" | xz -6 -T1 > "$out/$name.tar.xz"
git archive --format=tar --prefix="lab-$version/" HEAD | gzip -n -9 > "$out/lab-$version.tar.gz"

sum=$(sha256sum "$out/lab-$version.tar.gz" | cut -d' ' -f1)
sed -n '/^class /,$p' Scripts/homebrew.rb \
  | sed -e "s|@URL@|$url|; s|@VERSION@|$version|g; s|@SHA256@|$sum|" > "$out/lab.rb"
(cd "$out" && sha256sum lab-"$version"*.tar.* > SHA256SUMS)
cat "$out/SHA256SUMS"
echo "$out/lab.rb: the formula; a tap is a repository with it in Formula/"
