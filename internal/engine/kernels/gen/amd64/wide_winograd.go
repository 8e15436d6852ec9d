// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Winograd's transforms of 16 neighboring tiles at a time, a tile to a lane.

// wideColumnsOfTiles returns the first four columns of 16 tiles, given their pixels, 4 tiles to a vector.
func wideColumnsOfTiles(pixels [outputs]reg.VecVirtual, firstColumns, lastColumns reg.VecVirtual) [outputs]reg.VecVirtual {
	var halves [2][2]reg.VecVirtual // of 8 tiles: two columns, one after the other
	for half := range halves {
		a, b := pixels[2*half], pixels[2*half+1]
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

// nextTiles returns a column of the tiles that are one further on; the last one's is the first element of beyond.
func nextTiles(column, beyond reg.VecVirtual) reg.VecVirtual {
	v := ZMM()
	VALIGND(Imm(1), column, beyond, v)
	return v
}

var vectorsOf16 = vectorSize{wideBytes, ZMM, wideIntegers, wideBound}

// wideWinogradInput generates winogradInput for 16 tiles.
func wideWinogradInput() {
	function("wideWinogradInput", winogradInputSignature)
	Doc("wideWinogradInput is winogradInput for groups of 16 tiles: of 64 pixels a group and 16 more those are read whose masks are",
		"negative, zeros has 80 elements, and scratch 36 vectors of 16.")
	winogradInputBody("wideWinogradInput", vectorsOf16, vectorsOfTiles(wideBytes), func() tileSource {
		firstColumns := wideTable("firstColumns", func(i int) int { return i%8*outputs + i/8 })
		lastColumns := wideTable("lastColumns", func(i int) int { return i%8*outputs + i/8 + 2 })
		var inside [outputs + 1]reg.Register // the masks of a vector of tiles
		for i := range inside {
			inside[i] = K()
		}
		prepare := func(masks reg.Register) {
			for i := range inside {
				elements := ZMM()
				VMOVDQU32(Mem{Base: masks, Disp: wideBytes * i}, elements)
				VPMOVD2M(elements, inside[i])
			}
		}
		return planeTiles(vectorsOf16, prepare, func(row, _ reg.Register) [points]reg.VecVirtual {
			load := func(i int) reg.VecVirtual {
				v := ZMM()
				VMOVUPS_Z(Mem{Base: row, Disp: wideBytes * i}, inside[i], v)
				return v
			}
			var d [points]reg.VecVirtual
			columns := wideColumnsOfTiles([outputs]reg.VecVirtual{load(0), load(1), load(2), load(3)}, firstColumns, lastColumns)
			copy(d[:], columns[:])
			beyond := load(outputs)
			d[outputs] = nextTiles(columns[0], beyond)
			VALIGND(Imm(1), beyond, beyond, beyond)
			d[outputs+1] = nextTiles(columns[1], beyond)
			return d
		})
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
		Doc(name+" transforms groups ≥ 1 of 16 neighboring tiles back, adds bias, raises what is below floor to it",
			"and writes 4 rows of 4 pixels a tile to y. Point (i, j) is at m plus (6·i+j)·pointStride; what lies next behind it is",
			"fetched into the cache. scratch has 24 vectors of 16. Distances are in bytes.")
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
