// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dense

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
)

func TestGemmThreads(t *testing.T) {
	exectest.SameBits(t, func(ws *exec.Workspace) []float32 {
		a, b, c := enginetest.RandomSlice(50*700, 1), enginetest.RandomSlice(700*40, 2), make([]float32, 50*40)
		Gemm(ws, 50, 40, 700, RowMajor(a, 700), RowMajor(b, 40), c, 40, false)
		return c
	})
}

func TestGemmDoesNotAllocate(t *testing.T) {
	a, b, c := enginetest.RandomSlice(30*20, 1), enginetest.RandomSlice(20*20, 2), make([]float32, 30*20)
	exectest.NoAllocations(t, func(ws *exec.Workspace) {
		Gemm(ws, 30, 20, 10, RowMajor(a, 10), RowMajor(b, 20), c, 20, true)
		Linear(ws, 2, 20, 20, a, b, nil, c) // few rows
	})
}
