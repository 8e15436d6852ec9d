// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// wideDepthwise generates depthwise for vectors of 16 pixels; an odd last one of 8 is a half.
func wideDepthwise() {
	function("wideDepthwisePlane", "func(rows, vectors int, x *float32, rowStep, taps int, offsets *int, w *float32, y *float32, yStep int, bias, floor, ceiling float32)")
	Doc("wideDepthwisePlane computes rows ≥ 1 of vectors ≥ 1 of 8 neighboring pixels each: y = bias + Σ w·x over the taps ≥ 1,",
		"kept between floor and ceiling. offsets holds where each tap's pixels lie in x, relative to the output pixel. Steps",
		"from row to row and offsets are in bytes.")
	rows := Load(Param("rows"), GP64())
	x := Load(Param("x"), GP64())
	rowStep := Load(Param("rowStep"), GP64())
	offsets := Load(Param("offsets"), GP64())
	w := Load(Param("w"), GP64())
	y := Load(Param("y"), GP64())
	yStep := Load(Param("yStep"), GP64())
	taps := Load(Param("taps"), GP64())
	bias, floor, ceiling := wideBound("bias"), wideBound("floor"), wideBound("ceiling")
	Label("wideDepthwiseRow")
	vectors := Load(Param("vectors"), GP64())
	in, out := GP64(), GP64()
	MOVQ(x, in)
	MOVQ(y, out)
	// convolve computes one vector, or half of one.
	convolve := func(label string, part func(v reg.VecVirtual) reg.Register) {
		sum, tap := ZMM(), GP64()
		VMOVAPS(bias, sum)
		XORQ(tap, tap)
		Label(label)
		weight, offset := ZMM(), GP64()
		VBROADCASTSS(Mem{Base: w, Index: tap, Scale: 4}, weight)
		MOVQ(Mem{Base: offsets, Index: tap, Scale: 8}, offset)
		VFMADD231PS(Mem{Base: in, Index: offset, Scale: 1}, part(weight), part(sum))
		INCQ(tap)
		CMPQ(tap, taps)
		JLT(LabelRef(label))
		VMAXPS(sum, floor, sum)
		VMINPS(sum, ceiling, sum)
		VMOVUPS(part(sum), Mem{Base: out})
	}
	SUBQ(Imm(2), vectors)
	JLT(LabelRef("wideDepthwiseLast"))
	Label("wideDepthwiseVector")
	convolve("wideDepthwiseTap", func(v reg.VecVirtual) reg.Register { return v })
	ADDQ(Imm(wideBytes), in)
	ADDQ(Imm(wideBytes), out)
	SUBQ(Imm(2), vectors)
	JGE(LabelRef("wideDepthwiseVector"))
	Label("wideDepthwiseLast")
	ADDQ(Imm(2), vectors)
	JZ(LabelRef("wideDepthwiseRowEnd"))
	convolve("wideDepthwiseLastTap", func(v reg.VecVirtual) reg.Register { return v.AsY() })
	Label("wideDepthwiseRowEnd")
	ADDQ(rowStep, x)
	ADDQ(yStep, y)
	DECQ(rows)
	JNZ(LabelRef("wideDepthwiseRow"))
	VZEROUPPER()
	RET()
}
