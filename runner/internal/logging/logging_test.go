// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestFormats(t *testing.T) {
	var text, structured bytes.Buffer
	for format, out := range map[string]*bytes.Buffer{Text: &text, JSON: &structured} {
		log, err := New(out, format, false)
		if err != nil {
			t.Fatal(err)
		}
		log.Info("Epoch 1 of 2", "loss", 0.5)
	}
	if got := text.String(); !strings.Contains(got, "INF Epoch 1 of 2 loss=0.5") || strings.Contains(got, "\x1b") {
		t.Errorf("text is %q", got)
	}
	var line map[string]any
	if err := json.Unmarshal(structured.Bytes(), &line); err != nil || line["msg"] != "Epoch 1 of 2" || line["loss"] != 0.5 {
		t.Errorf("JSON is %q, %v", &structured, err)
	}
	if _, err := New(&text, "xml", false); err == nil {
		t.Error("an unknown format is no error")
	}
}

func TestTail(t *testing.T) {
	cases := map[string]struct {
		writes []string
		want   string
	}{
		"nothing":            {nil, ""},
		"fits":               {[]string{"one\n", "two\n"}, "one\ntwo\n"},
		"starts with a line": {[]string{"first line\n", "second\n"}, "second\n"},
		"one long line":      {[]string{strings.Repeat("x", 20) + "0123456789ab"}, "0123456789ab"},
		"long write":         {[]string{"before\n", strings.Repeat("x", 30) + "\nend\n"}, "end\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tail := NewTail(12)
			for _, s := range tc.writes {
				if n, err := fmt.Fprint(tail, s); n != len(s) || err != nil {
					t.Fatalf("wrote %d, %v", n, err)
				}
			}
			if got := tail.String(); got != tc.want {
				t.Errorf("tail is %q, want %q", got, tc.want)
			}
		})
	}
}
