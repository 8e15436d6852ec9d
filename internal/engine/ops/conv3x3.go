// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import "github.com/trainyard-dev/trainyard/internal/engine/kernels"

// The 3×3 convolution with stride 1 is computed directly on NCHW images: rows of a band of the image, padded, are copied
// to scratch memory, where the window of 8 neighbouring pixels is a plain load at each tap. A tile, 4 output channels of 3
// such vectors, stays in registers over all input channels and taps. The gradient of the input is the same convolution of
// the output's gradient with mirrored weights.

const (
	bandFloats   = 48 << 10 // floats of a band's scratch memory: most of the second-level cache's half
	weightFloats = 3 * 3 * quad
	// unpooledFloats is how many floats of unpooled output rows of 4 channels stay in the cache.
	unpooledFloats = 16 << 10
)

// bandArgs describe how output rows, counted over the whole batch, are cut into bands.
type bandArgs struct {
	s        ConvShape
	outH     int
	outW     int
	rows     int // output rows of a band
	stride   int // floats of a scratch row
	pixels   int // pixels of a vector
	vectors  int // vectors of an output row
	x, y     []float32
	bias     []float32
	w        []float32
	u        []float32 // the packed weights
	mirrored bool
	epilogue Epilogue
	chunks   int // of the rows, in the weights' gradient
}

// direct reports whether the set computes this convolution directly.
func (ws *Workspace) direct(s ConvShape) bool {
	return ws.set.ConvTiles != nil && s.isPlain3x3() && s.OutWidth() >= ws.set.ConvPixels
}

// mirror returns the convolution that computes the gradient of s's input from that of its output.
func (s ConvShape) mirror() ConvShape {
	m := s
	m.InChannels, m.OutChannels = s.OutChannels, s.InChannels
	m.InHeight, m.InWidth = s.OutHeight(), s.OutWidth()
	m.PadTop, m.PadLeft, m.PadBottom, m.PadRight = 2-s.PadTop, 2-s.PadLeft, 2-s.PadBottom, 2-s.PadRight
	return m
}

// setUp plans bands whose scratch memory holds channels planes in about budget floats. Vectors have the given number of
// pixels, a multiple of 8.
func (b *bandArgs) setUp(s ConvShape, pixels, channels, budget int) {
	*b = bandArgs{s: s, outH: s.OutHeight(), outW: s.OutWidth(), pixels: pixels}
	b.vectors = ceilDiv(b.outW, pixels)
	b.stride = b.vectors*pixels + lanes // the last vector's windows reach 2 further
	total := s.Batch * b.outH
	rows := min(max(budget/(channels*b.stride)-2, 1), total)
	b.rows = ceilDiv(total, ceilDiv(total, rows))
}

// bands returns the number of bands.
func (b *bandArgs) bands() int { return ceilDiv(b.s.Batch*b.outH, b.rows) }

// scratchRows returns an upper bound for the scratch rows of one plane of a band: two more than output rows for each
// image that the band touches.
func (b *bandArgs) scratchRows() int { return b.rows + 2*((b.rows-2)/b.outH+2) }

// channelStride returns the floats from one scratch plane to the next, kept off multiples of the cache's way size.
func (b *bandArgs) channelStride() int {
	n := b.scratchRows() * b.stride
	if n%256 == 0 {
		n += 2 * lanes
	}
	return n
}

// load copies the input rows that output rows [first, last) need, with their padding, from planes [c0, c1) to scratch.
func (b *bandArgs) load(scratch []float32, c0, c1, first, last int) {
	s := &b.s
	plane := s.InHeight * s.InWidth
	for c := c0; c < c1; c++ {
		dst := scratch[(c-c0)*b.channelStride():][:b.channelStride()]
		for row := first; row < last; {
			image, oy := row/b.outH, row%b.outH
			n := min(last-row, b.outH-oy)
			x := b.x[(image*s.InChannels+c)*plane:][:plane]
			for iy := oy - s.PadTop; iy < oy-s.PadTop+n+2; iy++ {
				out := dst[:b.stride]
				dst = dst[b.stride:]
				if uint(iy) >= uint(s.InHeight) {
					clear(out)
					continue
				}
				clear(out[:s.PadLeft])
				copy(out[s.PadLeft:], x[iy*s.InWidth:][:s.InWidth])
				clear(out[s.PadLeft+s.InWidth:])
			}
			row += n
		}
	}
}

// fast3x3 reports whether conv3x3 computes this convolution.
func (ws *Workspace) fast3x3(s ConvShape) bool { return ws.usesWinograd(s) || ws.direct(s) }

// conv3x3 computes y = conv(x, w) + bias; w is mirrored if it belongs to the convolution in the other direction.
func (ws *Workspace) conv3x3(s ConvShape, x, w, bias, y []float32, mirrored bool) {
	if ws.usesWinograd(s) {
		ws.packed = grow(ws.packed, winogradWeights(s))
		ws.transformWeights(s, w, ws.packed, mirrored)
		ws.winograd(s, x, ws.packed, bias, y, Epilogue{})
		return
	}
	ws.packed = grow(ws.packed, s.OutChannels*s.InChannels*9)
	ws.packConv3x3(s, w, ws.packed, mirrored)
	ws.directConv3x3(s, x, ws.packed, bias, y, Epilogue{})
}

// packConv3x3 fills u, [OutChannels/4][InChannels][3][3][4], with the weights.
func (ws *Workspace) packConv3x3(s ConvShape, w, u []float32, mirrored bool) {
	ws.band = bandArgs{s: s, w: w, u: u, mirrored: mirrored}
	ws.run(s.OutChannels/quad, packConv3x3Part)
}

// directConv3x3 computes y = epilogue(conv(x, w) + bias), u being the packed w. Pooling needs an even height.
func (ws *Workspace) directConv3x3(s ConvShape, x, u, bias, y []float32, e Epilogue) {
	b := &ws.band
	b.setUp(s.withDefaults(), ws.set.ConvPixels, s.InChannels, bandFloats)
	b.x, b.u, b.bias, b.y, b.epilogue = x, u, bias, y, e
	if bias == nil {
		ws.zeros = grow(ws.zeros, s.OutChannels)
		b.bias = ws.zeros
	}
	b.share(ws.threads)
	ws.run(b.bands(), conv3x3Part)
}

// share makes bands small enough for threads to share them evenly, and for the unpooled rows of 4 channels to stay in the
// cache; with pooling, bands have an even number of rows.
func (b *bandArgs) share(threads int) {
	total := b.s.Batch * b.outH
	if b.epilogue.MaxPool {
		b.rows = min(b.rows, max(unpooledFloats/(quad*b.outW), 2))
	}
	bands := ceilDiv(b.bands(), threads) * threads
	b.rows = ceilDiv(total, bands)
	if b.epilogue.MaxPool {
		b.rows += b.rows % 2
	}
}

// packConv3x3Part packs the weights of 4 output channels as [channel][tap][4].
func packConv3x3Part(ws *Workspace, _, part int) {
	b := &ws.band
	in, out := b.s.InChannels, b.s.OutChannels
	dst := b.u[part*in*weightFloats:][:in*weightFloats]
	for c := range in {
		for tap := range 9 {
			for j := range quad {
				k := part*quad + j
				if b.mirrored {
					dst[(c*9+tap)*quad+j] = b.w[(c*out+k)*9+8-tap]
				} else {
					dst[(c*9+tap)*quad+j] = b.w[(k*in+c)*9+tap]
				}
			}
		}
	}
}

// conv3x3Part computes one band.
func conv3x3Part(ws *Workspace, worker, part int) {
	b := &ws.band
	state := &ws.workers[worker]
	channels, plane := b.s.InChannels, b.outH*b.outW
	first := part * b.rows
	last := min(first+b.rows, b.s.Batch*b.outH)
	if first >= last {
		return
	}
	input := channels * b.channelStride()
	scratch := state.scratch(input + quad*b.rows*b.outW)
	unpooled := scratch[input:]
	b.load(scratch, 0, channels, first, last)
	tiles := b.tiles(state, first, last)
	for k := 0; k < b.s.OutChannels; k += quad {
		y, stride := unpooled, b.rows*b.outW
		if !b.epilogue.MaxPool {
			y, stride = b.y[k*plane:], plane
		}
		ws.set.ConvTiles(tiles, &state.offsets[0], &scratch[0], channels, b.channelStride()*floatSize, b.stride*floatSize,
			&b.u[k*channels*9], &b.bias[k], &y[0], stride*floatSize)
		for channel := k; channel < k+quad; channel++ {
			switch {
			case b.epilogue.MaxPool:
				b.pool(ws.set, unpooled[(channel-k)*stride:], channel, first, last)
			case b.epilogue.ReLU:
				b.relu(ws.set, channel, first, last)
			}
		}
	}
}

// pool stores 2×2 max pooling of output rows [first, last), an even number, of one channel.
func (b *bandArgs) pool(loops *kernels.Set, unpooled []float32, channel, first, last int) {
	width, height := b.outW/2, b.outH/2
	even := b.outW &^ 1
	for row := first; row < last; row += 2 {
		image, oy := row/b.outH, row%b.outH
		top, bottom := unpooled[(row-first)*b.outW:][:even], unpooled[(row-first+1)*b.outW:][:even]
		y := b.y[((image*b.s.OutChannels+channel)*height+oy/2)*width:][:width]
		loops.Halve(y, top, bottom, b.epilogue.floor())
	}
}

// relu applies ReLU to output rows [first, last) of one channel.
func (b *bandArgs) relu(loops *kernels.Set, channel, first, last int) {
	for row := first; row < last; {
		image, oy := row/b.outH, row%b.outH
		n := min(last-row, b.outH-oy)
		y := b.y[((image*b.s.OutChannels+channel)*b.outH+oy)*b.outW:][:n*b.outW]
		loops.ReLU(y, y)
		row += n
	}
}

// tiles lists the places of the vectors of output rows [first, last), three to a tile, and returns the number of tiles.
// The last vector of a row overlaps the one before if the width is not a multiple of a vector's; the last tile repeats its last
// vector if it is not full.
func (b *bandArgs) tiles(state *workerState, first, last int) int {
	count := ceilDiv((last-first)*b.vectors, tileVectors)
	state.offsets = grow(state.offsets, count*2*tileVectors)
	i, scratchRow := 0, 0
	var in, out int
	for row := first; row < last; row++ {
		image, oy := row/b.outH, row%b.outH
		if oy == 0 && row > first {
			scratchRow += 2
		}
		for v := range b.vectors {
			column := min(v*b.pixels, b.outW-b.pixels)
			in = (scratchRow*b.stride + column) * floatSize
			out = ((image*b.s.OutChannels*b.outH+oy)*b.outW + column) * floatSize
			if b.epilogue.MaxPool {
				out = ((row-first)*b.outW + column) * floatSize
			}
			state.setOffset(i, in, out)
			i++
		}
		scratchRow++
	}
	for ; i < count*tileVectors; i++ {
		state.setOffset(i, in, out)
	}
	return count
}

// setOffset records the places of the i-th vector.
func (w *workerState) setOffset(i, in, out int) {
	tile := w.offsets[i/tileVectors*2*tileVectors:]
	tile[i%tileVectors], tile[tileVectors+i%tileVectors] = in, out
}
