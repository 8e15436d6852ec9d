// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package console

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func example(color bool) string {
	page := NewPage()
	page.Title("Pods")
	table := NewTable("NAME", "STATUS", "NODE")
	table.Row(Text("└─ pets-1"), Cell{Text: "✔ Running", Style: Good}, Text("node0"))
	table.Row(Text("pets-2"), Cell{Text: "✗ Failed", Style: Bad}, Text(""))
	page.Table(table)
	page.Title("Events")
	page.Linef("none in %d minutes", 60)
	return page.Render(color)
}

func TestPage(t *testing.T) {
	for name, tc := range map[string]struct {
		color bool
		want  string
	}{
		"plain": {want: `Pods
NAME       STATUS     NODE
└─ pets-1  ✔ Running  node0
pets-2     ✗ Failed

Events
none in 60 minutes
`},
		"color doesn't move columns": {color: true, want: "\x1b[1mPods\x1b[0m\n" +
			"\x1b[2mNAME\x1b[0m       \x1b[2mSTATUS\x1b[0m     \x1b[2mNODE\x1b[0m\n" +
			"└─ pets-1  \x1b[32m✔ Running\x1b[0m  node0\n" +
			"pets-2     \x1b[31m✗ Failed\x1b[0m\n" +
			"\n\x1b[1mEvents\x1b[0m\nnone in 60 minutes\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, example(tc.color)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsNoTerminalHasNoColor(t *testing.T) {
	if HasColor(&bytes.Buffer{}) {
		t.Error("a buffer has color")
	}
}

func TestScreen(t *testing.T) {
	for name, tc := range map[string]struct {
		terminal bool
		want     string
	}{
		"a terminal shows the last":  {terminal: true, want: "\x1b[2J\x1b[Hone\x1b[K\ntwo\x1b[K\n\x1b[J" + "\x1b[Hthree\x1b[K\n\x1b[J"},
		"elsewhere all are readable": {want: "one\ntwo\n\nthree\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			screen := &Screen{out: &out, terminal: tc.terminal}
			for _, text := range []string{"one\ntwo\n", "three\n"} {
				if err := screen.Show(text); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
