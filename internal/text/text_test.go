// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package text

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	cases := map[string]struct {
		in    string
		limit int
		want  string
	}{
		"plain text stays":               {in: "no such folder", limit: 20, want: "no such folder"},
		"lines become one":               {in: "  a\n\tb \r\n c ", limit: 20, want: "a b c"},
		"control characters are gone":    {in: "a\x1b[31mred\x00\x7f!", limit: 20, want: "a [31mred !"},
		"text direction can't be hidden": {in: "abc\u202edef\u2028ghi", limit: 20, want: "abc def ghi"},
		"invalid UTF-8 is gone":          {in: "a\xff\xfeb", limit: 20, want: "a b"},
		"long text is cut and marked":    {in: "abcdefghij", limit: 8, want: "abcde…"},
		"characters aren't cut in two":   {in: "ääääää", limit: 8, want: "ää…"},
		"no room":                        {in: "abcdef", limit: 3, want: ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Clean(tc.in, tc.limit); got != tc.want {
				t.Errorf("Clean(%q, %d) = %q, want %q", tc.in, tc.limit, got, tc.want)
			}
		})
	}
}

func TestCleanLines(t *testing.T) {
	cases := map[string]struct {
		in    string
		limit int
		want  string
	}{
		"lines stay":                   {in: "a\n  b\x00\n", limit: 20, want: "a\n  b"},
		"the end stays":                {in: "abcdefghij", limit: 8, want: "…fghij"},
		"characters aren't cut in two": {in: "ääääää", limit: 8, want: "…ää"},
		"no room":                      {in: "abcdef", limit: 3, want: ""},
		"nearly no room":               {in: "abcdef", limit: 1, want: ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := CleanLines(tc.in, tc.limit); got != tc.want {
				t.Errorf("CleanLines(%q, %d) = %q, want %q", tc.in, tc.limit, got, tc.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1bb", 4)
	f.Add(strings.Repeat("ä", 100), 7)
	f.Fuzz(func(t *testing.T, in string, limit int) {
		for _, got := range []string{Clean(in, limit), CleanLines(in, limit)} {
			if limit >= 0 && len(got) > limit || !utf8.ValidString(got) {
				t.Errorf("cut %q to %d: %q has %d bytes, valid UTF-8: %t", in, limit, got, len(got), utf8.ValidString(got))
			}
		}
	})
}
