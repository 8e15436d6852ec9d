// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package text makes text from elsewhere fit for a status, an event or a log: it
// may come from a container whose image a user chose.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const ellipsis = "…"

// Clean returns s as one line of at most limit bytes: invalid UTF-8, control and
// formatting characters become spaces, and runs of spaces become one. What is cut
// is marked by an ellipsis. A limit below 4 leaves nothing.
func Clean(s string, limit int) string {
	return Head(strings.Join(strings.Fields(printable(s, false)), " "), limit)
}

// CleanLines is like Clean, but keeps spaces, line breaks and, if it is too long,
// the end of s: what is wanted of a log.
func CleanLines(s string, limit int) string {
	return tail(strings.TrimSpace(printable(s, true)), limit)
}

// Head returns the first limit bytes of s, cut between characters and marked by an
// ellipsis if it was longer.
func Head(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	end := limit - len(ellipsis)
	if end <= 0 {
		return ""
	}
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

func tail(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	start := len(s) - limit + len(ellipsis)
	if start >= len(s) {
		return ""
	}
	for start < len(s) && !utf8.RuneStart(s[start]) {
		start++
	}
	return ellipsis + s[start:]
}

func printable(s string, keepNewlines bool) string {
	s = strings.ToValidUTF8(s, " ")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && keepNewlines:
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return ' '
		default:
			return r
		}
	}, s)
}
