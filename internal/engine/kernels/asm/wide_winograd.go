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

// wideWinogradInput generates winogradInput for 16 tiles.
func wideWinogradInput() {
	function("wideWinogradInput", "func(groups int, x *float32, rowStride int, v *float32, pointStride int, scratch *float32)")
	Doc("wideWinogradInput transforms groups ≥ 1 of 16 neighbouring tiles: each reads 6×6 pixels, 4 apart from tile to tile,",
		"from x, whose rows have 4 pixels more than the groups' 64. Point (i, j) of the tiles goes to v at (6·i+j)·pointStride.",
		"scratch has 36 vectors of 16. Strides are in bytes.")
	groups := Load(Param("groups"), GP64())
	x := Load(Param("x"), GP64())
	rowStride := Load(Param("rowStride"), GP64())
	v := Load(Param("v"), GP64())
	pointStride := Load(Param("pointStride"), GP64())
	scratch := Load(Param("scratch"), GP64())
	two, four, five := wideIntegers(bitsOf2), wideIntegers(bitsOf4), wideIntegers(bitsOf5)
	firstColumns := wideTable("firstColumns", func(i int) int { return i%8*outputs + i/8 })
	lastColumns := wideTable("lastColumns", func(i int) int { return i%8*outputs + i/8 + 2 })

	Label("wideWinogradInputGroup")
	row, temporary, count := GP64(), GP64(), GP64()
	MOVQ(x, row)
	MOVQ(scratch, temporary)
	MOVQ(U32(points), count)
	Label("wideWinogradInputRow")
	var d [points]reg.VecVirtual
	columns := wideColumnsOfTiles(row, firstColumns, lastColumns)
	copy(d[:], columns[:])
	for i := range 2 {
		d[outputs+i] = nextTiles(columns[i], Mem{Base: row, Disp: wideBytes*outputs + 4*i})
	}
	inputTransform(ZMM, d, two, four, five, func(j int, t reg.VecVirtual) {
		VMOVUPS(t, Mem{Base: temporary, Disp: wideBytes * j})
	})
	ADDQ(rowStride, row)
	ADDQ(U32(wideBytes*points), temporary)
	DECQ(count)
	JNZ(LabelRef("wideWinogradInputRow"))

	MOVQ(scratch, temporary)
	column := GP64()
	MOVQ(v, column)
	MOVQ(U32(points), count)
	Label("wideWinogradInputColumn")
	for i := range d {
		d[i] = ZMM()
		VMOVUPS(Mem{Base: temporary, Disp: wideBytes * points * i}, d[i])
	}
	inputTransform(ZMM, d, two, four, five, func(i int, t reg.VecVirtual) {
		out := GP64()
		IMUL3Q(Imm(uint64(points*i)), pointStride, out)
		VMOVUPS(t, Mem{Base: column, Index: out, Scale: 1})
	})
	ADDQ(Imm(wideBytes), temporary)
	ADDQ(pointStride, column)
	DECQ(count)
	JNZ(LabelRef("wideWinogradInputColumn"))
	ADDQ(U32(wideBytes*outputs), x)
	ADDQ(Imm(wideBytes), v)
	DECQ(groups)
	JNZ(LabelRef("wideWinogradInputGroup"))
	VZEROUPPER()
	RET()
}

// wideWinogradOutput generates winogradOutput for 16 tiles.
func wideWinogradOutput(name string, pooling bool) {
	rows := outputs
	function(name, "func(groups int, m *float32, pointStride int, bias, floor float32, y *float32, rowStride int, scratch *float32)")
	if pooling {
		rows /= 2
		Doc(name+" is wideWinogradOutput with 2×2 max pooling: 2 rows of 2 pixels a tile go to y.", "")
	} else {
		Doc(name+" transforms groups ≥ 1 of 16 neighbouring tiles back, adds bias, raises what is below floor to it",
			"and writes 4 rows of 4 pixels a tile to y. Point (i, j) is at m plus (6·i+j)·pointStride. scratch has 24 vectors of",
			"16. Strides are in bytes.")
	}
	groups := Load(Param("groups"), GP64())
	m := Load(Param("m"), GP64())
	pointStride := Load(Param("pointStride"), GP64())
	bias, floor := wideBound("bias"), wideBound("floor")
	y := Load(Param("y"), GP64())
	rowStride := Load(Param("rowStride"), GP64())
	scratch := Load(Param("scratch"), GP64())
	two, four, eight := wideIntegers(bitsOf2), wideIntegers(bitsOf4), wideIntegers(bitsOf8)
	low, high := lowPairs(), highPairs()

	Label(name + "Group")
	temporary, column, count, step := GP64(), GP64(), GP64(), GP64()
	MOVQ(scratch, temporary)
	MOVQ(m, column)
	MOVQ(U32(points), count)
	IMUL3Q(Imm(points), pointStride, step)
	Label(name + "Column")
	var values [points]reg.VecVirtual
	in := GP64()
	MOVQ(column, in)
	for i := range values {
		values[i] = ZMM()
		VMOVUPS(Mem{Base: in}, values[i])
		if i < points-1 {
			ADDQ(step, in)
		}
	}
	for i, t := range outputTransform(ZMM, values, two, four, eight) {
		VMOVUPS(t, Mem{Base: temporary, Disp: wideBytes * points * i})
	}
	ADDQ(Imm(wideBytes), temporary)
	ADDQ(pointStride, column)
	DECQ(count)
	JNZ(LabelRef(name + "Column"))

	MOVQ(scratch, temporary)
	row := GP64()
	MOVQ(y, row)
	MOVQ(U32(uint32(rows)), count)
	Label(name + "Row")
	load := func(at int) [outputs]reg.VecVirtual {
		for j := range values {
			values[j] = ZMM()
			VMOVUPS(Mem{Base: temporary, Disp: wideBytes * (points*at + j)}, values[j])
		}
		return outputTransform(ZMM, values, two, four, eight)
	}
	t := load(0)
	if pooling {
		below := load(1)
		for i := range t {
			VMAXPS(below[i], t[i], t[i])
		}
		for i := 0; i < outputs; i += 2 {
			VMAXPS(t[i+1], t[i], t[i])
			finish(t[i], bias, floor)
		}
		VMOVUPS(selected(low, t[0], t[2]), Mem{Base: row})
		VMOVUPS(selected(high, t[0], t[2]), Mem{Base: row, Disp: wideBytes})
		ADDQ(U32(2*wideBytes*points), temporary)
	} else {
		for _, v := range t {
			finish(v, bias, floor)
		}
		// The pixels of tiles 0, 1, … are t[0][0], t[1][0], t[2][0], t[3][0], t[0][1], …
		for half, pairs := range []reg.VecVirtual{low, high} {
			even, odd := selected(pairs, t[0], t[2]), selected(pairs, t[1], t[3])
			VMOVUPS(selected(low, even, odd), Mem{Base: row, Disp: wideBytes * 2 * half})
			VMOVUPS(selected(high, even, odd), Mem{Base: row, Disp: wideBytes * (2*half + 1)})
		}
		ADDQ(U32(wideBytes*points), temporary)
	}
	ADDQ(rowStride, row)
	DECQ(count)
	JNZ(LabelRef(name + "Row"))
	ADDQ(Imm(wideBytes), m)
	ADDQ(U32(uint32(wideBytes*rows)), y)
	DECQ(groups)
	JNZ(LabelRef(name + "Group"))
	VZEROUPPER()
	RET()
}
