// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantized

import (
	"testing"
	"unsafe"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/exec/exectest"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

func TestQuantizedConvStaysInBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("short mode: takes long under the race detector")
	}
	for _, set := range kernels.Names() {
		t.Run(set, func(t *testing.T) {
			for _, s := range quantizedShapes {
				for _, atStart := range []bool{false, true} {
					for epilogue := range 8 {
						if epilogue&1 == 0 || canPool(s) {
							runQuantizedInBounds(t, exectest.NewWorkspace(t, set, 1), s, epilogue, atStart)
						}
					}
				}
			}
		})
	}
}

// runQuantizedInBounds runs a convolution of 8 bits, and the conversion of its input, with guarded memory.
func runQuantizedInBounds(t *testing.T, ws *exec.Workspace, s tensor.ConvShape, epilogue int, atStart bool) {
	t.Helper()
	p := Prepare(ws, quantizedConv(s, epilogue))
	weights := enginetest.GuardedBytes(t, 2*len(p.w), atStart)
	w := unsafe.Slice((*int16)(unsafe.Pointer(unsafe.SliceData(weights))), len(p.w))
	copy(w, p.w)
	p.w = w
	weights = enginetest.GuardedBytes(t, len(p.wBytes), atStart)
	wBytes := unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(weights))), len(p.wBytes))
	copy(wBytes, p.wBytes)
	p.wBytes = wBytes
	images := tensor.ImageShape{Batch: s.Batch, Channels: s.InChannels, Height: s.InHeight, Width: s.InWidth}
	x, y := enginetest.GuardedBytes(t, p.InLen(s.Batch), atStart), enginetest.GuardedBytes(t, p.OutLen(s.Batch), atStart)
	numbers := enginetest.Guarded(t, images.Len(), atStart)
	for range 2 {
		Run(ws, p, s.Batch, x, y)
		FromFloats(ws, images, numbers, 1, 0, x)
		ToFloats(ws, images, x, 1, 0, numbers)
		Run(ws, p, s.Batch, x, y)
		Add(ws, Sum{ScaleA: 1, High: 255}, y, y, y)
		exectest.GuardWorkers(t, ws, atStart)
	}
}
