// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// Any convolution of 8 bits is computed directly: the rows of a band are copied with their padding to scratch memory and
// widened to 16 bits; there the window of a pixel is a few runs of neighbouring bytes, one for each row of the kernel,
// which are multiplied with the weights two channels at a time.

// quantizedPixels is about how many output pixels a band has: their sums, for a tile of output channels, stay in the
// first-level cache.
const quantizedPixels = 384

// packWeights fills w, [⌈OutChannels/16⌉][runs][units][16][2], with the weights; missing channels are zero.
func (p *PreparedQuantizedConv) packWeights() {
	s := p.Shape
	pixel := PixelStride(s.InChannels)
	taps := 1 // of a run
	if s.DilationW == 1 {
		taps = s.KernelW
	}
	p.units = taps * pixel / 2
	rowStride := p.rowStride() * 2
	for ky := range s.KernelH {
		for kx := 0; kx < s.KernelW; kx += taps {
			p.runs = append(p.runs, ky*s.DilationH*rowStride+kx*s.DilationW*pixel*2)
		}
	}
	tiles := ceilDiv(s.OutChannels, dotOuts)
	depth := s.KernelH * s.KernelW * pixel
	p.w = make([]int16, tiles*depth*dotOuts)
	for k := range s.OutChannels {
		tile := p.w[k/dotOuts*depth*dotOuts:][:depth*dotOuts]
		for c := range s.InChannels {
			for tap := range s.KernelH * s.KernelW {
				at := tap*pixel + c
				tile[(at/2*dotOuts+k%dotOuts)*2+at%2] = int16(p.Weights[(k*s.InChannels+c)*s.KernelH*s.KernelW+tap])
			}
		}
	}
}

// rowStride returns the elements of a padded row of the input: at least what the windows of a row of output read.
func (p *PreparedQuantizedConv) rowStride() int {
	s := &p.Shape
	if s.InHeight*s.InWidth*s.KernelH*s.KernelW == 1 {
		return 0 // one run: a row may have any number of pixels
	}
	return (s.PadLeft + s.InWidth + s.PadRight) * PixelStride(s.InChannels)
}

// quantizedDirect runs a convolution.
func (ws *Workspace) quantizedDirect(a *quantizedArgs) {
	rows := min(max(quantizedPixels/a.outW, 1), a.outH)
	if a.p.MaxPool {
		rows = max(rows&^1, 2)
		a.outH &^= 1 // an odd last row is left out
	}
	a.bands = ceilDiv(a.outH, rows)
	a.rows = rows
	a.splits = min(ceilDiv(2*ws.threads, a.s.Batch*a.bands), ceilDiv(a.s.OutChannels, dotOuts))
	ws.run(a.s.Batch*a.bands*a.splits, quantizedDirectPart)
}

// quantizedDirectPart computes a share of the output channels of one band.
func quantizedDirectPart(ws *Workspace, worker, part int) {
	a, state := &ws.quantized, &ws.workers[worker]
	p, s := a.p, &a.s
	split, part := part%a.splits, part/a.splits
	image, first := part/a.bands, part%a.bands*a.rows
	last := min(first+a.rows, a.outH)
	stride := max(p.rowStride(), s.InWidth*a.inPixel)
	inputRows := (last-first-1)*s.StrideH + (s.KernelH-1)*s.DilationH + 1
	pixels := (last - first) * a.outW
	tiles := ceilDiv(pixels, dotRows)

	inputLen, sumsLen, bytesLen := inputRows*stride, tiles*dotSums, tiles*dotSums
	scratch := state.scratch(viewFloats[int16](inputLen) + viewFloats[int32](sumsLen) + viewFloats[uint8](bytesLen))
	input, scratch := viewAs[int16](scratch, inputLen)
	sums, scratch := viewAs[int32](scratch, sumsLen)
	bytes, _ := viewAs[uint8](scratch, bytesLen)

	a.widenRows(ws.set.quantized, input, stride, image, first*s.StrideH-s.PadTop, inputRows)
	state.offsets = grow(state.offsets, tiles*dotRows)
	for i := range tiles * dotRows {
		pixel := min(i, pixels-1)
		state.offsets[i] = (pixel/a.outW*s.StrideH*stride + pixel%a.outW*s.StrideW*a.inPixel) * 2
	}
	depth := len(p.runs) * p.units * 2
	outTiles := ceilDiv(s.OutChannels, dotOuts)
	for k := split * outTiles / a.splits; k < (split+1)*outTiles/a.splits; k++ {
		ws.set.quantized.dotTiles(tiles, &state.offsets[0], &input[0], len(p.runs), &p.runs[0], p.units, &p.w[k*depth*dotOuts], &sums[0])
		if a.floats != nil {
			a.storeFloats(sums, pixels, k*dotOuts)
			continue
		}
		ws.set.quantized.requantize(tiles*dotRows, &sums[0], &p.bias[k*dotOuts], &p.scale[k*dotOuts], p.low, p.high, int32(p.OutZero), &bytes[0])
		a.store(ws.set.quantized, bytes, image, first, last, k*dotOuts)
	}
}

// widenRows copies rows of an image, from row first on, with their padding.
func (a *quantizedArgs) widenRows(kernels *quantizedKernels, dst []int16, stride, image, first, rows int) {
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
			kernels.widen(n, &x[0], &inside[0])
		}
		for j := n; j < width; j++ {
			inside[j] = int16(x[j])
		}
		fill(row[left+width:], zero)
	}
}

// fill sets all elements to v.
func fill[T int8 | int16 | uint8](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}

// store copies the bytes of 16 output channels from k on to their places, pooled or not.
func (a *quantizedArgs) store(kernels *quantizedKernels, bytes []uint8, image, first, last, k int) {
	n := min(dotOuts, a.outPixel-k)
	if !a.p.MaxPool {
		y := a.y[((image*a.outH+first)*a.outW)*a.outPixel+k:]
		for i := range (last - first) * a.outW {
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
			kernels.pool(width, &top[0], &bottom[0], &y[0], a.outPixel)
			continue
		}
		// The rows' own places serve for the result.
		kernels.pool(width, &top[0], &bottom[0], &top[0], dotOuts)
		for i := range width {
			copy(y[i*a.outPixel:][:n], top[i*dotOuts:])
		}
	}
}

// storeFloats stores the scaled sums of output channels from k on.
func (a *quantizedArgs) storeFloats(sums []int32, pixels, k int) {
	n := min(dotOuts, a.s.OutChannels-k)
	bias, scale := a.p.bias[k:][:n], a.p.scale[k:][:n]
	for i := range pixels {
		y := a.floats[i*a.s.OutChannels+k:][:n]
		for j, sum := range sums[i*dotOuts:][:n] {
			y[j] = float32(sum+bias[j]) * scale[j]
		}
	}
}
