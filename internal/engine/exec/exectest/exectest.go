// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package exectest holds what the tests of operations share.
package exectest

import (
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// NewWorkspace returns a workspace or ends the test.
func NewWorkspace(t testing.TB, set string, threads int) *exec.Workspace {
	t.Helper()
	ws, err := exec.New(exec.Options{Set: set, Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

// ForEachSet runs a test with every kernel set that this CPU has.
func ForEachSet(t *testing.T, test func(t *testing.T, ws *exec.Workspace)) {
	t.Helper()
	for _, name := range kernels.Names() {
		t.Run(name, func(t *testing.T) { test(t, NewWorkspace(t, name, 2)) })
	}
}

// SameBits fails unless operations have the same results whatever the number of threads, with every kernel set.
func SameBits(t *testing.T, operations func(ws *exec.Workspace) []float32) {
	t.Helper()
	for _, set := range kernels.Names() {
		t.Run(set, func(t *testing.T) {
			want := operations(NewWorkspace(t, set, 1))
			for _, threads := range []int{2, 3, 8} {
				if got := operations(NewWorkspace(t, set, threads)); !slices.Equal(got, want) {
					t.Errorf("%d threads give other bits than one", threads)
				}
			}
		})
	}
}

// NoAllocations fails if operations, once they have run, allocate, with any kernel set.
func NoAllocations(t *testing.T, operations func(ws *exec.Workspace)) {
	t.Helper()
	ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		if allocations := testing.AllocsPerRun(5, func() { operations(ws) }); allocations != 0 {
			t.Errorf("%v allocations a step, want 0", allocations)
		}
	})
}
