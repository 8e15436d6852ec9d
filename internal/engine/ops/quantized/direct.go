// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantized

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// Any convolution of 8 bits is computed directly: the rows of a band are copied with their padding to scratch memory; there
// the window of a pixel is a few runs of neighboring bytes, one for each row of the kernel, which are multiplied with the
// weights a few channels at a time. Without padding, that is done where the input lies. If the set can't multiply bytes by
// such weights exactly, the copy is widened to 16 bits.

// bandPixels is about how many output pixels a band has: their sums, for a tile of output channels, stay in the
// first-level cache.
const bandPixels = 384

// packWidened packs the weights for DotTiles, which multiplies 2 channels of 2 bytes at a time.
func (p *Prepared) packWidened() {
	p.planRuns(2, 2)
	p.w = packTiles[int16](p, 2)
}

// packBytes packs the weights for DotBytes, which multiplies 4 channels at a time.
func (p *Prepared) packBytes() {
	p.planRuns(4, 1)
	p.wBytes = packTiles[int8](p, 4)
}

// planRuns finds the runs of a window, for group channels at a time of size bytes each.
func (p *Prepared) planRuns(group, size int) {
	s := p.Shape
	pixel := PixelStride(s.InChannels)
	taps := 1 // of a run
	if s.DilationW == 1 {
		taps = s.KernelW
	}
	p.units = taps * pixel / group
	for ky := range s.KernelH {
		for kx := 0; kx < s.KernelW; kx += taps {
			p.runs = append(p.runs, (ky*s.DilationH*p.rowStride()+kx*s.DilationW*pixel)*size)
		}
	}
}

// packTiles returns the weights as [⌈OutChannels/16⌉][taps·channels/group][16][group]; missing channels are zero.
func packTiles[T int8 | int16](p *Prepared, group int) []T {
	s := p.Shape
	pixel, taps := PixelStride(s.InChannels), s.KernelH*s.KernelW
	depth := taps * pixel
	w := make([]T, exec.CeilDiv(s.OutChannels, dotOuts)*depth*dotOuts)
	for k := range s.OutChannels {
		tile := w[k/dotOuts*depth*dotOuts:][:depth*dotOuts]
		for c := range s.InChannels {
			for tap := range taps {
				at := tap*pixel + c
				tile[(at/group*dotOuts+k%dotOuts)*group+at%group] = T(p.Weights[(k*s.InChannels+c)*taps+tap])
			}
		}
	}
	return w
}

// rowStride returns the elements of a padded row of the input: at least what the windows of a row of output read.
func (p *Prepared) rowStride() int {
	s := &p.Shape
	if isOnePixel(*s) {
		return 0 // one run: a row may have any number of pixels
	}
	return (s.PadLeft + s.InWidth + s.PadRight) * PixelStride(s.InChannels)
}

// runDirect runs a convolution.
func runDirect(ws *exec.Workspace, a *convArgs) {
	rows := min(max(bandPixels/a.outW, 1), a.outH)
	if a.p.MaxPool {
		rows = max(rows&^1, 2)
		a.outH &^= 1 // an odd last row is left out
	}
	a.bands = exec.CeilDiv(a.outH, rows)
	a.rows = rows
	a.splits = min(exec.CeilDiv(2*ws.Threads(), a.s.Batch*a.bands), exec.CeilDiv(a.s.OutChannels, dotOuts))
	ws.Run(a.s.Batch*a.bands*a.splits, directPart)
}

// directPart computes a share of the output channels of one band.
func directPart(ws *exec.Workspace, worker, part int) {
	a, state, loops := &states.Of(ws).conv, ws.Worker(worker), ws.Kernels().Quantized
	p, s := a.p, &a.s
	split, part := part%a.splits, part/a.splits
	image, first := part/a.bands, part%a.bands*a.rows
	last := min(first+a.rows, a.outH)
	stride := max(p.rowStride(), s.InWidth*a.inPixel)
	inputRows := (last-first-1)*s.StrideH + (s.KernelH-1)*s.DilationH + 1
	pixels := (last - first) * a.outW
	tiles := exec.CeilDiv(pixels, dotRows)

	inputLen, sumsLen := inputRows*stride, tiles*dotSums
	scratch := state.Scratch(viewFloats[int16](inputLen) + viewFloats[int32](sumsLen) + viewFloats[uint8](sumsLen))
	sums, scratch := viewAs[int32](scratch, sumsLen)
	bytes, scratch := viewAs[uint8](scratch, sumsLen)
	var input []uint8
	var widened []int16
	size := 1 // bytes of an element
	if p.method == byWords {
		size = 2
		widened, _ = viewAs[int16](scratch, inputLen)
		a.widenRows(loops, widened, stride, image, first*s.StrideH-s.PadTop, inputRows)
	} else {
		input, _ = viewAs[uint8](scratch, inputLen)
		input = a.padRows(input, stride, image, first*s.StrideH-s.PadTop, inputRows)
	}
	a.locate(state, pixels, stride, size)
	depth := s.KernelH * s.KernelW * a.inPixel * dotOuts // weights of a tile of output channels
	outTiles := exec.CeilDiv(s.OutChannels, dotOuts)
	for k := split * outTiles / a.splits; k < (split+1)*outTiles/a.splits; k++ {
		whole := 0 // tiles that go straight to their places
		switch {
		case p.method == byWords:
			loops.DotTiles(tiles, &state.Offsets[0], &widened[0], len(p.runs), &p.runs[0], p.units, &p.w[k*depth], &sums[0])
		case loops.ConvBytes == nil || a.floats != nil:
			loops.DotBytes(tiles, &state.Offsets[0], &input[0], len(p.runs), &p.runs[0], p.units, &p.wBytes[k*depth], &sums[0])
		default:
			if !p.MaxPool && a.outPixel-k*dotOuts >= dotOuts && pixels >= dotRows {
				whole = pixels / dotRows
				y := a.y[(image*a.outH+first)*a.outW*a.outPixel+k*dotOuts:]
				a.convBytes(loops, whole, state.Offsets, input, k, depth, y, a.outPixel)
			}
			if whole < tiles {
				a.convBytes(loops, tiles-whole, state.Offsets[whole*dotRows:], input, k, depth, bytes[whole*dotSums:], dotOuts)
			}
			a.store(loops, bytes, image, first, last, whole*dotRows, k*dotOuts)
			continue
		}
		if a.floats != nil {
			a.storeFloats(sums, pixels, k*dotOuts)
			continue
		}
		loops.Requantize(tiles*dotRows, &sums[0], &p.bias[k*dotOuts], &p.scale[k*dotOuts], &p.to.High[0], &bytes[0])
		a.store(loops, bytes, image, first, last, 0, k*dotOuts)
	}
}

// locate fills a worker's offsets with the places of the windows of a band's pixels; the last tile repeats the last pixel.
func (a *convArgs) locate(state *exec.Worker, pixels, stride, size int) {
	whole := exec.CeilDiv(pixels, dotRows) * dotRows
	state.Offsets = exec.Grow(state.Offsets, whole)
	for first := 0; first < pixels; first += a.outW {
		at := first / a.outW * a.s.StrideH * stride * size
		for x := range a.outW {
			state.Offsets[first+x] = at
			at += a.s.StrideW * a.inPixel * size
		}
	}
	for i := pixels; i < whole; i++ {
		state.Offsets[i] = state.Offsets[pixels-1]
	}
}

// convBytes computes tiles ≥ 1 of pixels of the k-th 16 output channels, whose weights take depth bytes.
func (a *convArgs) convBytes(loops *kernels.Quantized, tiles int, offsets []int, x []uint8, k, depth int, y []uint8, pixelStride int) {
	p := a.p
	loops.ConvBytes(tiles, &offsets[0], &x[0], len(p.runs), &p.runs[0], p.units, &p.wBytes[k*depth], &p.bias[k*dotOuts],
		&p.scale[k*dotOuts], &p.to.High[0], &y[0], pixelStride)
}

// padRows returns rows of an image, from row first on, with their padding: as they are if there is none, or else a copy in
// dst.
func (a *convArgs) padRows(dst []uint8, stride, image, first, rows int) []uint8 {
	s := &a.s
	width := s.InWidth * a.inPixel
	if max(s.PadTop, s.PadLeft, s.PadBottom, s.PadRight) == 0 {
		return a.x[(image*s.InHeight+first)*width:][:rows*width]
	}
	a.copyRows(dst, stride, image, first, rows)
	return dst
}

// copyRows copies rows of an image, from row first on, with their padding to dst.
func (a *convArgs) copyRows(dst []uint8, stride, image, first, rows int) {
	s := &a.s
	left, width := s.PadLeft*a.inPixel, s.InWidth*a.inPixel
	for i := range rows {
		row := dst[i*stride:][:stride]
		iy := first + i
		if uint(iy) >= uint(s.InHeight) {
			fill(row, a.p.InZero)
			continue
		}
		fill(row[:left], a.p.InZero)
		copy(row[left:], a.x[(image*s.InHeight+iy)*width:][:width])
		fill(row[left+width:], a.p.InZero)
	}
}

// widenRows copies rows of an image, from row first on, with their padding.
func (a *convArgs) widenRows(loops *kernels.Quantized, dst []int16, stride, image, first, rows int) {
	s := &a.s
	zero := int16(a.p.InZero)
	width := s.InWidth * a.inPixel
	left := s.PadLeft * a.inPixel
	for i := range rows {
		row := dst[i*stride:][:stride]
		iy := first + i
		if uint(iy) >= uint(s.InHeight) {
			fill(row, zero)
			continue
		}
		fill(row[:left], zero)
		x := a.x[(image*s.InHeight+iy)*width:][:width]
		inside := row[left:][:width]
		n := width &^ 15
		if n > 0 {
			loops.Widen(n, &x[0], &inside[0])
		}
		for j := n; j < width; j++ {
			inside[j] = int16(x[j])
		}
		fill(row[left+width:], zero)
	}
}

// fill sets all elements to v.
func fill[T int8 | int16 | uint8 | float32](s []T, v T) {
	if v == 0 {
		clear(s)
		return
	}
	const few = 16
	for i := range s[:min(len(s), few)] {
		s[i] = v
	}
	for n := few; n < len(s); n *= 2 {
		copy(s[n:], s[:n])
	}
}

// store copies the bytes of 16 output channels from k on, of pixels from done on, to their places, pooled or not.
func (a *convArgs) store(loops *kernels.Quantized, bytes []uint8, image, first, last, done, k int) {
	n := min(dotOuts, a.outPixel-k)
	if !a.p.MaxPool {
		y := a.y[((image*a.outH+first)*a.outW)*a.outPixel+k:]
		for i := done; i < (last-first)*a.outW; i++ {
			copy(y[i*a.outPixel:][:n], bytes[i*dotOuts:])
		}
		return
	}
	width := a.outW / 2
	for row := first; row < last; row += 2 {
		top := bytes[(row-first)*a.outW*dotOuts:]
		bottom := top[a.outW*dotOuts:]
		y := a.y[((image*(a.outH/2)+row/2)*width)*a.outPixel+k:]
		if n == dotOuts {
			loops.Pool(width, &top[0], &bottom[0], &y[0], a.outPixel)
			continue
		}
		// The rows' own places serve for the result.
		loops.Pool(width, &top[0], &bottom[0], &top[0], dotOuts)
		for i := range width {
			copy(y[i*a.outPixel:][:n], top[i*dotOuts:])
		}
	}
}

// storeFloats stores the scaled sums of output channels from k on.
func (a *convArgs) storeFloats(sums []int32, pixels, k int) {
	n := min(dotOuts, a.s.OutChannels-k)
	bias, scale := a.p.bias[k:][:n], a.p.scale[k:][:n]
	for i := range pixels {
		y := a.floats[i*a.s.OutChannels+k:][:n]
		for j, sum := range sums[i*dotOuts:][:n] {
			y[j] = float32(sum+bias[j]) * scale[j]
		}
	}
}
