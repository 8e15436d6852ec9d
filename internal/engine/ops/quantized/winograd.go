// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantized

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// The 3×3 convolution with stride 1 of many channels of 8 bits is computed by Winograd's F(4×4, 3×3) in integers, which
// takes a quarter of the multiplications and is exact:
//
//   - The transform of the input, Bᵀ·d·B, has integer coefficients: with d from 0 to 255, no element exceeds
//     (2·2 + 8·8)·255 = 17340, which 16 bits hold.
//   - The transform of the weights has fractions. Its rows are multiplied by 24, the last one, for want of bits, by 12, for
//     which the output's transform makes up: no element exceeds 12·12·128 = 18432.
//   - The products are added up in 32 bits, and transformed back, modulo 2³². The result is 24²·y = 2⁶·9·y. Multiplying it
//     by the inverse of 9 modulo 2³² leaves 2⁶·y, of which a shift makes y, provided that y fits in 26 bits. The weights
//     tell beforehand whether it always does.

const (
	// winogradLimit bounds |Σ w·x|.
	winogradLimit = 1<<25 - 1
	// winogradChannels is the number of channels that input and output must have a multiple of.
	winogradChannels = 16
	// winogradLeastTiles is the least number of tiles of an image that repays reading the transformed weights.
	winogradLeastTiles = 12
	// winogradTiles is about how many tiles a block has, a multiple of DotRows.
	winogradTiles = 48
)

// transformWeights fills w, [36][OutChannels/16][InChannels/2][16][2], with the transformed weights.
func (p *Prepared) transformWeights() {
	s := p.Shape
	p.units, p.runs = s.InChannels/2, []int{0}
	p.w = make([]int16, winogradPoints*s.OutChannels*s.InChannels)
	for k := range s.OutChannels {
		for c := range s.InChannels {
			var g [9]int32
			for tap, w := range p.Weights[(k*s.InChannels+c)*9:][:9] {
				g[tap] = int32(w)
			}
			for point, v := range transformIntegerKernel(&g) {
				tile := p.w[(point*s.OutChannels+k/dotOuts*dotOuts)*s.InChannels:]
				tile[(c/2*dotOuts+k%dotOuts)*2+c%2] = int16(v)
			}
		}
	}
}

// transformIntegerKernel returns 24·G·g·(24·G)ᵀ, its last row and its last column halved.
func transformIntegerKernel(g *[9]int32) [winogradPoints]int32 {
	column := func(a, b, c int32) [6]int32 {
		ends, spread := a+c, a+4*c
		return [6]int32{6 * a, -4 * (ends + b), -4 * (ends - b), spread + 2*b, spread - 2*b, 12 * c}
	}
	c0, c1, c2 := column(g[0], g[3], g[6]), column(g[1], g[4], g[7]), column(g[2], g[5], g[8])
	var u [winogradPoints]int32
	for i := range 6 {
		row := column(c0[i], c1[i], c2[i])
		copy(u[6*i:], row[:])
	}
	return u
}

// runWinograd runs a convolution.
func runWinograd(ws *exec.Workspace, a *convArgs) {
	a.tilesH, a.tilesW = exec.CeilDiv(a.outH, winogradTile), exec.CeilDiv(a.outW, winogradTile)
	total := a.s.Batch * a.tilesH
	a.rows = min(max(winogradTiles/a.tilesW, 1), total)
	a.bands = exec.CeilDiv(total, a.rows)
	a.rows = exec.CeilDiv(total, a.bands)
	a.splits = min(exec.CeilDiv(2*ws.Threads(), a.bands), a.s.OutChannels/dotOuts)
	ws.Run(a.bands*a.splits, winogradPart)
}

// winogradPart computes a share of the output channels of one block.
func winogradPart(ws *exec.Workspace, worker, part int) {
	a, state, loops := &states.Of(ws).conv, ws.Worker(worker), ws.Kernels().Quantized
	block, split := part/a.splits, part%a.splits
	first := block * a.rows
	last := min(first+a.rows, a.s.Batch*a.tilesH)
	in := a.s.InChannels
	tiles := (last - first) * a.tilesW
	groups := exec.CeilDiv(tiles, dotRows)
	points := groups * dotRows // of a plane of V or M

	const inputScratch, outputScratch = winogradPoints * 16, winogradPoints * halfOuts
	stripLen, vLen, mLen, resultLen := (winogradTile+2)*a.stripBytes(), winogradPoints*points*in, winogradPoints*points*dotOuts, a.resultBytes()
	scratch := state.Scratch(viewFloats[uint8](stripLen) + viewFloats[int16](vLen) + viewFloats[int32](mLen) +
		viewFloats[int16](inputScratch) + viewFloats[int32](outputScratch) + viewFloats[uint8](resultLen))
	strip, scratch := viewAs[uint8](scratch, stripLen)
	v, scratch := viewAs[int16](scratch, vLen)
	m, scratch := viewAs[int32](scratch, mLen)
	temporaryIn, scratch := viewAs[int16](scratch, inputScratch)
	temporaryOut, scratch := viewAs[int32](scratch, outputScratch)
	result, _ := viewAs[uint8](scratch, resultLen)

	state.Offsets = exec.Grow(state.Offsets, points)
	for i := range points {
		state.Offsets[i] = min(i, tiles-1) * in * 2
	}
	for row := first; row < last; row++ {
		a.loadStrip(strip, row)
		loops.WinogradInput(a.tilesW, in/16, &strip[0], a.inPixel, a.stripBytes(), &v[(row-first)*a.tilesW*in], points*in*2, &temporaryIn[0])
	}
	outTiles := a.s.OutChannels / dotOuts
	for k := split * outTiles / a.splits * dotOuts; k < (split+1)*outTiles/a.splits*dotOuts; k += dotOuts {
		for point := range winogradPoints {
			loops.DotTiles(groups, &state.Offsets[0], &v[point*points*in], 1, &a.p.runs[0], a.p.units,
				&a.p.w[(point*a.s.OutChannels+k)*in], &m[point*points*dotOuts])
		}
		for row := first; row < last; row++ {
			for half := range 2 {
				a.storeTiles(loops, m[(row-first)*a.tilesW*dotOuts+half*halfOuts:], points*dotOuts*floatSize, k+half*halfOuts, row, result, temporaryOut)
			}
		}
	}
}

// stripBytes returns the bytes of a row of a strip: a row of tiles' pixels and the 2 that the last shares.
func (a *convArgs) stripBytes() int { return (a.tilesW*winogradTile + 2) * a.inPixel }

// resultBytes returns the bytes of the results of a row of tiles for 8 output channels.
func (a *convArgs) resultBytes() int { return a.tilesW * winogradTile * winogradTile * halfOuts }

// loadStrip copies the 6 rows of pixels that a row of tiles needs, with their padding.
func (a *convArgs) loadStrip(strip []uint8, tileRow int) {
	s := &a.s
	image, oy := tileRow/a.tilesH, tileRow%a.tilesH*winogradTile
	left, width := s.PadLeft*a.inPixel, s.InWidth*a.inPixel
	for i := range winogradTile + 2 {
		row := strip[i*a.stripBytes():][:a.stripBytes()]
		iy := oy - s.PadTop + i
		if uint(iy) >= uint(s.InHeight) {
			fill(row, a.p.InZero)
			continue
		}
		fill(row[:left], a.p.InZero)
		n := copy(row[left:], a.x[(image*s.InHeight+iy)*width:][:width])
		fill(row[left+n:], a.p.InZero)
	}
}

// storeTiles transforms a row of tiles of 8 output channels from k on back and stores it. m starts at the row's first tile.
func (a *convArgs) storeTiles(loops *kernels.Quantized, m []int32, pointStride, k, tileRow int, result []uint8, temporary []int32) {
	p := a.p
	transform, side, outH, outW := loops.WinogradOutput, winogradTile, a.outH, a.outW
	if p.MaxPool {
		transform, side, outH, outW = loops.WinogradOutputPool, winogradTile/2, a.outH/2, a.outW/2
	}
	image, oy := tileRow/a.tilesH, tileRow%a.tilesH*side
	if oy >= outH {
		return
	}
	y := a.y[((image*outH+oy)*outW)*a.outPixel+k:]
	// Whole tiles go straight to y, the rest of the row by way of result.
	whole := outW / side
	if oy+side > outH {
		whole = 0
	}
	if whole > 0 {
		transform(whole, &m[0], pointStride, &p.bias[k], &p.scale[k], &p.to.High[0], &y[0], a.outPixel, outW*a.outPixel, &temporary[0])
	}
	done := whole * side
	if done >= outW {
		return
	}
	width := (a.tilesW - whole) * side
	transform(a.tilesW-whole, &m[whole*dotOuts], pointStride, &p.bias[k], &p.scale[k], &p.to.High[0], &result[0], halfOuts, width*halfOuts, &temporary[0])
	for i := range min(side, outH-oy) {
		for j := range outW - done {
			copy(y[(i*outW+done+j)*a.outPixel:][:halfOuts], result[(i*width+j)*halfOuts:])
		}
	}
}
