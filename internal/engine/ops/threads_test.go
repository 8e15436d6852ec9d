// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"runtime"
	"slices"
	"testing"
)

func TestEveryPartRunsOnce(t *testing.T) {
	ws := newWorkspace(t, "", 4)
	counts := make([]float32, 1000)
	for parts := range counts {
		clear(counts)
		ws.partial = counts
		ws.run(parts, func(ws *Workspace, _, part int) { ws.partial[part]++ })
		if want := slices.Concat(slices.Repeat([]float32{1}, parts), make([]float32, len(counts)-parts)); !slices.Equal(counts, want) {
			t.Fatalf("of %d parts not every one ran once", parts)
		}
	}
}

func TestHelpersEnd(t *testing.T) {
	ws := newWorkspace(t, "", 4)
	before := runtime.NumGoroutine()
	for range 2 {
		ws.run(100, func(*Workspace, int, int) {})
		for runtime.NumGoroutine() > before { // if they stay, the test runs into its time limit
			runtime.Gosched()
		}
	}
}
