// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Winograd's gradient of the weights sums over tiles, so here lanes are 8 neighboring channels.

// interleave generates the copy that brings 8 channels' pixels side by side.
func interleave() {
	function("interleave8", "func(vectors int, x *float32, planeStride int, y *float32)")
	Doc("interleave8 copies 8·vectors pixels, vectors ≥ 1, of 8 planes that are planeStride bytes apart from x to y, where the",
		"planes' values of a pixel lie side by side.")
	vectors := Load(Param("vectors"), GP64())
	x := Load(Param("x"), GP64())
	stride := Load(Param("planeStride"), GP64())
	y := Load(Param("y"), GP64())
	stride3, upper := GP64(), GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, stride3)
	LEAQ(Mem{Base: x, Index: stride, Scale: 4}, upper)

	plane := func(base reg.Register, i, disp int) Mem {
		if i == 3 {
			return Mem{Base: base, Index: stride3, Scale: 1, Disp: disp}
		}
		return rowAddress(base, stride, i, disp)
	}
	Label("interleaveVector")
	for half := range 2 {
		var rows [4]reg.VecVirtual // 4 pixels of plane i and of plane i + 4
		for i := range rows {
			rows[i] = YMM()
			VMOVUPS(plane(x, i, 16*half), rows[i].AsX())
			VINSERTF128(Imm(1), plane(upper, i, 16*half), rows[i], rows[i])
		}
		low01, high01, low23, high23 := YMM(), YMM(), YMM(), YMM()
		VUNPCKLPS(rows[1], rows[0], low01)
		VUNPCKHPS(rows[1], rows[0], high01)
		VUNPCKLPS(rows[3], rows[2], low23)
		VUNPCKHPS(rows[3], rows[2], high23)
		for i, pair := range [][2]reg.VecVirtual{{low01, low23}, {high01, high23}} {
			first, second := YMM(), YMM()
			VUNPCKLPD(pair[1], pair[0], first)
			VUNPCKHPD(pair[1], pair[0], second)
			VMOVUPS(first, Mem{Base: y, Disp: vectorBytes * (4*half + 2*i)})
			VMOVUPS(second, Mem{Base: y, Disp: vectorBytes * (4*half + 2*i + 1)})
		}
	}
	ADDQ(Imm(vectorBytes), x)
	ADDQ(Imm(vectorBytes), upper)
	ADDQ(U32(8*vectorBytes), y)
	DECQ(vectors)
	JNZ(LabelRef("interleaveVector"))
	VZEROUPPER()
	RET()
}

// winogradWeightsInput generates the transform of 8 channels' input.
func winogradWeightsInput() {
	function("winogradWeightsInput", "func(tiles int, x *float32, rowStride int, v *float32, quadStride, pointStride int, scratch *float32)")
	Doc("winogradWeightsInput transforms tiles ≥ 1 neighboring tiles of 6×6 pixels, 4 apart, of 8 channels: x has the channels of a",
		"pixel side by side. Point (i, j) of a tile goes to (6·i+j)·pointStride behind v, channels 4 to 7 quadStride further, and",
		"the next tile's 4 floats on. scratch has 36 vectors of 8. Strides are in bytes.")
	quadStride := Load(Param("quadStride"), GP64())
	quads := pointStore{"tiles", 4 * tileChannels, func(point reg.VecVirtual, at Mem) {
		VMOVUPS(point.AsX(), at)
		ADDQ(quadStride, at.Index)
		VEXTRACTF128(Imm(1), point, at)
	}}
	winogradInputBody("winogradWeightsInput", vectorsOf8, quads, channelTiles)
}

// channelTiles takes tiles of 8 channels from x, which has the channels of a pixel side by side.
func channelTiles() tileSource {
	x := Load(Param("x"), GP64())
	rowStride := Load(Param("rowStride"), GP64())
	row := GP64()
	return tileSource{
		begin: func() { MOVQ(x, row) },
		row: func() [points]reg.VecVirtual {
			var d [points]reg.VecVirtual
			for i := range d {
				d[i] = YMM()
				VMOVUPS(Mem{Base: row, Disp: vectorBytes * i}, d[i])
			}
			ADDQ(rowStride, row)
			return d
		},
		end: func() { ADDQ(U32(vectorBytes*outputs), x) },
	}
}

// gradientTransform passes the rows of A·d to store, for the four vectors d, which it overwrites.
func gradientTransform(d [outputs]reg.VecVirtual, two, four reg.VecVirtual, store func(i int, t reg.VecVirtual)) {
	store(0, d[0])
	store(5, d[3])
	even, odd, t := YMM(), YMM(), YMM()
	// t1, t2 = (d0 + d2) ± (d1 + d3)
	VADDPS(d[2], d[0], even)
	VADDPS(d[3], d[1], odd)
	VADDPS(odd, even, t)
	store(1, t)
	VSUBPS(odd, even, even)
	store(2, even)
	// t3, t4 = (d0 + 4·d2) ± 2·(d1 + 4·d3)
	VFMADD231PS(four, d[2], d[0])
	VFMADD231PS(four, d[3], d[1])
	VMOVAPS(d[0], t)
	VFMADD231PS(two, d[1], t)
	store(3, t)
	VFNMADD231PS(two, d[1], d[0])
	store(4, d[0])
}

// winogradWeightsGradient generates the transform of the gradient of 8 channels' output.
func winogradWeightsGradient() {
	const name = "winogradWeightsGradient"
	function(name, "func(tiles int, dy *float32, rowStride int, e *float32, tileStride, pointStride int, scratch *float32)")
	Doc("winogradWeightsGradient transforms tiles ≥ 1 neighboring tiles of 4×4 pixels of 8 channels, which lie side by side in dy, to",
		"6×6 points: point (i, j) goes to (6·i+j)·pointStride behind e, that of the next tile tileStride further. scratch has",
		"24 vectors of 8. Strides are in bytes.")
	tiles := Load(Param("tiles"), GP64())
	dy := Load(Param("dy"), GP64())
	rowStride := Load(Param("rowStride"), GP64())
	e := Load(Param("e"), GP64())
	tileStride := Load(Param("tileStride"), GP64())
	pointStride := Load(Param("pointStride"), GP64())
	scratch := Load(Param("scratch"), GP64())
	two, four := integers(bitsOf2), integers(bitsOf4)

	Label(name + "Tile")
	row, temporary, count := GP64(), GP64(), GP64()
	MOVQ(dy, row)
	MOVQ(scratch, temporary)
	MOVQ(U32(outputs), count)
	Label(name + "Row")
	var d [outputs]reg.VecVirtual
	for i := range d {
		d[i] = YMM()
		VMOVUPS(Mem{Base: row, Disp: vectorBytes * i}, d[i])
	}
	gradientTransform(d, two, four, func(j int, t reg.VecVirtual) {
		VMOVUPS(t, Mem{Base: temporary, Disp: vectorBytes * j})
	})
	ADDQ(rowStride, row)
	ADDQ(U32(vectorBytes*points), temporary)
	DECQ(count)
	JNZ(LabelRef(name + "Row"))

	MOVQ(scratch, temporary)
	column := GP64()
	MOVQ(e, column)
	MOVQ(U32(points), count)
	Label(name + "Column")
	for i := range d {
		d[i] = YMM()
		VMOVUPS(Mem{Base: temporary, Disp: vectorBytes * points * i}, d[i])
	}
	gradientTransform(d, two, four, func(i int, t reg.VecVirtual) {
		out := GP64()
		IMUL3Q(Imm(uint64(points*i)), pointStride, out)
		VMOVUPS(t, Mem{Base: column, Index: out, Scale: 1})
	})
	ADDQ(Imm(vectorBytes), temporary)
	ADDQ(pointStride, column)
	DECQ(count)
	JNZ(LabelRef(name + "Column"))
	ADDQ(U32(vectorBytes*outputs), dy)
	ADDQ(tileStride, e)
	DECQ(tiles)
	JNZ(LabelRef(name + "Tile"))
	VZEROUPPER()
	RET()
}
