// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"math"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Blocks of BaselineCNN's and ResNet-50's images.
func TestWinogradBlocks(t *testing.T) {
	for name, tc := range map[string]struct{ tilesW, rows, want int }{
		"112 pixels":             {28, 28, 2}, // 56 tiles fill 7 vectors
		"56 pixels":              {14, 14, 5},
		"28 pixels, all at once": {7, 7, 7},
		"14 pixels, all at once": {4, 4, 4},
		"wider than a block":     {100, 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := winogradArgs{tilesW: tc.tilesW}
			if got := a.bestRows(tc.rows); got != tc.want {
				t.Errorf("a block has %d rows of tiles, want %d", got, tc.want)
			}
		})
	}
}

// The weights' gradient of a layer behind a ReLU, against its definition in float64.
func TestWinogradWeightsError(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		s := tensor.ConvShape{Batch: 6, InChannels: 16, InHeight: 28, InWidth: 28, OutChannels: 20, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1}
		x, dy, dw, want := enginetest.RandomSlice(s.InLen(), 1), enginetest.RandomSlice(s.OutLen(), 2), make([]float32, s.WeightLen()), make([]float64, s.WeightLen())
		elem.Apply(ws, elem.ReLU, 0, 0, x, x)
		BackwardWeights(ws, s, x, dy, dw, nil)
		naiveConv(s, func(ix, iw, iy int) { want[iw] += float64(x[ix]) * float64(dy[iy]) })
		var squares float64
		for i, w := range want {
			squares += (float64(dw[i]) - w) * (float64(dw[i]) - w)
		}
		if got := math.Sqrt(squares/float64(len(want))) / enginetest.RootMeanSquare(want); got > 1e-5 {
			t.Errorf("the error is %.1e of the gradient's root mean square, want 1e-5 at most", got)
		}
	})
}

// Chunks of about the same size.
func TestWinogradChunks(t *testing.T) {
	for name, tc := range map[string]struct {
		s    tensor.ConvShape
		want int // rows of tiles
	}{
		"112 pixels":         {tensor.ConvShape{Batch: 32, InChannels: 32, InHeight: 112, InWidth: 112, OutChannels: 64}, 5},
		"28 pixels":          {tensor.ConvShape{Batch: 32, InChannels: 128, InHeight: 28, InWidth: 28, OutChannels: 256}, 13}, // 224 rows in 18 chunks
		"all at once":        {tensor.ConvShape{Batch: 1, InChannels: 16, InHeight: 8, InWidth: 64, OutChannels: 16}, 2},
		"wider than a chunk": {tensor.ConvShape{Batch: 1, InChannels: 16, InHeight: 8, InWidth: 800, OutChannels: 16}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := tc.s
			s.KernelH, s.KernelW, s.PadTop, s.PadLeft, s.PadBottom, s.PadRight = 3, 3, 1, 1, 1, 1
			var a winogradWeightsArgs
			a.setUp(s.WithDefaults())
			if a.tileRows != tc.want {
				t.Errorf("a chunk has %d rows of tiles, want %d", a.tileRows, tc.want)
			}
		})
	}
}
