// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package exec

import "fmt"

// Worker is the scratch memory of one thread. It grows to the largest that was asked for, and is kept.
type Worker struct {
	// Buffer is what Scratch hands out. Tests put memory between unreadable pages in its place.
	Buffer []float32
	// Offsets are lists of places that kernels are passed.
	Offsets []int
}

// Scratch returns n floats of memory private to the worker, with arbitrary contents.
func (w *Worker) Scratch(n int) []float32 {
	w.Buffer = Grow(w.Buffer, n)
	return w.Buffer[:n]
}

// Grow returns s with room for n elements; contents are not kept when it has to be replaced.
func Grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:cap(s)]
}

// CheckLength panics if s has fewer than n elements: kernels index without further checks.
func CheckLength[T any](operation, name string, s []T, n int) {
	if len(s) < n {
		panic(fmt.Sprintf("engine: %s: %s has %d elements, its shape needs %d", operation, name, len(s), n))
	}
}

// CeilDiv returns ⌈a/b⌉ for a ≥ 0, b > 0.
func CeilDiv(a, b int) int { return (a + b - 1) / b }
