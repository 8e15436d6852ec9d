// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// The gradient of a 3×3 convolution's weights is Winograd's F(4×4, 3×3) transposed (Lavin and Gray 2016): with the tiles d
// of the input and e of the output's gradient it is Gᵀ(Σ Bᵀ·d·B ⊙ A·e·Aᵀ)G, the sum over all tiles. For each of the 36
// points the sum is a matrix product, input channels by tiles with tiles by output channels.
//
// Lanes are channels here, so that neighboring vectors of a transformed tile are what the product reads. A chunk of tiles
// is transformed to memory that all threads share, small enough for the last level of the cache; then each point adds the
// chunk's product to its sums. So every sum is made by one thread at a time, chunk by chunk, and needs to be held once.

const (
	// winogradChunk is how many tiles a chunk has at most, unless a row of tiles has more: sums are read and written once a
	// chunk, and what a panel of columns holds of it stays in the first-level cache.
	winogradChunk = 160
	// winogradChunkFloats is how many floats a transformed chunk has at most, if that leaves it a row of tiles.
	winogradChunkFloats = 5 << 18
	// winogradParts is the number of parts wanted in the transform of a chunk.
	winogradParts = 32
)

// winogradWeightsArgs are the arguments of the gradient of one convolution's weights.
type winogradWeightsArgs struct {
	s              tensor.ConvShape
	x, dy, dw      []float32
	outH, outW     int
	tilesH, tilesW int // of an image
	tileRows       int // of a chunk
	in, out        int // channels in whole vectors
	rowParts       int // into which a chunk's rows are cut to transform them
	first, last    int // the chunk's rows of tiles, counted over the batch
	v, e           []float32
	inPoint        int // floats from one point of v, the transformed input, to the next
	outPoint       int // floats from one point of e, the transformed gradient, to the next
	sums           []float32
	sumPoint       int // floats from one point of the sums to the next
}

// winogradWeights3x3 computes dw, the gradient of the weights.
func winogradWeights3x3(ws *exec.Workspace, s tensor.ConvShape, x, dy, dw []float32) {
	st := states.Of(ws)
	a := &st.winoWeights
	a.setUp(s.WithDefaults())
	a.x, a.dy, a.dw = x, dy, dw
	st.packed = exec.Grow(st.packed, winogradPoints*(a.inPoint+a.outPoint))
	st.partial = exec.Grow(st.partial, winogradPoints*a.sumPoint)
	a.v, a.e, a.sums = st.packed, st.packed[winogradPoints*a.inPoint:], st.partial
	for total := s.Batch * a.tilesH; a.last < total; {
		a.first, a.last = a.last, min(a.last+a.tileRows, total)
		ws.Run((a.in+a.out)/lanes*a.rowParts, transformChunkPart)
		ws.Run(winogradPoints, multiplyChunkPart)
	}
	ws.Run(a.out/lanes, storeWeightsPart)
}

// setUp plans the chunks.
func (a *winogradWeightsArgs) setUp(s tensor.ConvShape) {
	*a = winogradWeightsArgs{s: s, outH: s.OutHeight(), outW: s.OutWidth()}
	a.tilesH, a.tilesW = exec.CeilDiv(a.outH, winogradTile), exec.CeilDiv(a.outW, winogradTile)
	a.in, a.out = exec.CeilDiv(s.InChannels, lanes)*lanes, exec.CeilDiv(s.OutChannels, lanes)*lanes
	total, most := s.Batch*a.tilesH, min(winogradChunk, winogradChunkFloats/(winogradPoints*(a.in+a.out)))
	a.tileRows = exec.CeilDiv(total, exec.CeilDiv(total, max(most/a.tilesW, 1)))
	a.rowParts = min(a.tileRows, exec.CeilDiv(winogradParts, (a.in+a.out)/lanes))
	tiles := a.tileRows * a.tilesW
	a.inPoint, a.outPoint, a.sumPoint = oddLines(tiles*a.in), oddLines(tiles*a.out), oddLines(a.in*a.out)
}

// tiles returns the number of tiles of the chunk.
func (a *winogradWeightsArgs) tiles() int { return (a.last - a.first) * a.tilesW }

// firstChannel returns the first of the 8 channels of a vector: the last vector overlaps the one before it if channels is
// not a multiple of 8.
func firstChannel(vector, channels int) int { return min(vector*lanes, channels-lanes) }

// transformChunkPart transforms some of the chunk's rows of 8 channels of the input or of the output's gradient.
func transformChunkPart(ws *exec.Workspace, worker, part int) {
	a := &states.Of(ws).winoWeights
	vector, rows := part/a.rowParts, part%a.rowParts
	n := a.last - a.first
	first, last := a.first+rows*n/a.rowParts, a.first+(rows+1)*n/a.rowParts
	scratch := ws.Worker(worker).Scratch(winogradScratch + (winogradTile+2)*a.rowFloats())
	temporary, pixels := scratch[:winogradScratch], scratch[winogradScratch:]
	for row := first; row < last; row++ {
		if vector < a.in/lanes {
			a.transformInput(ws.Kernels().Winograd, vector, row, pixels, temporary)
		} else {
			a.transformGradient(ws.Kernels().Winograd, vector-a.in/lanes, row, pixels, temporary)
		}
	}
}

// rowFloats returns the floats of a row of 8 channels' pixels: the tiles' and the 2 that the last needs beyond.
func (a *winogradWeightsArgs) rowFloats() int { return (a.tilesW*winogradTile + 2) * lanes }

// transformInput fills v, [36][channels/4][tiles][4], with a row of tiles of a vector of input channels.
func (a *winogradWeightsArgs) transformInput(loops *kernels.Winograd, vector, tileRow int, pixels, temporary []float32) {
	s := &a.s
	image, oy := tileRow/a.tilesH, tileRow%a.tilesH*winogradTile
	plane := s.InHeight * s.InWidth
	x := a.x[(image*s.InChannels+firstChannel(vector, s.InChannels))*plane:][:lanes*plane]
	for i := range winogradTile + 2 {
		row := pixels[i*a.rowFloats():][:a.rowFloats()]
		iy := oy - s.PadTop + i
		if uint(iy) >= uint(s.InHeight) {
			clear(row)
			continue
		}
		interleaveRow(loops, row, x[iy*s.InWidth:], s.PadLeft, s.InWidth, plane)
	}
	quadFloats := a.tiles() * quad
	v := a.v[vector*2*quadFloats+(tileRow-a.first)*a.tilesW*quad:]
	loops.WeightsInput(a.tilesW, &pixels[0], a.rowFloats()*floatSize, &v[0], quadFloats*floatSize, a.inPoint*floatSize, &temporary[0])
}

// interleaveRow fills row with pad zeros, width pixels of 8 planes and zeros, the planes' values of a pixel side by side.
func interleaveRow(loops *kernels.Winograd, row, x []float32, pad, width, plane int) {
	clear(row[:pad*lanes])
	row = row[pad*lanes:]
	_ = x[(lanes-1)*plane+width-1]
	loops.Interleave(width/lanes, &x[0], plane*floatSize, &row[0])
	if width%lanes > 0 {
		at := width - lanes
		loops.Interleave(1, &x[at], plane*floatSize, &row[at*lanes])
	}
	clear(row[width*lanes:])
}

// transformGradient fills e with a row of tiles of a vector of output channels. For each point e has the panels of vectors
// that are multiplied together, each [tiles][vectors][8].
func (a *winogradWeightsArgs) transformGradient(loops *kernels.Winograd, vector, tileRow int, pixels, temporary []float32) {
	s := &a.s
	image, oy := tileRow/a.tilesH, tileRow%a.tilesH*winogradTile
	plane := a.outH * a.outW
	dy := a.dy[(image*s.OutChannels+firstChannel(vector, s.OutChannels))*plane:][:lanes*plane]
	for i := range winogradTile {
		row := pixels[i*a.rowFloats():][:a.rowFloats()]
		if oy+i >= a.outH {
			clear(row)
			continue
		}
		interleaveRow(loops, row, dy[(oy+i)*a.outW:], 0, a.outW, plane)
	}
	start, width := a.panel(loops, vector)
	tile := (tileRow - a.first) * a.tilesW
	e := a.e[(start*a.tiles()+tile*width+vector-start)*lanes:]
	loops.WeightsGradient(a.tilesW, &pixels[0], a.rowFloats()*floatSize, &e[0], width*lanes*floatSize, a.outPoint*floatSize, &temporary[0])
}

// panel returns the first vector of the panel that a vector of output channels belongs to, and the number of its vectors.
func (a *winogradWeightsArgs) panel(loops *kernels.Winograd, vector int) (start, width int) {
	for {
		width = nextVectors(len(loops.Products), a.out/lanes-start)
		if vector < start+width {
			return start, width
		}
		start += width
	}
}

// multiplyChunkPart adds the chunk's products to the sums of one point. The sums have panels as e has them, each
// [input channels][vectors][8].
func multiplyChunkPart(ws *exec.Workspace, worker, point int) {
	a := &states.Of(ws).winoWeights
	loops := ws.Kernels().Winograd
	product := ws.Worker(worker).Scratch(a.in * len(loops.Products) * lanes)
	v, e, sums := a.v[point*a.inPoint:], a.e[point*a.outPoint:], a.sums[point*a.sumPoint:]
	for start := 0; start < a.out/lanes; {
		_, width := a.panel(loops, start)
		columns := width * lanes
		target := sums[start*lanes*a.in:][:columns*a.in]
		result := target
		if a.first > 0 {
			result = product[:columns*a.in]
		}
		loops.Products[width-1](a.in/quad, &v[0], a.tiles(), &e[start*lanes*a.tiles()], columns*floatSize, &result[0], columns*floatSize)
		if a.first > 0 {
			ws.Kernels().Add(target, target, result)
		}
		start += width
	}
}

// storeWeightsPart transforms the sums of 8 output channels back.
func storeWeightsPart(ws *exec.Workspace, worker, vector int) {
	a := &states.Of(ws).winoWeights
	s := &a.s
	start, width := a.panel(ws.Kernels().Winograd, vector)
	scratch := ws.Worker(worker).Scratch(winogradScratch + a.in*9*lanes)
	temporary, filters := scratch[:winogradScratch], scratch[winogradScratch:]
	ws.Kernels().Winograd.FilterGradients(a.in, &a.sums[(start*a.in+vector-start)*lanes], width*lanes*floatSize, a.sumPoint*floatSize,
		&filters[0], &temporary[0])
	first := firstChannel(vector, s.OutChannels)
	for j := vector*lanes - first; j < lanes; j++ {
		dw := a.dw[(first+j)*s.InChannels*9:][:s.InChannels*9]
		for row := range a.in {
			// Rows of the last vector that the one before it has too are written twice.
			c := firstChannel(row/lanes, s.InChannels) + row%lanes
			storeFilter(dw[c*9:][:9], filters[row*9*lanes+j:])
		}
	}
}

// storeFilter gathers the taps of a filter, which lie 8 apart.
func storeFilter(dw, taps []float32) {
	_ = taps[8*lanes]
	for i := range dw {
		dw[i] = taps[i*lanes]
	}
}
