// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package enginetest holds what the tests of the engine's packages share: values to compute with, comparisons, and memory
// between unreadable pages.
package enginetest

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// RandomSlice returns n values of a normal distribution.
func RandomSlice(n int, seed uint64) []float32 {
	random := rand.New(rand.NewPCG(seed, 0))
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(random.NormFloat64())
	}
	return s
}

// ExpectClose fails unless got and want agree to tolerance, relative to the larger of 1 and |want|.
func ExpectClose(t *testing.T, what string, got, want []float32, tolerance float64) {
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

// ExpectError fails unless err contains want, or is nil for an empty want.
func ExpectError(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("unexpected error: %v", err)
		}
		return
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want one that contains %q", err, want)
	}
}

// ToFloat32 converts a reference.
func ToFloat32(s []float64) []float32 {
	out := make([]float32, len(s))
	for i, v := range s {
		out[i] = float32(v)
	}
	return out
}

// RootMeanSquare is the root mean square of values, or 1 if that is less: the errors of sums grow with what is summed.
func RootMeanSquare(values []float64) float64 {
	var squares float64
	for _, v := range values {
		squares += v * v
	}
	return max(1, math.Sqrt(squares/float64(len(values))))
}
