#!/usr/bin/env bash
# Puts each description, message and rule of generated CRDs on one line: where they are folded, every line begins with
# the whole indentation, which made up a tenth of the files. They say the same, but for the line breaks of descriptions.
set -euo pipefail
for file in "$@"; do
	awk -v quote="'" '
		function flush() {
			if (block && text ~ /^[^A-Za-z]|: |:$| #/) {
				gsub(quote, quote quote, text)
				text = quote text quote
			}
			if (started) print key text
		}
		{ match($0, /^ */); indent = RLENGTH }
		started && indent > column { text = text (text == "" ? "" : " ") substr($0, indent + 1); next }
		{
			flush()
			key = $0; text = ""; started = 1; column = indent
			rest = substr($0, indent + 1)
			while (sub(/^- /, "", rest)) column += 2
			block = sub(/\|-$/, "", key)
			if (rest ~ /:$/ || rest !~ /: /) column = 1e9 # a map, a list or one of its values
			else if (!block) { text = key; key = "" }
		}
		END { flush() }
	' "$file" >"$file.unfolded"
	mv "$file.unfolded" "$file"
done
