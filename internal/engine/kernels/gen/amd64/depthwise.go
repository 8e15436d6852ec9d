// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// depthwise generates the convolution of one plane.
func depthwise() {
	function("depthwisePlane", "func(rows, vectors int, x *float32, rowStep, taps int, offsets *int, w *float32, y *float32, yStep int, bias, floor, ceiling float32)")
	Doc("depthwisePlane computes rows ≥ 1 of vectors ≥ 1 of 8 neighboring pixels each: y = bias + Σ w·x over the taps ≥ 1, kept",
		"between floor and ceiling. offsets holds where each tap's pixels lie in x, relative to the output pixel. Steps from",
		"row to row and offsets are in bytes.")
	rows := Load(Param("rows"), GP64())
	x := Load(Param("x"), GP64())
	rowStep := Load(Param("rowStep"), GP64())
	offsets := Load(Param("offsets"), GP64())
	w := Load(Param("w"), GP64())
	y := Load(Param("y"), GP64())
	yStep := Load(Param("yStep"), GP64())
	taps := Load(Param("taps"), GP64())
	bias, floor, ceiling := bound("bias"), bound("floor"), bound("ceiling")
	Label("depthwiseRow")
	vectors := Load(Param("vectors"), GP64())
	in, out := GP64(), GP64()
	MOVQ(x, in)
	MOVQ(y, out)
	Label("depthwiseVector")
	sum := YMM()
	VMOVAPS(bias, sum)
	tap := GP64()
	XORQ(tap, tap)
	Label("depthwiseTap")
	weight := YMM()
	VBROADCASTSS(Mem{Base: w, Index: tap, Scale: 4}, weight)
	offset := GP64()
	MOVQ(Mem{Base: offsets, Index: tap, Scale: 8}, offset)
	VFMADD231PS(Mem{Base: in, Index: offset, Scale: 1}, weight, sum)
	INCQ(tap)
	CMPQ(tap, taps)
	JLT(LabelRef("depthwiseTap"))
	VMAXPS(sum, floor, sum)
	VMINPS(sum, ceiling, sum)
	VMOVUPS(sum, Mem{Base: out})
	ADDQ(Imm(32), in)
	ADDQ(Imm(32), out)
	DECQ(vectors)
	JNZ(LabelRef("depthwiseVector"))
	ADDQ(rowStep, x)
	ADDQ(yStep, y)
	DECQ(rows)
	JNZ(LabelRef("depthwiseRow"))
	VZEROUPPER()
	RET()
}
