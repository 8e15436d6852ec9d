// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/trainyard-dev/trainyard/internal/engine/enginetest"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// guardScratch replaces the scratch memory that an operation has grown by guarded memory of the same size.
func guardScratch(t *testing.T, ws *Workspace, atStart bool) {
	t.Helper()
	for _, s := range []*[]float32{&ws.packed, &ws.partial, &ws.zeros, &ws.padded, &ws.unpooled} {
		*s = enginetest.GuardedCopy(t, *s, atStart)
	}
	for i := range ws.workers {
		ws.workers[i].buffer = enginetest.GuardedCopy(t, ws.workers[i].buffer, atStart)
	}
}

func TestConvolutionStaysInBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("short mode: takes long under the race detector")
	}
	for name, s := range convShapes {
		for _, atStart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/atStart=%t", name, atStart), func(t *testing.T) {
				for _, pass := range []func(ws *Workspace, x, w, y, b []float32){
					func(ws *Workspace, x, w, y, b []float32) { ws.Conv2D(s, x, w, b, y) },
					func(ws *Workspace, x, w, y, _ []float32) { ws.Conv2D(s, x, w, nil, y) },
					func(ws *Workspace, x, w, y, _ []float32) { ws.Conv2DBackwardData(s, y, w, x) },
					func(ws *Workspace, x, w, y, b []float32) { ws.Conv2DBackwardWeights(s, x, y, w, b) },
				} {
					ws := newWorkspace(t, "", 1)
					x, w := enginetest.Guarded(t, s.InLen(), atStart), enginetest.Guarded(t, s.WeightLen(), atStart)
					y, b := enginetest.Guarded(t, s.OutLen(), atStart), enginetest.Guarded(t, s.OutChannels, atStart)
					pass(ws, x, w, y, b)
					guardScratch(t, ws, atStart)
					pass(ws, x, w, y, b)
				}
			})
		}
	}
}

func TestConvNormReLUPoolStaysInBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("short mode: takes long under the race detector")
	}
	for _, s := range patchShapes {
		for _, atStart := range []bool{false, true} {
			ws, p := newWorkspace(t, "", 1), newConvPool(s)
			if !ws.FusesConvPool(s) {
				continue
			}
			p.Weight = enginetest.GuardedCopy(t, p.Weight, atStart)
			words := enginetest.GuardedBytes(t, 2*len(p.Choice), atStart)
			p.Choice = unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(words))), len(p.Choice))
			x, pooled := enginetest.Guarded(t, s.InLen(), atStart), enginetest.Guarded(t, p.Output().PooledLen(), atStart)
			dw, dgamma, dbeta := enginetest.Guarded(t, s.WeightLen(), atStart), enginetest.Guarded(t, s.OutChannels, atStart), enginetest.Guarded(t, s.OutChannels, atStart)
			for range 2 {
				ws.ConvNormReLUPoolTraining(p, x, pooled)
				guardScratch(t, ws, atStart)
				ws.ConvNormReLUPoolTraining(p, x, pooled)
				ws.ConvNormReLUPoolBackward(p, x, pooled, dw, dgamma, dbeta)
				guardScratch(t, ws, atStart)
			}
		}
	}
}

func TestPreparedConv2DStaysInBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("short mode: takes long under the race detector")
	}
	for _, s := range convShapes {
		for _, atStart := range []bool{false, true} {
			for _, e := range []Epilogue{{ReLU: true}, {Add: true}, {ReLU: true, MaxPool: true}} {
				ws := newWorkspace(t, "", 1)
				if e.MaxPool && min(s.OutHeight(), s.OutWidth()) < 2 || e.Add && !ws.Adds(s) {
					continue
				}
				p := ws.PrepareConv2D(s, enginetest.Guarded(t, s.WeightLen(), atStart), nil, e)
				p.u, p.bias = enginetest.GuardedCopy(t, p.u, atStart), enginetest.GuardedCopy(t, p.bias, atStart)
				if len(p.bias) == 0 {
					p.bias = nil
				}
				x, y := enginetest.Guarded(t, s.InLen(), atStart), enginetest.Guarded(t, p.OutLen(s.Batch), atStart)
				ws.RunConv2D(p, s.Batch, x, y)
				guardScratch(t, ws, atStart)
				ws.RunConv2D(p, s.Batch, x, y)
			}
		}
	}
}

func TestExpansionStaysInBounds(t *testing.T) {
	for _, set := range kernels.Names() {
		for name, shapes := range expansions {
			s, d := shapes[0], shapes[1]
			for _, atStart := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/atStart=%t", set, name, atStart), func(t *testing.T) {
					ws := newWorkspace(t, set, 1)
					if !ws.Expands(s, d) {
						t.Skip("the set does not compute it in one step")
					}
					first := ws.PrepareConv2D(s, enginetest.Guarded(t, s.WeightLen(), atStart), nil, Epilogue{})
					first.u, first.bias = enginetest.GuardedCopy(t, first.u, atStart), enginetest.GuardedCopy(t, first.bias, atStart)
					second := ws.PrepareConv2D(d, enginetest.Guarded(t, d.WeightLen(), atStart), enginetest.Guarded(t, d.OutChannels, atStart), Epilogue{})
					p := ws.PrepareExpansion(first, second)
					x, y := enginetest.Guarded(t, s.InLen(), atStart), enginetest.Guarded(t, d.OutLen(), atStart)
					ws.RunExpansion(p, s.Batch, x, y)
					guardScratch(t, ws, atStart)
					ws.RunExpansion(p, s.Batch, x, y)
				})
			}
		}
	}
}

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
							runQuantizedInBounds(t, newWorkspace(t, set, 1), s, epilogue, atStart)
						}
					}
				}
			}
		})
	}
}

// runQuantizedInBounds runs a convolution of 8 bits, and the conversion of its input, with guarded memory.
func runQuantizedInBounds(t *testing.T, ws *Workspace, s ConvShape, epilogue int, atStart bool) {
	t.Helper()
	p := ws.PrepareQuantizedConv(quantizedConv(s, epilogue))
	weights := enginetest.GuardedBytes(t, 2*len(p.w), atStart)
	w := unsafe.Slice((*int16)(unsafe.Pointer(unsafe.SliceData(weights))), len(p.w))
	copy(w, p.w)
	p.w = w
	weights = enginetest.GuardedBytes(t, len(p.wBytes), atStart)
	wBytes := unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(weights))), len(p.wBytes))
	copy(wBytes, p.wBytes)
	p.wBytes = wBytes
	images := ImageShape{s.Batch, s.InChannels, s.InHeight, s.InWidth}
	x, y := enginetest.GuardedBytes(t, p.InLen(s.Batch), atStart), enginetest.GuardedBytes(t, p.OutLen(s.Batch), atStart)
	numbers := enginetest.Guarded(t, images.Len(), atStart)
	for range 2 {
		ws.RunQuantizedConv(p, s.Batch, x, y)
		ws.QuantizeImages(images, numbers, 1, 0, x)
		ws.DequantizeImages(images, x, 1, 0, numbers)
		ws.RunQuantizedConv(p, s.Batch, x, y)
		ws.RunQuantizedSum(QuantizedSum{ScaleA: 1, High: 255}, y, y, y)
		guardScratch(t, ws, atStart)
	}
}
