// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// zeroed returns n zeroed 256-bit registers.
func zeroed(n int) []reg.VecVirtual {
	registers := make([]reg.VecVirtual, n)
	for i := range registers {
		registers[i] = YMM()
		VXORPS(registers[i], registers[i], registers[i])
	}
	return registers
}

// gemmTile generates the product of a packed panel of 6 rows and one of 16 columns: 12 sums, 2 vectors of B and one
// broadcast element of A.
func gemmTile() {
	const rows, vectors = 6, 2
	function("gemmTile6x16", "func(k int, a, b, c *float32)")
	Doc("gemmTile6x16 computes c[r*16+j] = Σ_p a[p*6+r]·b[p*16+j] for 0 ≤ p < k, k ≥ 1.")
	k := Load(Param("k"), GP64())
	a := Load(Param("a"), GP64())
	b := Load(Param("b"), GP64())
	c := Load(Param("c"), GP64())
	sums := zeroed(rows * vectors)
	Label("gemmLoop")
	b0, b1, element := YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: b}, b0)
	VMOVUPS(Mem{Base: b, Disp: 32}, b1)
	for r := range rows {
		VBROADCASTSS(Mem{Base: a, Disp: 4 * r}, element)
		VFMADD231PS(element, b0, sums[2*r])
		VFMADD231PS(element, b1, sums[2*r+1])
	}
	ADDQ(Imm(4*rows), a)
	ADDQ(Imm(32*vectors), b)
	DECQ(k)
	JNZ(LabelRef("gemmLoop"))
	for i, sum := range sums {
		VMOVUPS(sum, Mem{Base: c, Disp: 32 * i})
	}
	VZEROUPPER()
	RET()
}
