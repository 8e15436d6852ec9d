// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The depthwise 3×3 convolution of bytes. Lanes are channels; transposing bytes within the vectors of four taps brings the
// four of a channel next to each other, where VPMADDUBSW and VPMADDWD add their products up.

// depthVectors is the number of vectors of 32-bit sums of 32 channels.
const depthVectors = 4

// The weights of 32 channels: two groups of four taps, and the ninth in 16 bits, the first half of 32.
const (
	depthGroupBytes = depthVectors * vectorBytes
	depthLast       = 2 * depthGroupBytes
	depthBytes      = 3 * depthGroupBytes
)

// depthwiseBytes generates the convolution of a row of pixels.
func depthwiseBytes() {
	function("depthwiseBytes32", "func(pixels int, x *uint8, pixelStep, rowStep, columnStep, passes int, w *int8, bias *int32, scale, to *float32, y *uint8, yStep int)")
	Doc("depthwiseBytes32 computes 3×3 windows of 32 channels for pixels ≥ 1. Windows are pixelStep bytes apart in x, the rows of",
		"one rowStep, its columns columnStep; the results in y are yStep apart. The weights, bias and scale, whose order",
		"packDepthwise knows, are the sum of passes ≥ 1 of 384 bytes each. As in requantize16, to is the range of the results.")
	var rows [3]reg.GPVirtual
	rowStep, columnStep, pixelStep := Load(Param("rowStep"), GP64()), Load(Param("columnStep"), GP64()), Load(Param("pixelStep"), GP64())
	for i := range rows {
		rows[i] = GP64()
		if i == 0 {
			Load(Param("x"), rows[i])
			continue
		}
		MOVQ(rows[i-1], rows[i])
		ADDQ(rowStep, rows[i])
	}
	// Of a pixel's row and column.
	at := func(tap int) Mem {
		m := Mem{Base: rows[tap/3]}
		if tap%3 > 0 {
			m.Index, m.Scale = columnStep, uint8(tap%3)
		}
		return m
	}
	bias, scale := Load(Param("bias"), GP64()), Load(Param("scale"), GP64())
	y, yStep := Load(Param("y"), GP64()), Load(Param("yStep"), GP64())
	pixels := Load(Param("pixels"), GP64())
	ones, zero := wordOnes(), YMM()
	VPXOR(zero, zero, zero)
	o := &output{to: Load(Param("to"), GP64())}

	Label("depthwiseBytesPixel")
	var sums [depthVectors]reg.VecVirtual
	for v := range sums {
		sums[v] = YMM()
		VMOVDQU(Mem{Base: bias, Disp: vectorBytes * v}, sums[v])
	}
	w, passes := Load(Param("w"), GP64()), Load(Param("passes"), GP64())
	Label("depthwiseBytesPass")
	for group := range 2 {
		for v, taps := range transposedTaps(at(4*group), at(4*group+1), at(4*group+2), at(4*group+3)) {
			VPMADDUBSW(Mem{Base: w, Disp: depthGroupBytes*group + vectorBytes*v}, taps, taps)
			VPMADDWD(ones, taps, taps)
			VPADDD(taps, sums[v], sums[v])
		}
	}
	last := YMM()
	VMOVDQU(at(8), last)
	low, high := interleavedBytes(last, zero)
	for v, tap := range interleavedWords(low, zero, high, zero) {
		VPMADDWD(Mem{Base: w, Disp: depthLast + vectorBytes*v}, tap, tap)
		VPADDD(tap, sums[v], sums[v])
	}
	ADDQ(U32(depthBytes), w)
	DECQ(passes)
	JNZ(LabelRef("depthwiseBytesPass"))
	for v, sum := range sums {
		o.scale(sum, Mem{Base: scale, Disp: vectorBytes * v})
	}
	VMOVDQU(o.pack(sums[0], sums[1], sums[2], sums[3]), Mem{Base: y})
	for _, row := range rows {
		ADDQ(pixelStep, row)
	}
	ADDQ(yStep, y)
	DECQ(pixels)
	JNZ(LabelRef("depthwiseBytesPixel"))
	VZEROUPPER()
	RET()
}

// transposedTaps loads 32 channels of four taps and returns vectors of 8 channels with their four taps side by side: 4 from
// v on in their first half, and 16 further on in the second.
func transposedTaps(t0, t1, t2, t3 Mem) [depthVectors]reg.VecVirtual {
	var x [4]reg.VecVirtual
	for i, tap := range []Mem{t0, t1, t2, t3} {
		x[i] = YMM()
		VMOVDQU(tap, x[i])
	}
	low01, high01 := interleavedBytes(x[0], x[1])
	low23, high23 := interleavedBytes(x[2], x[3])
	return interleavedWords(low01, low23, high01, high23)
}

// interleavedBytes returns the bytes of a and b in turns: of the lower and of the upper 8 of each half. It overwrites a.
func interleavedBytes(a, b reg.VecVirtual) (low, high reg.VecVirtual) {
	low = YMM()
	VPUNPCKLBW(b, a, low)
	VPUNPCKHBW(b, a, a)
	return low, a
}

// interleavedWords does so for 16 bits, of a and b and then of c and d. It overwrites a and c.
func interleavedWords(a, b, c, d reg.VecVirtual) [depthVectors]reg.VecVirtual {
	first, third := YMM(), YMM()
	VPUNPCKLWD(b, a, first)
	VPUNPCKHWD(b, a, a)
	VPUNPCKLWD(d, c, third)
	VPUNPCKHWD(d, c, c)
	return [depthVectors]reg.VecVirtual{first, a, third, c}
}
