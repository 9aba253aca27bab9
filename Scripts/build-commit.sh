#!/bin/sh
# Writes the commit of the sources in folder $1 to the Swift file $2, for Plugins/BuildCommit: empty where the folder is no
# checkout of its own (unpacked from an archive, no git), "-dirty" behind it where what is compiled was changed since.
set -u
export GIT_OPTIONAL_LOCKS=0
commit=""
# An archive unpacked inside another repository is no checkout of that.
if [ "$(git -C "$1" rev-parse --show-prefix 2>/dev/null || echo none)" = "" ]; then
  commit=$(git -C "$1" rev-parse --verify --quiet HEAD 2>/dev/null) || commit=""
  changes=$(git -C "$1" status --porcelain -- Package.swift Package.resolved Sources Plugins 2>/dev/null)
  if [ -n "$commit" ] && [ -n "$changes" ]; then commit="$commit-dirty"; fi
fi
text="/// What was built.
enum BuildCommit {
  /// The commit, with \"-dirty\" where the sources differ from it; empty where it is not known.
  static var text: String { \"$commit\" }
}"
if [ "$(cat "$2" 2>/dev/null)" != "$text" ]; then
  printf '%s\n' "$text" > "$2.new" && mv "$2.new" "$2"
fi
