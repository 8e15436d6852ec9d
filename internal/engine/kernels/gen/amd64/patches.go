// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// doubles is the number of float64 of a vector.
const doubles = 4

// widenRow generates the conversion of a row to float64.
func widenRow() {
	function("widen8", "func(n int, y *float64, x *float32) float64")
	Doc("widen8 converts n elements, n a positive multiple of 8, and returns their sum.")
	n, y, x := Load(Param("n"), GP64()), Load(Param("y"), GP64()), Load(Param("x"), GP64())
	sums := []reg.VecVirtual{YMM(), YMM()}
	for _, sum := range sums {
		VXORPD(sum, sum, sum)
	}
	Label("widenLoop")
	for half, sum := range sums {
		v := YMM()
		VCVTPS2PD(Mem{Base: x, Disp: 16 * half}, v)
		VMOVUPD(v, Mem{Base: y, Disp: vectorBytes * half})
		VADDPD(v, sum, sum)
	}
	ADDQ(Imm(32), x)
	ADDQ(Imm(2*vectorBytes), y)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("widenLoop"))
	VADDPD(sums[1], sums[0], sums[0])
	high := XMM()
	VEXTRACTF128(Imm(1), sums[0], high)
	VADDPD(high, sums[0].AsX(), high)
	VHADDPD(high, high, high)
	VZEROUPPER()
	Store(high, ReturnIndex(0))
	RET()
}

// patchProducts generates the sums of products of two rows of pixels, each shifted by 0, 1 and 2 pixels: 9 sums of 4 lanes.
func patchProducts() {
	function("patchProducts4", "func(n int, x, y, sums *float64)")
	Doc("patchProducts4 adds x[p+i]·y[p+j] to sums[i][j][p%4] for 0 ≤ i, j < 3 and 0 ≤ p < n, n a positive multiple of 4.")
	n, x, y := Load(Param("n"), GP64()), Load(Param("x"), GP64()), Load(Param("y"), GP64())
	sums := Load(Param("sums"), GP64())
	at := func(i, j int) Mem { return Mem{Base: sums, Disp: vectorBytes * (taps*i + j)} }
	var total [taps][taps]reg.VecVirtual
	for i := range taps {
		for j := range taps {
			total[i][j] = YMM()
			VMOVUPD(at(i, j), total[i][j])
		}
	}
	Label("patchProductsLoop")
	var left, right [taps]reg.VecVirtual
	for i := range taps {
		left[i], right[i] = YMM(), YMM()
		VMOVUPD(Mem{Base: x, Disp: 8 * i}, left[i])
		VMOVUPD(Mem{Base: y, Disp: 8 * i}, right[i])
	}
	for i := range taps {
		for j := range taps {
			VFMADD231PD(left[i], right[j], total[i][j])
		}
	}
	ADDQ(Imm(vectorBytes), x)
	ADDQ(Imm(vectorBytes), y)
	SUBQ(Imm(doubles), n)
	JNZ(LabelRef("patchProductsLoop"))
	for i := range taps {
		for j := range taps {
			VMOVUPD(total[i][j], at(i, j))
		}
	}
	VZEROUPPER()
	RET()
}
