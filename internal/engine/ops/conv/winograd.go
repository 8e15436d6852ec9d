// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package conv

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// The 3×3 convolution with stride 1 of many channels is computed by Winograd's F(4×4, 3×3) (Lavin and Gray 2016): tiles of
// 6×6 pixels and the weights are transformed so that a tile of 4×4 outputs takes 36 multiplications instead of 144. For
// each of the 36 points the products over all channels are a matrix product, weights by tiles.
//
// A block is a run of tile rows, counted over the batch. Its tiles lie side by side in the lanes of vectors, so a block
// keeps vectors full even where an image has few tiles.

const (
	// winogradChannels is the least number of input and output channels that repays the transforms.
	winogradChannels = 16
	// winogradLeastTiles is the least number of tiles that repays the transform of the weights or of their gradient.
	winogradLeastTiles = 32
	// winogradTiles is how many tiles a block may have.
	winogradTiles = 3 * tileVectors * lanes
	// winogradOutputs is the number of output channels computed between two visits of a block's tiles.
	winogradOutputs = 64
)

// winogradArgs are the arguments of one convolution.
type winogradArgs struct {
	s              tensor.ConvShape
	x, w, bias, y  []float32
	mirrored       bool
	epilogue       Epilogue
	outH, outW     int
	tilesH, tilesW int // of an image
	tileRows       int // of a block
	blocks, splits int // splits of the output channels, for want of blocks
	columns        int // floats of a row of transformed tiles
	inPoint        int // floats from one point of the transformed input to the next
	outPoint       int // floats from one point of the products to the next
	u              []float32
	zeros          []float32 // a row above or below the image
	masks          []int32   // -1 for each pixel of a row of tiles that lies inside the image
}

// setUp plans the blocks.
func (a *winogradArgs) setUp(s tensor.ConvShape, threads int) {
	*a = winogradArgs{s: s, outH: s.OutHeight(), outW: s.OutWidth()}
	a.tilesH, a.tilesW = exec.CeilDiv(a.outH, winogradTile), exec.CeilDiv(a.outW, winogradTile)
	a.tileRows = a.bestRows(s.Batch * a.tilesH)
	a.blocks = exec.CeilDiv(s.Batch*a.tilesH, a.tileRows)
	a.splits = 1
	for most := exec.CeilDiv(s.OutChannels, winogradOutputs); a.splits < most && !sharesEvenly(a.blocks*a.splits, threads); a.splits++ {
	}
	// A group of 8 tiles is stored whole: the last row's may reach 7 beyond the tiles.
	a.columns = (a.tileRows*a.tilesW + 2*lanes - 1) / lanes * lanes
	if a.columns%64 == 0 {
		a.columns += lanes // off multiples of the cache's way size
	}
	a.inPoint, a.outPoint = oddLines(s.InChannels*a.columns), oddLines(winogradOutputs*a.columns)
}

// bestRows returns how many of total rows of tiles a block should have, for the products to take the least time.
func (a *winogradArgs) bestRows(total int) int {
	best, least := 1, math.MaxInt
	for rows := 1; rows <= total && (rows == 1 || rows*a.tilesW <= winogradTiles); rows++ {
		time := total / rows * blockTime(rows*a.tilesW)
		if rest := total % rows; rest > 0 {
			time += blockTime(rest * a.tilesW)
		}
		if time < least {
			best, least = rows, time
		}
	}
	return best
}

// blockTime returns what the products of a block of so many tiles take, in a unit of its own: the fewer vectors are
// multiplied together, the longer each takes, and each block reads all weights.
func blockTime(tiles int) int {
	const weights = 2
	vectors := exec.CeilDiv(tiles, lanes)
	switch {
	case vectors == 1:
		return weights + 3
	case vectors%tileVectors == 1: // two products of 2 instead of 3 and 1
		return weights + (vectors/tileVectors-1)*6 + 2*5
	case vectors%tileVectors == 2:
		return weights + vectors/tileVectors*6 + 5
	default:
		return weights + vectors/tileVectors*6
	}
}

// sharesEvenly reports whether threads have about the same number of equal parts to do.
func sharesEvenly(parts, threads int) bool { return parts%threads == 0 || parts >= 8*threads }

// oddLines rounds up to an odd number of the cache's lines: rows so far apart spread over all of its sets.
func oddLines(floats int) int { return (exec.CeilDiv(floats, cacheLine) | 1) * cacheLine }

// winogradWeights returns the length of the transformed weights.
func winogradWeights(s tensor.ConvShape) int { return winogradPoints * s.OutChannels * s.InChannels }

// transformWeights fills u, [36][OutChannels/4][InChannels][4], with G·w·Gᵀ of each kernel.
func transformWeights(ws *exec.Workspace, s tensor.ConvShape, w, u []float32, mirrored bool) {
	states.Of(ws).wino = winogradArgs{s: s.WithDefaults(), w: w, u: u, mirrored: mirrored}
	ws.Run(s.OutChannels/quad, transformWeightsPart)
}

// transformWeightsPart transforms the filters of 4 output channels, two input channels at a time.
func transformWeightsPart(ws *exec.Workspace, worker, part int) {
	a := &states.Of(ws).wino
	in, out := a.s.InChannels, a.s.OutChannels
	// From one input channel to the next, from one output channel to the next, and from tap to tap.
	nextIn, nextOut, nextTap, first := 9, 9*in, 1, 0
	if a.mirrored {
		nextIn, nextOut, nextTap, first = 9*out, 9, -1, 8
	}
	var places [lanes]int32
	for i := range places {
		places[i] = int32(i/quad*nextIn + i%quad*nextOut)
	}
	scratch := ws.Worker(worker).Scratch(winogradScratch)
	transform := func(c, pairs int) {
		ws.Kernels().Winograd.Filters(pairs, &a.w[part*quad*nextOut+c*nextIn+first], &places[0], nextTap*floatSize, 2*nextIn*floatSize,
			&a.u[(part*in+c)*quad], out*in*floatSize, &scratch[0])
	}
	transform(0, in/2)
	if in%2 > 0 {
		transform(in-2, 1)
	}
}

// runWinograd computes y = epilogue(conv(x, w) + bias), u being the transformed w.
func runWinograd(ws *exec.Workspace, s tensor.ConvShape, x, u, bias, y []float32, e Epilogue) {
	st := states.Of(ws)
	a := &st.wino
	a.setUp(s.WithDefaults(), ws.Threads())
	a.x, a.u, a.bias, a.y, a.epilogue = x, u, bias, y, e
	st.zeros = exec.Grow(st.zeros, a.rowFloats())
	st.tileMasks = exec.Grow(st.tileMasks, a.rowFloats())
	a.zeros, a.masks = st.zeros, st.tileMasks
	maskInside(a.masks[:a.rowFloats()], -a.s.PadLeft, a.s.InWidth)
	ws.Run(a.blocks*a.splits, winogradPart)
}

// winogradPart computes a share of the output channels of one block.
func winogradPart(ws *exec.Workspace, worker, part int) {
	a := &states.Of(ws).wino
	state := ws.Worker(worker)
	block, split := part/a.splits, part%a.splits
	first := block * a.tileRows
	last := min(first+a.tileRows, a.s.Batch*a.tilesH)
	groups := exec.CeilDiv(a.tilesW, lanes)
	tiles, products := winogradPoints*a.inPoint, winogradPoints*a.outPoint
	scratch := state.Scratch(winogradScratch + tiles + products + winogradTile*groups*winogradTile*lanes)
	take := func(n int) []float32 { s := scratch[:n]; scratch = scratch[n:]; return s }
	temporary, v, m, result := take(winogradScratch), take(tiles), take(products), scratch

	for c := range a.s.InChannels {
		for row := first; row < last; row++ {
			a.loadTileRow(ws.Kernels().Winograd, v[c*a.columns+(row-first)*a.tilesW:], c, row, groups, temporary)
		}
	}
	quads := a.s.OutChannels / quad
	k1 := (split + 1) * quads / a.splits * quad
	for k0 := split * quads / a.splits * quad; k0 < k1; k0 += winogradOutputs {
		k := min(k0+winogradOutputs, k1)
		a.multiply(ws.Kernels().Winograd, v, m, k0, k, (last-first)*a.tilesW)
		for row := first; row < last; row++ {
			for channel := k0; channel < k; channel++ {
				a.storeTileRow(ws.Kernels().Winograd, m[(channel-k0)*a.columns+(row-first)*a.tilesW:], channel, row, groups, result, temporary)
			}
		}
	}
}

// rowFloats returns the floats of a row of tiles' pixels: whole groups of 8 tiles, the 4 pixels that the last shares, and
// what else the widest set reads together with them.
func (a *winogradArgs) rowFloats() int {
	return exec.CeilDiv(a.tilesW, lanes)*lanes*winogradTile + 2*lanes
}

// loadTileRow transforms a row of tiles of input channel c. v is where the row's first tile belongs.
func (a *winogradArgs) loadTileRow(loops *kernels.Winograd, v []float32, c, tileRow, groups int, temporary []float32) {
	s := &a.s
	image, oy := tileRow/a.tilesH, tileRow%a.tilesH*winogradTile
	plane, rowBytes := s.InHeight*s.InWidth, s.InWidth*floatSize
	loops.Input(groups, &a.x[(image*s.InChannels+c)*plane], -s.PadLeft*floatSize, (oy-s.PadTop)*rowBytes, rowBytes, plane*floatSize,
		&a.zeros[0], &a.masks[0], &v[0], a.inPoint*floatSize, &temporary[0])
}

// multiply computes the products of output channels [k0, k1) at every point, for whole vectors of tiles.
func (a *winogradArgs) multiply(loops *kernels.Winograd, v, m []float32, k0, k1, tiles int) {
	in, out := a.s.InChannels, a.s.OutChannels
	stride := a.columns * floatSize
	vectors := exec.CeilDiv(tiles, lanes)
	for point := range winogradPoints {
		u := a.u[(point*out+k0)*in:]
		for at := 0; at < vectors; {
			n := nextVectors(len(loops.Products), vectors-at)
			loops.Products[n-1]((k1-k0)/quad, &u[0], in, &v[point*a.inPoint+at*lanes], stride,
				&m[point*a.outPoint+at*lanes], stride)
			at += n
		}
	}
}

// nextVectors returns how many of the vectors that are left the next product takes, at most widest. Two products of about
// the same width are faster than a wide and a narrow one.
func nextVectors(widest, left int) int {
	if left > widest && left < 2*widest {
		return exec.CeilDiv(left, 2)
	}
	return min(left, widest)
}

// storeTileRow transforms a row of tiles of one output channel back and stores it. m starts at the row's first tile.
func (a *winogradArgs) storeTileRow(loops *kernels.Winograd, m []float32, channel, tileRow, groups int, result, temporary []float32) {
	transform, side, outH, outW := loops.Output, winogradTile, a.outH, a.outW
	if a.epilogue.MaxPool {
		transform, side, outH, outW = loops.OutputPool, winogradTile/2, a.outH/2, a.outW/2
	}
	var bias float32
	if a.bias != nil {
		bias = a.bias[channel]
	}
	image, oy := tileRow/a.tilesH, tileRow%a.tilesH*side
	y := a.y[((image*a.s.OutChannels+channel)*outH+oy)*outW:]
	pointStride, next := a.outPoint*floatSize, a.columns*floatSize
	// Whole groups go straight to y, the rest of the row by way of result.
	whole := outW / (lanes * side)
	if oy+side > outH {
		whole = 0
	}
	if whole > 0 {
		transform(whole, &m[0], pointStride, next, bias, a.epilogue.floor(), &y[0], outW*floatSize, &temporary[0])
	}
	if whole == groups || outH <= oy {
		return
	}
	width := (groups - whole) * lanes * side
	done := whole * lanes * side
	transform(groups-whole, &m[whole*lanes], pointStride, next, bias, a.epilogue.floor(), &result[0], width*floatSize, &temporary[0])
	for i := range min(side, outH-oy) {
		copy(y[i*outW+done:][:outW-done], result[i*width:])
	}
}
