// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const list = `{"ImportPath": "a", "Dir": "/a", "GoFiles": ["x.go", "y.go"], "Stale": true}
{"ImportPath": "b", "Dir": "/b", "GoFiles": ["z.go"]}
{"ImportPath": "c", "Dir": "/c", "CgoFiles": ["w.go"], "Stale": true}`

func TestParsePackages(t *testing.T) {
	sizes := map[string]int64{"/a/x.go": 10_000, "/a/y.go": 30_000, "/b/z.go": 1, "/c/w.go": 20_000}
	got, err := parsePackages(strings.NewReader(list), func(path string) int64 { return sizes[path] })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int64{"a": 60_000, "c": 40_000}, got.weight); diff != "" {
		t.Errorf("weights (-want +got):\n%s", diff)
	}
	if got.total != 100_000 {
		t.Errorf("total %d, want 100000", got.total)
	}
	if _, err := parsePackages(strings.NewReader("{"), fileSize); err == nil {
		t.Error("a list that is cut off is no error")
	}
}

func TestCounter(t *testing.T) {
	p := &packages{weight: map[string]int64{"a": 60, "c": 40}, total: 100}
	c := &counter{packages: p}
	type state struct {
		Known    bool
		Fraction float64
		Detail   string
	}
	var got []state
	for _, line := range []string{"a\n", "a\n", "# a\n", "c"} {
		known := c.line([]byte(line))
		got = append(got, state{known, c.fraction(), c.detail()})
	}
	want := []state{
		{true, 0.6 * 0.96, "1 of at most 2 packages"},
		{false, 0.6 * 0.96, "1 of at most 2 packages"}, // named twice: a note of the compiler's
		{false, 0.6 * 0.96, "1 of at most 2 packages"},
		{true, 0.96, "linking"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("count (-want +got):\n%s", diff)
	}
	if nothing := (&counter{packages: &packages{}}).fraction(); nothing != 0.96 {
		t.Errorf("fraction of nothing to compile: %v, want what linking leaves", nothing)
	}
}
