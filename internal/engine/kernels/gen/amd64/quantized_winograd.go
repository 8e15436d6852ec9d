// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Winograd's F(4×4, 3×3) in integers: lanes are channels, so that tiles need no transposes. How it stays exact is told in
// quantized_winograd.go of package kernels.

// integerInputTransform is inputTransform for 16 lanes of 16 bits.
func integerInputTransform(d [points]reg.VecVirtual, store func(i int, t reg.VecVirtual)) {
	even, odd, quadruple, t := YMM(), YMM(), YMM(), YMM()
	// t1, t2 = (d4 - 4·d2) ± (d3 - 4·d1)
	VPSLLW(Imm(2), d[2], quadruple)
	VPSUBW(quadruple, d[4], even)
	VPSLLW(Imm(2), d[1], odd)
	VPSUBW(odd, d[3], odd)
	VPADDW(odd, even, t)
	store(1, t)
	VPSUBW(odd, even, even)
	store(2, even)
	// t0 = (d4 - d2) - 4·(d2 - d0), t3, t4 = (d4 - d2) ± 2·(d3 - d1), t5 = (d5 - d3) - 4·(d3 - d1)
	VPSUBW(d[2], d[4], even)
	VPSUBW(d[0], d[2], t)
	VPSLLW(Imm(2), t, t)
	VPSUBW(t, even, t)
	store(0, t)
	VPSUBW(d[1], d[3], odd)
	VPADDW(odd, odd, odd)
	VPADDW(odd, even, t)
	store(3, t)
	VPSUBW(odd, even, even)
	store(4, even)
	VPADDW(odd, odd, odd)
	VPSUBW(d[3], d[5], t)
	VPSUBW(odd, t, t)
	store(5, t)
}

// quantizedWinogradInput generates the transform of the input.
func quantizedWinogradInput() {
	function("quantizedWinogradInput", "func(tiles, vectors int, x *uint8, pixelStride, rowStride int, v *int16, pointStride int, scratch *int16)")
	Doc("quantizedWinogradInput transforms tiles ≥ 1 of 6×6 pixels, 4 pixels apart, of vectors ≥ 1 of 16 channels each. Point",
		"(i, j) of a tile goes to v at (6·i+j)·pointStride; tiles follow one another. scratch has 36 vectors of 16. Strides are",
		"in bytes.")
	x := Load(Param("x"), GP64())
	v := Load(Param("v"), GP64())
	pixelStride := Load(Param("pixelStride"), GP64())
	rowStride := Load(Param("rowStride"), GP64())
	pointStride := Load(Param("pointStride"), GP64())
	scratch := Load(Param("scratch"), GP64())
	rowStep := GP64()
	IMUL3Q(Imm(points), pointStride, rowStep)
	tiles := Load(Param("tiles"), GP64())

	Label("quantizedInputTile")
	vectors := Load(Param("vectors"), GP64())
	channels := GP64()
	MOVQ(x, channels)
	Label("quantizedInputVector")
	pixel, temporary, count := GP64(), GP64(), GP64()
	MOVQ(channels, pixel)
	MOVQ(scratch, temporary)
	MOVQ(U32(points), count)
	Label("quantizedInputColumn")
	var d [points]reg.VecVirtual
	row := GP64()
	MOVQ(pixel, row)
	for i := range d {
		d[i] = YMM()
		VPMOVZXBW(Mem{Base: row}, d[i])
		if i < points-1 {
			ADDQ(rowStride, row)
		}
	}
	integerInputTransform(d, func(i int, t reg.VecVirtual) {
		VMOVDQU(t, Mem{Base: temporary, Disp: vectorBytes * points * i})
	})
	ADDQ(pixelStride, pixel)
	ADDQ(Imm(vectorBytes), temporary)
	DECQ(count)
	JNZ(LabelRef("quantizedInputColumn"))

	MOVQ(scratch, temporary)
	out := GP64()
	MOVQ(v, out)
	MOVQ(U32(points), count)
	Label("quantizedInputRow")
	for j := range d {
		d[j] = YMM()
		VMOVDQU(Mem{Base: temporary, Disp: vectorBytes * j}, d[j])
	}
	step3 := GP64()
	LEAQ(Mem{Base: pointStride, Index: pointStride, Scale: 2}, step3)
	high := GP64()
	LEAQ(Mem{Base: out, Index: step3, Scale: 1}, high)
	integerInputTransform(d, func(j int, t reg.VecVirtual) {
		base := Mem{Base: out}
		if j >= 3 {
			base = Mem{Base: high}
		}
		if j%3 > 0 {
			base.Index, base.Scale = pointStride, uint8(j%3)
		}
		VMOVDQU(t, base)
	})
	ADDQ(U32(vectorBytes*points), temporary)
	ADDQ(rowStep, out)
	DECQ(count)
	JNZ(LabelRef("quantizedInputRow"))
	ADDQ(Imm(vectorBytes), v)
	ADDQ(Imm(16), channels)
	DECQ(vectors)
	JNZ(LabelRef("quantizedInputVector"))
	LEAQ(Mem{Base: x, Index: pixelStride, Scale: outputs}, x)
	DECQ(tiles)
	JNZ(LabelRef("quantizedInputTile"))
	VZEROUPPER()
	RET()
}

// integerOutputTransform is outputTransform for 8 lanes of 32 bits, the last point counting twice.
func integerOutputTransform(m [points]reg.VecVirtual) [outputs]reg.VecVirtual {
	sum34, difference34 := YMM(), YMM()
	VPADDD(m[4], m[3], sum34)
	VPSUBD(m[4], m[3], difference34)
	sum12, difference12 := m[3], m[4]
	VPADDD(m[2], m[1], sum12)
	VPSUBD(m[2], m[1], difference12)
	VPADDD(sum12, m[0], m[0])
	VPADDD(sum34, m[0], m[0])
	VPSLLD(Imm(2), sum34, sum34)
	VPADDD(sum34, sum12, sum12)
	VPADDD(m[5], m[5], m[5])
	VPADDD(difference12, m[5], m[5])
	VPADDD(difference34, difference34, difference34)
	VPADDD(difference34, difference12, difference12)
	VPSLLD(Imm(2), difference34, difference34)
	VPADDD(difference34, m[5], m[5])
	return [outputs]reg.VecVirtual{m[0], difference12, sum12, m[5]}
}

// inverseOf9 times 9 is 1 modulo 2³².
const inverseOf9 = 0x38E38E39

// quantizedWinogradOutput generates the transform of the output; with pooling, 2×2 pixels become their largest.
func quantizedWinogradOutput(name string, pooling bool) {
	function(name, "func(tiles int, m *int32, pointStride int, bias *int32, scale *float32, to *float32, y *uint8, pixelStride, rowStride int, scratch *int32)")
	if pooling {
		Doc(name+" is quantizedWinogradOutput with 2×2 max pooling: 2 rows of 2 pixels a tile go to y.", "")
	} else {
		Doc(name+" transforms tiles ≥ 1 of 8 output channels back and writes 4 rows of 4 pixels a",
			"tile to y, 8 bytes each, as requantize16 does. Point (i, j) is at m plus (6·i+j)·pointStride; tiles are 16 elements",
			"apart. scratch has 24 vectors of 8. Strides are in bytes.")
	}
	m := Load(Param("m"), GP64())
	pointStride := Load(Param("pointStride"), GP64())
	y := Load(Param("y"), GP64())
	rowStride := Load(Param("rowStride"), GP64())
	pixelStride := Load(Param("pixelStride"), GP64())
	scratch := Load(Param("scratch"), GP64())
	bias := Load(Param("bias"), GP64())
	scale := Load(Param("scale"), GP64())
	step := GP64()
	IMUL3Q(Imm(points), pointStride, step)
	tiles := Load(Param("tiles"), GP64())
	inverse := integers(inverseOf9)
	o := newOutput()

	Label(name + "Tile")
	temporary, column, count := GP64(), GP64(), GP64()
	MOVQ(scratch, temporary)
	MOVQ(m, column)
	MOVQ(U32(points), count)
	Label(name + "Column")
	var values [points]reg.VecVirtual
	in := GP64()
	MOVQ(column, in)
	for i := range values {
		values[i] = YMM()
		VMOVDQU(Mem{Base: in}, values[i])
		if i < points-1 {
			ADDQ(step, in)
		}
	}
	for i, t := range integerOutputTransform(values) {
		VMOVDQU(t, Mem{Base: temporary, Disp: vectorBytes * points * i})
	}
	ADDQ(Imm(vectorBytes), temporary)
	ADDQ(pointStride, column)
	DECQ(count)
	JNZ(LabelRef(name + "Column"))

	load := func(at int) [outputs]reg.VecVirtual {
		for j := range values {
			values[j] = YMM()
			VMOVDQU(Mem{Base: temporary, Disp: vectorBytes * (points*at + j)}, values[j])
		}
		t := integerOutputTransform(values)
		for _, v := range t {
			VPMULLD(inverse, v, v)
		}
		return t
	}
	finish := func(t [outputs]reg.VecVirtual) reg.VecVirtual {
		for _, v := range t {
			VPSRAD(Imm(6), v, v)
			VPADDD(Mem{Base: bias}, v, v)
			o.scale(v, Mem{Base: scale})
		}
		return o.packInOrder(t[0], t[1], t[2], t[3])
	}
	row := GP64()
	MOVQ(scratch, temporary)
	MOVQ(y, row)
	if pooling {
		var pooled [outputs]reg.VecVirtual
		for pair := range 2 {
			t := load(2 * pair)
			left, right := t[0], t[2]
			VPMAXSD(t[1], left, left)
			VPMAXSD(t[3], right, right)
			t = load(2*pair + 1)
			VPMAXSD(t[0], left, left)
			VPMAXSD(t[1], left, left)
			VPMAXSD(t[2], right, right)
			VPMAXSD(t[3], right, right)
			pooled[2*pair], pooled[2*pair+1] = left, right
		}
		bytes := finish(pooled)
		high := XMM()
		VEXTRACTI128(Imm(1), bytes, high)
		storePair(bytes.AsX(), row, pixelStride)
		ADDQ(rowStride, row)
		storePair(high, row, pixelStride)
		LEAQ(Mem{Base: y, Index: pixelStride, Scale: 2}, y)
	} else {
		MOVQ(U32(outputs), count)
		Label(name + "Row")
		bytes := finish(load(0))
		high, right := XMM(), GP64()
		VEXTRACTI128(Imm(1), bytes, high)
		storePair(bytes.AsX(), row, pixelStride)
		LEAQ(Mem{Base: row, Index: pixelStride, Scale: 2}, right)
		storePair(high, right, pixelStride)
		ADDQ(U32(vectorBytes*points), temporary)
		ADDQ(rowStride, row)
		DECQ(count)
		JNZ(LabelRef(name + "Row"))
		LEAQ(Mem{Base: y, Index: pixelStride, Scale: outputs}, y)
	}
	ADDQ(Imm(2*vectorBytes), m)
	DECQ(tiles)
	JNZ(LabelRef(name + "Tile"))
	VZEROUPPER()
	RET()
}

// storePair stores 8 bytes for each of two pixels.
func storePair(v reg.Register, at, pixelStride reg.Register) {
	VMOVQ(v, Mem{Base: at})
	VPEXTRQ(Imm(1), v, Mem{Base: at, Index: pixelStride, Scale: 1})
}
