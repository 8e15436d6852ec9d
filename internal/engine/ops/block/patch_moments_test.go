// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package block

import (
	"math"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// patchShapes are first layers of various sizes and pads.
var patchShapes = map[string]tensor.ConvShape{
	"photographs":    {Batch: 3, InChannels: 3, InHeight: 20, InWidth: 45, OutChannels: 8, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"odd":            {Batch: 2, InChannels: 3, InHeight: 23, InWidth: 37, OutChannels: 4, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"no padding":     {Batch: 5, InChannels: 1, InHeight: 19, InWidth: 34, OutChannels: 4, KernelH: 3, KernelW: 3},
	"uneven padding": {Batch: 1, InChannels: 4, InHeight: 9, InWidth: 19, OutChannels: 12, KernelH: 3, KernelW: 3, PadTop: 2, PadRight: 2},
	"low":            {Batch: 9, InChannels: 2, InHeight: 2, InWidth: 20, OutChannels: 4, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"many bands":     {Batch: 2, InChannels: 3, InHeight: 64, InWidth: 250, OutChannels: 8, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
}

// patchAt returns the patch of an output pixel, by definition.
func patchAt(s tensor.ConvShape, x []float32, image, oy, ox int) []float64 {
	var patch []float64
	for c := range s.InChannels {
		for tap := range patchTaps {
			iy, ix := oy+tap/3-s.PadTop, ox+tap%3-s.PadLeft
			v := 0.0
			if uint(iy) < uint(s.InHeight) && uint(ix) < uint(s.InWidth) {
				v = float64(x[((image*s.InChannels+c)*s.InHeight+iy)*s.InWidth+ix])
			}
			patch = append(patch, v)
		}
	}
	return patch
}

func TestPatchMoments(t *testing.T) {
	for name, s := range patchShapes {
		t.Run(name, func(t *testing.T) {
			x, n := enginetest.RandomSlice(s.InLen(), 1), patchTaps*s.InChannels
			want := make([]float64, patchMomentsLen(s.InChannels))
			for pixel := range s.Batch * s.OutPlane() {
				patch := patchAt(s, x, pixel/s.OutPlane(), pixel%s.OutPlane()/s.OutWidth(), pixel%s.OutWidth())
				for i, v := range patch {
					for j, w := range patch {
						want[n*i+j] += v * w
					}
					want[n*n+i] += v
				}
			}
			exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
				got := make([]float64, len(want))
				patchMoments(ws, s, x, got)
				for i := range want {
					if math.Abs(got[i]-want[i]) > 1e-12*float64(s.Batch*s.OutPlane()) {
						t.Fatalf("moment %d is %v, want %v", i, got[i], want[i])
					}
				}
			})
		})
	}
}
