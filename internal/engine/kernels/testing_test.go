// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

// newWorkspace returns a workspace or ends the test.
func newWorkspace(t testing.TB, set string, threads int) *Workspace {
	t.Helper()
	ws, err := New(Options{Set: set, Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

// forEachSet runs a test with every kernel set that this CPU has.
func forEachSet(t *testing.T, test func(t *testing.T, ws *Workspace)) {
	t.Helper()
	for _, name := range SetNames() {
		t.Run(name, func(t *testing.T) { test(t, newWorkspace(t, name, 2)) })
	}
}

// randomSlice returns n values of a normal distribution.
func randomSlice(n int, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 0))
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(random.NormFloat64())
	}
	return s
}

// expectClose fails unless got and want agree to tolerance, relative to the larger of 1 and |want|.
func expectClose(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if difference := math.Abs(float64(got[i]) - float64(w)); !(difference <= tolerance*max(1, math.Abs(float64(w)))) {
			t.Fatalf("%s[%d] = %v, want %v", what, i, got[i], w)
		}
	}
}
