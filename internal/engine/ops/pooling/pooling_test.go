// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package pooling

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Without argmax, rows are pooled in another way: both must agree.
func TestMaxPoolByRows(t *testing.T) {
	for name, s := range map[string]tensor.PoolShape{
		"stem":          {Batch: 2, Channels: 3, InHeight: 22, InWidth: 36, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
		"overlapping":   {Batch: 1, Channels: 2, InHeight: 19, InWidth: 21, KernelH: 5, KernelW: 5, PadTop: 2, PadLeft: 2, PadBottom: 2, PadRight: 2},
		"ceil mode":     {Batch: 1, Channels: 4, InHeight: 23, InWidth: 40, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, CeilMode: true},
		"rows left out": {Batch: 1, Channels: 2, InHeight: 25, InWidth: 50, KernelH: 2, KernelW: 2, StrideH: 3, StrideW: 3},
		"dilated":       {Batch: 1, Channels: 2, InHeight: 25, InWidth: 50, KernelH: 3, KernelW: 3, StrideW: 2, DilationH: 2, DilationW: 3},
	} {
		t.Run(name, func(t *testing.T) {
			exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
				x := enginetest.RandomSlice(s.InLen(), 1)
				got, want := enginetest.RandomSlice(s.OutLen(), 2), make([]float32, s.OutLen())
				Max(ws, s, x, want, make([]uint8, s.OutLen()))
				Max(ws, s, x, got, nil)
				enginetest.ExpectClose(t, "y", got, want, 0)
			})
		})
	}
}

func TestMaxPool(t *testing.T) {
	nan := float32(math.NaN())
	for name, tc := range map[string]struct {
		shape      tensor.PoolShape
		x          []float32
		want       []float32
		wantArgmax []uint8
	}{
		"halving, first maximum wins": {
			tensor.PoolShape{Batch: 1, Channels: 1, InHeight: 2, InWidth: 4, KernelH: 2, KernelW: 2, StrideH: 2, StrideW: 2},
			[]float32{1, 2, 5, 5, 3, 4, 5, 1}, []float32{4, 5}, []uint8{3, 0},
		},
		"halving drops an odd column": {
			tensor.PoolShape{Batch: 1, Channels: 1, InHeight: 2, InWidth: 3, KernelH: 2, KernelW: 2, StrideH: 2, StrideW: 2},
			[]float32{-1, -2, 9, -3, -4, 9}, []float32{-1}, []uint8{0},
		},
		"padding never wins": {
			tensor.PoolShape{Batch: 1, Channels: 1, InHeight: 2, InWidth: 2, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
			[]float32{-1, -2, -3, -4}, []float32{-1}, []uint8{4},
		},
		"ceil mode": {
			tensor.PoolShape{Batch: 1, Channels: 1, InHeight: 1, InWidth: 4, KernelH: 1, KernelW: 3, StrideH: 1, StrideW: 2, CeilMode: true},
			[]float32{1, 2, 3, 4}, []float32{3, 4}, []uint8{2, 1},
		},
		"dilated": {
			tensor.PoolShape{Batch: 1, Channels: 1, InHeight: 1, InWidth: 5, KernelH: 1, KernelW: 2, DilationW: 3},
			[]float32{1, 9, 3, 4, 5}, []float32{4, 9}, []uint8{1, 0},
		},
		"overlapping NaN wins": {
			tensor.PoolShape{Batch: 1, Channels: 1, InHeight: 2, InWidth: 2, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
			[]float32{nan, 1, 3, 2}, []float32{nan}, nil,
		},
		"NaN wins": {
			tensor.PoolShape{Batch: 1, Channels: 1, InHeight: 2, InWidth: 2, KernelH: 2, KernelW: 2, StrideH: 2, StrideW: 2},
			[]float32{1, nan, 3, 2}, []float32{nan}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
				if err := tc.shape.Validate(); err != nil {
					t.Fatal(err)
				}
				y, argmax := make([]float32, tc.shape.OutLen()), make([]uint8, tc.shape.OutLen())
				Max(ws, tc.shape, tc.x, y, argmax)
				if tc.wantArgmax != nil {
					enginetest.ExpectClose(t, "y", y, tc.want, 0)
					if diff := cmp.Diff(tc.wantArgmax, argmax); diff != "" {
						t.Errorf("argmax (-want +got):\n%s", diff)
					}
				}
				clear(y)
				Max(ws, tc.shape, tc.x, y, nil)
				if tc.wantArgmax != nil {
					enginetest.ExpectClose(t, "y without argmax", y, tc.want, 0)
				} else if y[0] == y[0] {
					t.Errorf("y = %v, want NaN", y)
				}
			})
		})
	}
}

func TestMaxPoolBackwardAddsOverlaps(t *testing.T) {
	ws := exectest.NewWorkspace(t, "", 1)
	s := tensor.PoolShape{Batch: 1, Channels: 1, InHeight: 1, InWidth: 5, KernelH: 1, KernelW: 3}
	y, argmax, dx := make([]float32, 3), make([]uint8, 3), []float32{7, 7, 7, 7, 7}
	Max(ws, s, []float32{0, 1, 9, 2, 3}, y, argmax)
	MaxBackward(ws, s, []float32{1, 10, 100}, argmax, dx)
	enginetest.ExpectClose(t, "dx", dx, []float32{0, 0, 111, 0, 0}, 0)
}

func TestAveragePool(t *testing.T) {
	ws := exectest.NewWorkspace(t, "", 1)
	s := tensor.PoolShape{Batch: 1, Channels: 1, InHeight: 2, InWidth: 2, KernelH: 2, KernelW: 2, PadTop: 1, PadLeft: 1}
	y := make([]float32, 4)
	Average(ws, s, []float32{4, 8, 12, 16}, y, true)
	enginetest.ExpectClose(t, "with pads", y, []float32{1, 3, 4, 10}, 0)
	Average(ws, s, []float32{4, 8, 12, 16}, y, false)
	enginetest.ExpectClose(t, "without pads", y, []float32{4, 6, 8, 10}, 0)
	partial := tensor.PoolShape{Batch: 1, Channels: 1, InHeight: 1, InWidth: 4, KernelH: 1, KernelW: 3, StrideW: 2, CeilMode: true}
	Average(ws, partial, []float32{1, 2, 3, 6}, y, true)
	enginetest.ExpectClose(t, "partial window", y[:2], []float32{2, 4.5}, 0)
}

func TestGlobalAveragePool(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		s := tensor.NormShape{Batch: 2, Channels: 1, Plane: 3}
		y, dx := make([]float32, 2), make([]float32, 6)
		GlobalAverage(ws, s, []float32{1, 2, 6, -1, 0, 1}, y)
		enginetest.ExpectClose(t, "y", y, []float32{3, 0}, 0)
		GlobalAverageBackward(ws, s, []float32{3, 6}, dx)
		enginetest.ExpectClose(t, "dx", dx, []float32{1, 1, 1, 2, 2, 2}, 0)
	})
}
