#!/usr/bin/env bash
# Makes generated CRDs compact, without a change of what they say except for the line breaks of descriptions. Half of such a
# file is white space: each description, message and rule is put on one line, as every line that it is folded into begins
# with the whole indentation, and what is nested is indented by one space. The items of a list need two.
set -euo pipefail
for file in "$@"; do
	awk -v quote="'" '
		# indented returns a line with the new indentation of its column: one more than that of the line it is nested in.
		function indented(line,  column) {
			match(line, /^ */); column = RLENGTH
			while (depth && from[depth] > column) depth--
			if (!depth || from[depth] < column) {
				from[depth + 1] = column
				to[depth + 1] = depth ? to[depth] + 1 : 0
				depth++
			}
			line = sprintf("%*s", to[depth], "") substr(line, column + 1)
			if (line ~ /^ *- /) {
				from[depth + 1] = column + 2
				to[depth + 1] = to[depth] + 2
				depth++
			}
			return line
		}
		function flush() {
			if (block && text ~ /^[^A-Za-z]|: |:$| #/) {
				gsub(quote, quote quote, text)
				text = quote text quote
			}
			if (started) print indented(key text)
		}
		{ match($0, /^ */); indent = RLENGTH }
		started && indent > column { text = text (text == "" ? "" : " ") substr($0, indent + 1); next }
		{
			flush()
			key = $0; text = ""; started = 1; column = indent
			rest = substr($0, indent + 1)
			while (sub(/^- /, "", rest)) column += 2
			block = sub(/\|-$/, "", key)
			if (rest ~ /^[^ ]*:$/ || rest !~ /: /) column = 1e9 # a map, a list or one of its values
			else if (!block) { text = key; key = "" }
		}
		END { flush() }
	' "$file" >"$file.compact"
	mv "$file.compact" "$file"
done
