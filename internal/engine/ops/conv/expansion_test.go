// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// expansions are pairs of convolutions, of which the second is depthwise.
var expansions = map[string][2]tensor.ConvShape{
	"wide":          expansionShapes(5, 24, 1, 11, 16, 1),
	"two images":    expansionShapes(5, 24, 2, 11, 16, 1),
	"narrow":        expansionShapes(9, 40, 1, 9, 9, 1),
	"overlapping":   expansionShapes(9, 40, 1, 14, 14, 1),
	"in place":      expansionShapes(9, 20, 2, 8, 28, 1),
	"many quads":    expansionShapes(20, 200, 1, 14, 14, 1),
	"bands":         expansionShapes(4, 16, 1, 90, 50, 1),
	"bands of 8":    expansionShapes(4, 16, 1, 90, 56, 1),
	"halves":        expansionShapes(5, 24, 2, 12, 34, 2),
	"odd rows":      expansionShapes(5, 24, 1, 13, 22, 2),
	"bands, halves": expansionShapes(4, 16, 1, 90, 60, 2),
	"bands, padded": padBelow(expansionShapes(4, 16, 1, 90, 56, 1), 2),
	"halves, below": padBelow(expansionShapes(4, 16, 1, 90, 60, 2), 2),
}

// expansionShapes returns a 1×1 convolution and a depthwise one of its output.
func expansionShapes(in, out, batch, height, width, stride int) [2]tensor.ConvShape {
	return [2]tensor.ConvShape{
		{Batch: batch, InChannels: in, InHeight: height, InWidth: width, OutChannels: out, KernelH: 1, KernelW: 1},
		{
			Batch: batch, InChannels: out, InHeight: height, InWidth: width, OutChannels: out, Groups: out, KernelH: 3, KernelW: 3,
			StrideH: stride, StrideW: stride, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1,
		},
	}
}

// padBelow sets the rows of zeros below the depthwise convolution's input.
func padBelow(shapes [2]tensor.ConvShape, rows int) [2]tensor.ConvShape {
	shapes[1].PadBottom = rows
	return shapes
}

// A band of an expansion would lie below the image.
func TestExpandsNotFarBelow(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		shapes := padBelow(expansionShapes(4, 16, 1, 64, 64, 1), 100)
		if Expands(ws, shapes[0], shapes[1]) {
			t.Error("is computed in one step, want two")
		}
	})
}

// An expansion must agree with its two convolutions one after another.
func TestRunExpansion(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		if ws.Kernels().DepthwiseStrips[0] == nil {
			t.Skip("the set computes no expansions")
		}
		for name, shapes := range expansions {
			t.Run(name, func(t *testing.T) {
				s, d := shapes[0], shapes[1]
				if !Expands(ws, s, d) {
					t.Fatal("is not computed in one step")
				}
				x, w, b := enginetest.RandomSlice(s.InLen(), 1), enginetest.RandomSlice(s.WeightLen(), 2), enginetest.RandomSlice(s.OutChannels, 3)
				depthwiseW, depthwiseB := enginetest.RandomSlice(d.WeightLen(), 4), enginetest.RandomSlice(d.OutChannels, 5)
				for _, tc := range []struct {
					first, second Epilogue
					bias          []float32
				}{{Epilogue{ReLU: true, Ceiling: 6}, Epilogue{ReLU: true, Ceiling: 6}, depthwiseB}, {Epilogue{}, Epilogue{ReLU: true}, nil}} {
					reference := exectest.NewWorkspace(t, "portable", 1)
					expanded, want := make([]float32, s.OutLen()), make([]float32, d.OutLen())
					Run(reference, Prepare(reference, s, w, b, tc.first), s.Batch, x, expanded)
					Run(reference, Prepare(reference, d, depthwiseW, tc.bias, tc.second), s.Batch, expanded, want)
					p := PrepareExpansion(ws, Prepare(ws, s, w, b, tc.first), Prepare(ws, d, depthwiseW, tc.bias, tc.second))
					got := enginetest.RandomSlice(d.OutLen(), 6)
					RunExpansion(ws, p, s.Batch, x, got)
					enginetest.ExpectClose(t, "y", got, want, 1e-4)
					again := make([]float32, len(got))
					if allocations := testing.AllocsPerRun(20, func() { RunExpansion(ws, p, s.Batch, x, again) }); allocations != 0 {
						t.Errorf("%v allocations, want 0", allocations)
					}
					for _, threads := range []int{1, 3, 8} {
						clear(again)
						RunExpansion(exectest.NewWorkspace(t, ws.Set(), threads), p, s.Batch, x, again)
						if !slices.Equal(got, again) {
							t.Errorf("%d threads give other bits than 2", threads)
						}
					}
				}
			})
		}
	})
}
