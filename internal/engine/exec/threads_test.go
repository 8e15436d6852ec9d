// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"runtime"
	"slices"
	"testing"
)

// counts is the state of the operations of these tests: how often each part ran.
var counts = NewState[[]int]()

func TestEveryPartRunsOnce(t *testing.T) {
	ws := newThreads(t, 4)
	ran := counts.Of(ws)
	*ran = make([]int, 1000)
	for parts := range *ran {
		clear(*ran)
		ws.Run(parts, func(ws *Workspace, _, part int) { (*counts.Of(ws))[part]++ })
		if want := slices.Concat(slices.Repeat([]int{1}, parts), make([]int, len(*ran)-parts)); !slices.Equal(*ran, want) {
			t.Fatalf("of %d parts not every one ran once", parts)
		}
	}
}

func TestHelpersEnd(t *testing.T) {
	ws := newThreads(t, 4)
	before := runtime.NumGoroutine()
	for range 2 {
		ws.Run(100, func(*Workspace, int, int) {})
		for runtime.NumGoroutine() > before { // if they stay, the test runs into its time limit
			runtime.Gosched()
		}
	}
}
