// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Winograd's transforms of 16 neighbouring tiles at a time, a tile to a lane.

// wideColumnsOfTiles returns the four columns of pixels of 16 tiles that lie side by side in memory.
func wideColumnsOfTiles(pixels reg.Register, firstColumns, lastColumns reg.VecVirtual) [outputs]reg.VecVirtual {
	var halves [2][2]reg.VecVirtual // of 8 tiles: two columns, one after the other
	for half := range halves {
		a, b := ZMM(), ZMM()
		VMOVUPS(Mem{Base: pixels, Disp: wideBytes * 2 * half}, a)
		VMOVUPS(Mem{Base: pixels, Disp: wideBytes * (2*half + 1)}, b)
		halves[half] = [2]reg.VecVirtual{selected(firstColumns, a, b), selected(lastColumns, a, b)}
	}
	var columns [outputs]reg.VecVirtual
	for i := range 2 {
		first, second := ZMM(), ZMM()
		VSHUFF64X2(Imm(lowHalves), halves[1][i], halves[0][i], first)
		VSHUFF64X2(Imm(highHalves), halves[1][i], halves[0][i], second)
		columns[2*i], columns[2*i+1] = first, second
	}
	return columns
}

// Selectors of VSHUFF64X2: the lower, or the upper, halves of two vectors.
const (
	lowHalves  = 0x44
	highHalves = 0xEE
)

// nextTiles returns a column of the tiles that are one further on; the last one's first pixel is at address.
func nextTiles(column reg.VecVirtual, address Mem) reg.VecVirtual {
	beyond, v := ZMM(), ZMM()
	VBROADCASTSS(address, beyond)
	VALIGND(Imm(1), column, beyond, v)
	return v
}

var vectorsOf16 = vectorSize{wideBytes, ZMM, wideIntegers, wideBound}

// wideWinogradInput generates winogradInput for 16 tiles.
func wideWinogradInput() {
	function("wideWinogradInput", winogradInputSignature)
	Doc("wideWinogradInput transforms groups ≥ 1 of 16 neighbouring tiles: each reads 6×6 pixels, 4 apart from tile to tile,",
		"from x, whose rows have 4 pixels more than the groups' 64. Point (i, j) of the tiles goes to v at (6·i+j)·pointStride.",
		"scratch has 36 vectors of 16. Strides are in bytes.")
	winogradInputBody("wideWinogradInput", vectorsOf16, vectorsOfTiles(wideBytes), func() func(row reg.Register) [points]reg.VecVirtual {
		firstColumns := wideTable("firstColumns", func(i int) int { return i%8*outputs + i/8 })
		lastColumns := wideTable("lastColumns", func(i int) int { return i%8*outputs + i/8 + 2 })
		return func(row reg.Register) [points]reg.VecVirtual {
			var d [points]reg.VecVirtual
			columns := wideColumnsOfTiles(row, firstColumns, lastColumns)
			copy(d[:], columns[:])
			for i := range 2 {
				d[outputs+i] = nextTiles(columns[i], Mem{Base: row, Disp: wideBytes*outputs + 4*i})
			}
			return d
		}
	})
}

// wideWinogradOutput generates winogradOutput for 16 tiles.
func wideWinogradOutput(name string, pooling bool) {
	function(name, winogradOutputSignature)
	store := wideStoreTiles
	if pooling {
		Doc(name+" is wideWinogradOutput with 2×2 max pooling: 2 rows of 2 pixels a tile go to y.", "")
		store = wideStorePooledTiles
	} else {
		Doc(name+" transforms groups ≥ 1 of 16 neighbouring tiles back, adds bias, raises what is below floor to it",
			"and writes 4 rows of 4 pixels a tile to y. Point (i, j) is at m plus (6·i+j)·pointStride. scratch has 24 vectors of",
			"16. Strides are in bytes.")
	}
	winogradOutputBody(name, vectorsOf16, pooling, func() tileStore { return store(lowPairs(), highPairs()) })
}

// wideStorePooledTiles writes the largest of 2×2 pixels of 16 tiles.
func wideStorePooledTiles(low, high reg.VecVirtual) tileStore {
	return func(row reg.Register, load func(i int) [outputs]reg.VecVirtual, done func(v reg.VecVirtual)) {
		t := load(0)
		below := load(1)
		for i := range t {
			VMAXPS(below[i], t[i], t[i])
		}
		for i := 0; i < outputs; i += 2 {
			VMAXPS(t[i+1], t[i], t[i])
			done(t[i])
		}
		VMOVUPS(selected(low, t[0], t[2]), Mem{Base: row})
		VMOVUPS(selected(high, t[0], t[2]), Mem{Base: row, Disp: wideBytes})
	}
}

// wideStoreTiles writes the pixels of 16 tiles.
func wideStoreTiles(low, high reg.VecVirtual) tileStore {
	return func(row reg.Register, load func(i int) [outputs]reg.VecVirtual, done func(v reg.VecVirtual)) {
		t := load(0)
		for _, v := range t {
			done(v)
		}
		// The pixels of tiles 0, 1, … are t[0][0], t[1][0], t[2][0], t[3][0], t[0][1], …
		for half, pairs := range []reg.VecVirtual{low, high} {
			even, odd := selected(pairs, t[0], t[2]), selected(pairs, t[1], t[3])
			VMOVUPS(selected(low, even, odd), Mem{Base: row, Disp: wideBytes * 2 * half})
			VMOVUPS(selected(high, even, odd), Mem{Base: row, Disp: wideBytes * (2*half + 1)})
		}
	}
}
