// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// newThreads returns a workspace or ends the test.
func newThreads(t *testing.T, threads int) *Workspace {
	t.Helper()
	ws, err := New(Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

func TestNew(t *testing.T) {
	for name, tc := range map[string]struct {
		options Options
		env     string
		wantSet string
		want    string
	}{
		"best set":         {Options{}, "", kernels.Names()[0], ""},
		"from environment": {Options{}, "portable", "portable", ""},
		"option wins":      {Options{Set: "portable"}, "nonsense", "portable", ""},
		"fastest":          {Options{Fastest: true}, "", kernels.Fastest().Name, ""},
		"not the fastest":  {Options{Fastest: true}, "portable", "portable", ""},
		"unknown set":      {Options{}, "nonsense", "", `kernel set "nonsense" is unknown`},
		"negative threads": {Options{Threads: -1}, "", "", "threads is -1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(kernels.EnvironmentVariable, tc.env)
			ws, err := New(tc.options)
			enginetest.ExpectError(t, err, tc.want)
			if err == nil && ws.Set() != tc.wantSet {
				t.Errorf("set is %s, want %s", ws.Set(), tc.wantSet)
			}
		})
	}
}

var first, second = NewState[int](), NewState[string]()

// Each workspace has a state of its own, whichever package asks for it first.
func TestStatesAreApart(t *testing.T) {
	a, b := newThreads(t, 1), newThreads(t, 1)
	*second.Of(a) = "a" // reserved last, asked for first
	*first.Of(a), *first.Of(b) = 1, 2
	if *first.Of(a) != 1 || *first.Of(b) != 2 || *second.Of(a) != "a" || *second.Of(b) != "" {
		t.Errorf("states are %d and %q, %d and %q", *first.Of(a), *second.Of(a), *first.Of(b), *second.Of(b))
	}
	allocations := testing.AllocsPerRun(20, func() {
		a.Run(3, func(ws *Workspace, worker, _ int) { ws.Worker(worker).Scratch(*first.Of(ws)) })
	})
	if allocations != 0 {
		t.Errorf("%v allocations a run, want 0", allocations)
	}
}
