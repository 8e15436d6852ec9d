// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package norm

import (
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

func TestNormThreads(t *testing.T) {
	exectest.SameBits(t, func(ws *exec.Workspace) []float32 {
		n := tensor.NormShape{Batch: 5, Channels: 7, Plane: 1100}
		x, dy := enginetest.RandomSlice(n.Len(), 4), enginetest.RandomSlice(n.Len(), 5)
		y, dx := make([]float32, n.Len()), make([]float32, n.Len())
		var channel [7][]float32
		for i := range channel {
			channel[i] = enginetest.RandomSlice(n.Channels, uint64(6+i))
		}
		BatchTraining(ws, n, x, channel[0], channel[1], 1e-5, 0.1, y, channel[2], channel[3], channel[4], channel[5])
		BatchBackward(ws, n, x, dy, channel[0], channel[2], channel[3], dx, channel[6], channel[1])
		results := slices.Concat(y, dx, channel[2], channel[3], channel[4], channel[5], channel[6], channel[1])
		NormalizeRows(ws, RowNorm{Rows: 35, Width: 1100, Groups: 7, Epsilon: 1e-5}, x, channel[0], channel[1], y, nil, nil)
		return slices.Concat(results, y)
	})
}

func TestNormDoesNotAllocate(t *testing.T) {
	n := tensor.NormShape{Batch: 2, Channels: 3, Plane: 50}
	x, c := enginetest.RandomSlice(n.Len(), 1), make([]float32, n.Channels)
	exectest.NoAllocations(t, func(ws *exec.Workspace) {
		BatchTraining(ws, n, x, c, c, 1e-5, 0.1, x, c, c, c, c)
		BatchInference(ws, n, x, c, c, c, c, 1, x)
		BatchBackward(ws, n, x, x, c, c, c, x, c, c)
		NormalizeRows(ws, RowNorm{Rows: 6, Width: 50, Groups: 1}, x, nil, nil, x, nil, nil)
	})
}
