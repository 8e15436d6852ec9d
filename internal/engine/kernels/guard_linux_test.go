// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import (
	"fmt"
	"syscall"
	"testing"
	"unsafe"
)

// guarded returns n floats that end exactly where an unreadable page begins, or, if atStart is set, begin exactly where
// one ends: an access beyond kills the test.
func guarded(t *testing.T, n int, atStart bool) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	size := ceilDiv(max(n, 1)*floatSize, page) * page
	memory, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(memory); err != nil {
			t.Error(err)
		}
	})
	for _, guard := range [][]byte{memory[:page], memory[page+size:]} {
		if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	start := page + size - n*floatSize
	if atStart {
		start = page
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&memory[start])), n)
}

// guardedCopy returns a guarded copy of s.
func guardedCopy(t *testing.T, s []float32, atStart bool) []float32 {
	t.Helper()
	g := guarded(t, len(s), atStart)
	copy(g, s)
	return g
}

// guardScratch replaces the scratch memory that an operation has grown by guarded memory of the same size.
func guardScratch(t *testing.T, ws *Workspace, atStart bool) {
	t.Helper()
	for _, s := range []*[]float32{&ws.packed, &ws.partial, &ws.zeros, &ws.padded, &ws.unpooled} {
		*s = guardedCopy(t, *s, atStart)
	}
	for i := range ws.workers {
		ws.workers[i].buffer = guardedCopy(t, ws.workers[i].buffer, atStart)
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
					x, w := guarded(t, s.InLen(), atStart), guarded(t, s.WeightLen(), atStart)
					y, b := guarded(t, s.OutLen(), atStart), guarded(t, s.OutChannels, atStart)
					pass(ws, x, w, y, b)
					guardScratch(t, ws, atStart)
					pass(ws, x, w, y, b)
				}
			})
		}
	}
}

func TestVectorKernelsStayInBounds(t *testing.T) {
	for _, name := range SetNames() {
		set, err := findSet(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, atStart := range []bool{false, true} {
			for n := 1; n <= 100; n++ {
				x, y, z := guarded(t, n, atStart), guarded(t, n, atStart), guarded(t, n, atStart)
				set.sum(x)
				set.squaredDeviations(x, 1)
				set.dotDeviation(y, x, 1)
				set.affine(y, x, 1, 2)
				set.affine2(z, y, x, 1, 2, 3)
				set.relu(y, x)
				set.add(z, y, x)
				set.clip(y, x, 0, 1)
				set.maximum(z, y, x)
				set.split(y, z, guarded(t, 2*n, atStart))
				set.halve(y, guarded(t, 2*n, atStart), guarded(t, 2*n, atStart), 0)
				set.reluBackward(z, y, x)
			}
			for n := 1; n <= 40; n++ {
				top, bottom, d := guarded(t, 2*n, atStart), guarded(t, 2*n, atStart), guarded(t, n, atStart)
				words := guardedBytes(t, 2*choiceWords(n), atStart)
				choice := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(words))), choiceWords(n))
				set.normPool(d, choice, top, bottom, 1, 2)
				set.normPoolSums(d, choice, top, bottom, 1)
				set.normPoolBackward(top, bottom, d, choice, 1, 2, 3)
				set.unpool(top, bottom, d, choice)
			}
			for k := 1; k <= 10; k++ {
				set.gemmTile(k, guarded(t, k*set.mr, atStart), guarded(t, k*set.nr, atStart), guarded(t, set.mr*set.nr, atStart))
			}
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
			p.Weight = guardedCopy(t, p.Weight, atStart)
			words := guardedBytes(t, 2*len(p.Choice), atStart)
			p.Choice = unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(words))), len(p.Choice))
			x, pooled := guarded(t, s.InLen(), atStart), guarded(t, p.Output().PooledLen(), atStart)
			dw, dgamma, dbeta := guarded(t, s.WeightLen(), atStart), guarded(t, s.OutChannels, atStart), guarded(t, s.OutChannels, atStart)
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

// guardedDoubles returns n float64 as guarded does.
func guardedDoubles(t *testing.T, n int, atStart bool) []float64 {
	t.Helper()
	return unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(guarded(t, 2*n, atStart)))), n)
}

func TestPatchKernelsStayInBounds(t *testing.T) {
	for _, name := range SetNames() {
		set, err := findSet(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, atStart := range []bool{false, true} {
			for n := 1; n <= 20; n++ {
				set.patch.widen(guardedDoubles(t, n, atStart), guarded(t, n, atStart))
				sums := (*[patchTile]float64)(guardedDoubles(t, patchTile, atStart))
				set.patch.products(sums, n, guardedDoubles(t, n+2, atStart), guardedDoubles(t, n+2, atStart))
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
				p := ws.PrepareConv2D(s, guarded(t, s.WeightLen(), atStart), nil, e)
				p.u, p.bias = guardedCopy(t, p.u, atStart), guardedCopy(t, p.bias, atStart)
				if len(p.bias) == 0 {
					p.bias = nil
				}
				x, y := guarded(t, s.InLen(), atStart), guarded(t, p.OutLen(s.Batch), atStart)
				ws.RunConv2D(p, s.Batch, x, y)
				guardScratch(t, ws, atStart)
				ws.RunConv2D(p, s.Batch, x, y)
			}
		}
	}
}

func TestExpansionStaysInBounds(t *testing.T) {
	for _, set := range SetNames() {
		for name, shapes := range expansions {
			s, d := shapes[0], shapes[1]
			for _, atStart := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/atStart=%t", set, name, atStart), func(t *testing.T) {
					ws := newWorkspace(t, set, 1)
					if !ws.Expands(s, d) {
						t.Skip("the set does not compute it in one step")
					}
					first := ws.PrepareConv2D(s, guarded(t, s.WeightLen(), atStart), nil, Epilogue{})
					first.u, first.bias = guardedCopy(t, first.u, atStart), guardedCopy(t, first.bias, atStart)
					second := ws.PrepareConv2D(d, guarded(t, d.WeightLen(), atStart), guarded(t, d.OutChannels, atStart), Epilogue{})
					p := ws.PrepareExpansion(first, second)
					x, y := guarded(t, s.InLen(), atStart), guarded(t, d.OutLen(), atStart)
					ws.RunExpansion(p, s.Batch, x, y)
					guardScratch(t, ws, atStart)
					ws.RunExpansion(p, s.Batch, x, y)
				})
			}
		}
	}
}

// guardedBytes returns n bytes as guarded does.
func guardedBytes(t *testing.T, n int, atStart bool) []uint8 {
	t.Helper()
	floats := guarded(t, ceilDiv(n, floatSize), atStart)
	bytes := unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(floats))), len(floats)*floatSize)
	if atStart {
		return bytes[:n]
	}
	return bytes[len(bytes)-n:]
}

func TestQuantizedConvStaysInBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("short mode: takes long under the race detector")
	}
	for _, set := range SetNames() {
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
	weights := guardedBytes(t, 2*len(p.w), atStart)
	w := unsafe.Slice((*int16)(unsafe.Pointer(unsafe.SliceData(weights))), len(p.w))
	copy(w, p.w)
	p.w = w
	weights = guardedBytes(t, len(p.wBytes), atStart)
	wBytes := unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(weights))), len(p.wBytes))
	copy(wBytes, p.wBytes)
	p.wBytes = wBytes
	images := ImageShape{s.Batch, s.InChannels, s.InHeight, s.InWidth}
	x, y := guardedBytes(t, p.InLen(s.Batch), atStart), guardedBytes(t, p.OutLen(s.Batch), atStart)
	numbers := guarded(t, images.Len(), atStart)
	for range 2 {
		ws.RunQuantizedConv(p, s.Batch, x, y)
		ws.QuantizeImages(images, numbers, 1, 0, x)
		ws.DequantizeImages(images, x, 1, 0, numbers)
		ws.RunQuantizedConv(p, s.Batch, x, y)
		ws.RunQuantizedSum(QuantizedSum{ScaleA: 1, High: 255}, y, y, y)
		guardScratch(t, ws, atStart)
	}
}
