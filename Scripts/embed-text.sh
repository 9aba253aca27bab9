#!/bin/sh
# Writes the texts of the files $2… to the Swift file $1, for Plugins/EmbedText: `EmbeddedText.page_css` is the text of page.css.
set -eu
output=$1
shift
{
  echo "/// The texts of files, by their names with \"_\" for \".\" and \"-\"."
  echo "enum EmbeddedText {"
  for file in "$@"; do
    # A string literal cannot contain its own end; a carriage return would be lost.
    if grep -q -e '"""##' -e '\\##' "$file" || [ "$(tr -dc '\r\000' < "$file" | wc -c)" -gt 0 ]; then
      echo "$file: cannot be written as a string literal" >&2
      exit 1
    fi
    printf '  static let %s = ##"""\n' "$(basename "$file" | tr '.-' '__')"
    cat "$file"
    # The line break before the end of a literal is not part of it.
    printf '\n"""##\n'
  done
  echo "}"
} > "$output.new"
mv "$output.new" "$output"
