// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

var convShapes = map[string]tensor.ConvShape{
	"first layer":       {Batch: 2, InChannels: 3, InHeight: 16, InWidth: 16, OutChannels: 32, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"middle layer":      {Batch: 2, InChannels: 32, InHeight: 12, InWidth: 12, OutChannels: 17, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"wide":              {Batch: 1, InChannels: 5, InHeight: 9, InWidth: 61, OutChannels: 8, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"narrow":            {Batch: 3, InChannels: 8, InHeight: 5, InWidth: 3, OutChannels: 8, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"many bands":        {Batch: 3, InChannels: 40, InHeight: 50, InWidth: 21, OutChannels: 36, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"images in a band":  {Batch: 19, InChannels: 5, InHeight: 8, InWidth: 8, OutChannels: 4, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"many channels":     {Batch: 50, InChannels: 20, InHeight: 7, InWidth: 7, OutChannels: 68, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"tiles of images":   {Batch: 51, InChannels: 16, InHeight: 8, InWidth: 8, OutChannels: 16, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"whole tile groups": {Batch: 3, InChannels: 18, InHeight: 33, InWidth: 32, OutChannels: 20, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"tiles, odd pads":   {Batch: 40, InChannels: 20, InHeight: 6, InWidth: 9, OutChannels: 16, KernelH: 3, KernelW: 3, PadTop: 0, PadLeft: 2, PadBottom: 2, PadRight: 0},
	"tiles, odd inputs": {Batch: 4, InChannels: 19, InHeight: 12, InWidth: 12, OutChannels: 20, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"odd pads":          {Batch: 2, InChannels: 4, InHeight: 9, InWidth: 10, OutChannels: 8, KernelH: 3, KernelW: 3, PadTop: 2, PadLeft: 0, PadBottom: 0, PadRight: 1},
	"no padding":        {Batch: 2, InChannels: 4, InHeight: 14, InWidth: 15, OutChannels: 6, KernelH: 3, KernelW: 3},
	"pointwise":         {Batch: 2, InChannels: 13, InHeight: 7, InWidth: 7, OutChannels: 21, KernelH: 1, KernelW: 1},
	"pointwise deep":    {Batch: 2, InChannels: 400, InHeight: 5, InWidth: 10, OutChannels: 44, KernelH: 1, KernelW: 1},
	"pointwise uneven":  {Batch: 1, InChannels: 300, InHeight: 12, InWidth: 12, OutChannels: 7, KernelH: 1, KernelW: 1},
	"deep strided":      {Batch: 1, InChannels: 50, InHeight: 27, InWidth: 27, OutChannels: 40, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"deep narrow":       {Batch: 1, InChannels: 60, InHeight: 7, InWidth: 7, OutChannels: 36, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	"stride of 3":       {Batch: 1, InChannels: 5, InHeight: 20, InWidth: 22, OutChannels: 8, KernelH: 5, KernelW: 5, StrideH: 3, StrideW: 3, PadTop: 2, PadLeft: 2, PadBottom: 2, PadRight: 2},
	"pointwise strided": {Batch: 2, InChannels: 4, InHeight: 8, InWidth: 8, OutChannels: 9, KernelH: 1, KernelW: 1, StrideH: 2, StrideW: 2},
	"stem":              {Batch: 1, InChannels: 3, InHeight: 23, InWidth: 25, OutChannels: 10, KernelH: 7, KernelW: 7, StrideH: 2, StrideW: 2, PadTop: 3, PadLeft: 3, PadBottom: 3, PadRight: 3},
	"asymmetric":        {Batch: 1, InChannels: 2, InHeight: 8, InWidth: 11, OutChannels: 3, KernelH: 2, KernelW: 5, StrideH: 3, StrideW: 2, PadTop: 0, PadLeft: 4, PadBottom: 1, PadRight: 2},
	"dilated":           {Batch: 1, InChannels: 3, InHeight: 13, InWidth: 12, OutChannels: 4, KernelH: 3, KernelW: 3, PadTop: 2, PadLeft: 3, PadBottom: 2, PadRight: 3, DilationH: 2, DilationW: 3},
	"grouped":           {Batch: 2, InChannels: 6, InHeight: 9, InWidth: 9, OutChannels: 9, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Groups: 3},
	"depthwise":         {Batch: 2, InChannels: 7, InHeight: 10, InWidth: 11, OutChannels: 7, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Groups: 7},
	"depthwise inside":  {Batch: 1, InChannels: 3, InHeight: 7, InWidth: 21, OutChannels: 6, KernelH: 3, KernelW: 3, Groups: 3},
	"depthwise whole":   {Batch: 2, InChannels: 50, InHeight: 9, InWidth: 26, OutChannels: 50, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Groups: 50},
	"depthwise of 8":    {Batch: 1, InChannels: 3, InHeight: 5, InWidth: 8, OutChannels: 3, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadRight: 1, Groups: 3},
	"depthwise strided": {Batch: 1, InChannels: 4, InHeight: 12, InWidth: 9, OutChannels: 8, KernelH: 5, KernelW: 5, StrideH: 2, StrideW: 2, PadTop: 2, PadLeft: 2, PadBottom: 2, PadRight: 2, Groups: 4},
	"depthwise halved":  {Batch: 2, InChannels: 5, InHeight: 9, InWidth: 30, OutChannels: 10, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Groups: 5},
	"depthwise narrow":  {Batch: 3, InChannels: 4, InHeight: 7, InWidth: 7, OutChannels: 4, KernelH: 3, KernelW: 3, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Groups: 4},
	"depthwise tiny":    {Batch: 1, InChannels: 3, InHeight: 3, InWidth: 2, OutChannels: 3, KernelH: 3, KernelW: 3, StrideH: 2, StrideW: 2, PadTop: 2, PadLeft: 0, PadBottom: 1, PadRight: 3, Groups: 3},
	"pad beyond kernel": {Batch: 1, InChannels: 2, InHeight: 3, InWidth: 3, OutChannels: 2, KernelH: 2, KernelW: 2, PadTop: 3, PadLeft: 3, PadBottom: 3, PadRight: 3},
}

// naiveConv calls visit with the positions of x, w and y of every product in the convolution's definition.
func naiveConv(s tensor.ConvShape, visit func(x, w, y int)) {
	s = s.WithDefaults()
	inGroup, outGroup := s.InChannels/s.Groups, s.OutChannels/s.Groups
	outH, outW := s.OutHeight(), s.OutWidth()
	for n := range s.Batch {
		for k := range s.OutChannels {
			for oy := range outH {
				for ox := range outW {
					for c := range inGroup {
						for r := range s.KernelH {
							for q := range s.KernelW {
								iy, ix := oy*s.StrideH-s.PadTop+r*s.DilationH, ox*s.StrideW-s.PadLeft+q*s.DilationW
								if iy < 0 || ix < 0 || iy >= s.InHeight || ix >= s.InWidth {
									continue
								}
								channel := k/outGroup*inGroup + c
								visit(((n*s.InChannels+channel)*s.InHeight+iy)*s.InWidth+ix,
									((k*inGroup+c)*s.KernelH+r)*s.KernelW+q, ((n*s.OutChannels+k)*outH+oy)*outW+ox)
							}
						}
					}
				}
			}
		}
	}
}

func TestConv2D(t *testing.T) {
	exectest.ForEachSet(t, func(t *testing.T, ws *exec.Workspace) {
		for name, s := range convShapes {
			t.Run(name, func(t *testing.T) {
				if testing.Short() && s.OutLen()*s.InChannels > 200_000 {
					t.Skip("short mode: the definition takes long")
				}
				if err := s.Validate(); err != nil {
					t.Fatal(err)
				}
				x, w, dy, bias := enginetest.RandomSlice(s.InLen(), 1), enginetest.RandomSlice(s.WeightLen(), 2), enginetest.RandomSlice(s.OutLen(), 3), enginetest.RandomSlice(s.OutChannels, 4)
				wantY, wantDX, wantDW := make([]float64, len(dy)), make([]float64, len(x)), make([]float64, len(w))
				wantDB := make([]float64, len(bias))
				for i := range wantY {
					channel := i / s.OutPlane() % s.OutChannels
					wantY[i] = float64(bias[channel])
					wantDB[channel] += float64(dy[i])
				}
				naiveConv(s, func(ix, iw, iy int) {
					wantY[iy] += float64(x[ix]) * float64(w[iw])
					wantDX[ix] += float64(dy[iy]) * float64(w[iw])
					wantDW[iw] += float64(dy[iy]) * float64(x[ix])
				})
				// Buffers start with other values: everything must be overwritten.
				y, dx, dw, db := enginetest.RandomSlice(len(dy), 5), enginetest.RandomSlice(len(x), 6), enginetest.RandomSlice(len(w), 7), enginetest.RandomSlice(len(bias), 8)
				Forward(ws, s, x, w, bias, y)
				BackwardData(ws, s, dy, w, dx)
				BackwardWeights(ws, s, x, dy, dw, db)
				enginetest.ExpectClose(t, "y", y, enginetest.ToFloat32(wantY), 5e-5*enginetest.RootMeanSquare(wantY))
				enginetest.ExpectClose(t, "dx", dx, enginetest.ToFloat32(wantDX), 5e-5*enginetest.RootMeanSquare(wantDX))
				enginetest.ExpectClose(t, "dw", dw, enginetest.ToFloat32(wantDW), 5e-5*enginetest.RootMeanSquare(wantDW))
				enginetest.ExpectClose(t, "dbias", db, enginetest.ToFloat32(wantDB), 2e-5)
				Forward(ws, s, x, w, nil, y)
				for i := range wantY {
					wantY[i] -= float64(bias[i/s.OutPlane()%s.OutChannels])
				}
				enginetest.ExpectClose(t, "y without bias", y, enginetest.ToFloat32(wantY), 5e-5*enginetest.RootMeanSquare(wantY))
			})
		}
	})
}
