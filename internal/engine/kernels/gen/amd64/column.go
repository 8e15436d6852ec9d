// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// columnProduct generates the product of packed weights with one column, where a vector of columns would be wasted on it:
// its lanes are 4 rows of 2 channels.
func columnProduct() {
	const unroll = 4
	function("columnProduct", "func(quads int, u *float32, channels int, x, m *float32)")
	Doc("columnProduct adds u·x to m for 4 elements of m in each of quads ≥ 1; u is [quads][channels][4], channels ≥ 1, and x",
		"[channels][4], four times the same number.")
	quads := Load(Param("quads"), GP64())
	u := Load(Param("u"), GP64())
	m := Load(Param("m"), GP64())
	Label("columnQuad")
	channels, x := Load(Param("channels"), GP64()), Load(Param("x"), GP64())
	sums, rest := zeroed(unroll), XMM()
	VXORPS(rest, rest, rest)
	SUBQ(Imm(2*unroll), channels)
	JLT(LabelRef("columnRest"))
	Label("columnChannels")
	for i := range unroll {
		weights := YMM()
		VMOVUPS(Mem{Base: u, Disp: vectorBytes * i}, weights)
		VFMADD231PS(Mem{Base: x, Disp: vectorBytes * i}, weights, sums[i])
	}
	ADDQ(U32(vectorBytes*unroll), x)
	ADDQ(U32(vectorBytes*unroll), u)
	SUBQ(Imm(2*unroll), channels)
	JGE(LabelRef("columnChannels"))
	Label("columnRest")
	ADDQ(Imm(2*unroll), channels)
	JZ(LabelRef("columnEnd"))
	Label("columnChannel")
	weights := XMM()
	VMOVUPS(Mem{Base: u}, weights)
	VFMADD231PS(Mem{Base: x}, weights, rest)
	ADDQ(Imm(16), x)
	ADDQ(Imm(16), u)
	DECQ(channels)
	JNZ(LabelRef("columnChannel"))
	Label("columnEnd")
	VADDPS(sums[1], sums[0], sums[0])
	VADDPS(sums[3], sums[2], sums[2])
	VADDPS(sums[2], sums[0], sums[0])
	high := XMM()
	VEXTRACTF128(Imm(1), sums[0], high)
	VADDPS(high, sums[0].AsX(), high)
	VADDPS(rest, high, high)
	VADDPS(Mem{Base: m}, high, high)
	VMOVUPS(high, Mem{Base: m})
	ADDQ(Imm(16), m)
	DECQ(quads)
	JNZ(LabelRef("columnQuad"))
	VZEROUPPER()
	RET()
}
