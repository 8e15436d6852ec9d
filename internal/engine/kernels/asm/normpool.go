// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels of batch normalisation, ReLU and 2×2 max pooling in one work on 8 windows at a time: 16 pixels of two rows.
// Even and odd columns are separated by a shuffle that leaves the windows in the order 0 1 4 5 2 3 6 7; unscramble is its
// own inverse.
const unscramble = 0xD8

// window holds the four pixels of 8 windows, in choice order.
type window [4]reg.VecVirtual

// loadWindow loads 16 pixels of each row and separates even from odd columns.
func loadWindow(top, bottom, at reg.Register) window {
	var w window
	for row, pointer := range []reg.Register{top, bottom} {
		first, second := YMM(), YMM()
		VMOVUPS(Mem{Base: pointer, Index: at, Scale: 8}, first)
		VMOVUPS(Mem{Base: pointer, Index: at, Scale: 8, Disp: 32}, second)
		w[2*row], w[2*row+1] = YMM(), YMM()
		VSHUFPS(Imm(0x88), second, first, w[2*row])
		VSHUFPS(Imm(0xDD), second, first, w[2*row+1])
	}
	return w
}

// integers fills a vector with an integer.
func integers(value uint32) reg.VecVirtual {
	scalar, x, vector := GP32(), XMM(), YMM()
	MOVL(U32(value), scalar)
	VMOVD(scalar, x)
	VPBROADCASTD(x, vector)
	return vector
}

// loopOverWindows generates a loop over n windows, a multiple of 8.
func loopOverWindows(name string, n reg.Register, body func(at reg.Register)) {
	at := GP64()
	XORQ(at, at)
	Label(name)
	body(at)
	ADDQ(Imm(8), at)
	CMPQ(at, n)
	JLT(LabelRef(name))
}

const (
	greaterThan = 30 // ordered, quiet
	deadChoice  = 4
)

func normPool() {
	function("normPool8", "func(n int, out *float32, choice *uint8, top, bottom *float32, scale, shift float32)")
	Doc("normPool8 computes out = max(0, scale·x + shift) of the largest pixel of each of n windows of 2×2, n a positive",
		"multiple of 8. choice is the first largest pixel (0 and 1 in the row top, 2 and 3 in bottom), or 4 if out is 0.")
	n := Load(Param("n"), GP64())
	out := Load(Param("out"), GP64())
	choice := Load(Param("choice"), GP64())
	top := Load(Param("top"), GP64())
	bottom := Load(Param("bottom"), GP64())
	scale, shift := bound("scale"), bound("shift")
	dead := integers(deadChoice)
	two := integers(2)
	zero := YMM()
	VXORPS(zero, zero, zero)
	loopOverWindows("normPoolLoop", n, func(at reg.Register) {
		w := loadWindow(top, bottom, at)
		for _, pixels := range w {
			VFMADD213PS(shift, scale, pixels)
		}
		// A comparison's mask is -1, so subtracting it counts.
		upper, lower, low := YMM(), YMM(), YMM()
		VCMPPS(Imm(greaterThan), w[0], w[1], upper)
		VCMPPS(Imm(greaterThan), w[2], w[3], lower)
		VMAXPS(w[0], w[1], w[0])
		VMAXPS(w[2], w[3], w[2])
		VCMPPS(Imm(greaterThan), w[0], w[2], low)
		VMAXPS(w[0], w[2], w[0])
		VPXOR(zero, zero, w[1])
		VPSUBD(upper, w[1], upper)
		VPSUBD(lower, two, lower)
		VBLENDVPS(low, lower, upper, upper)
		VMAXPS(w[0], zero, w[0])
		alive := YMM()
		VCMPPS(Imm(greaterThan), zero, w[0], alive)
		VBLENDVPS(alive, upper, dead, upper)
		VPERMPD(Imm(unscramble), w[0], w[0])
		VMOVUPS(w[0], Mem{Base: out, Index: at, Scale: 4})
		VPERMQ(Imm(unscramble), upper, upper)
		high := XMM()
		VEXTRACTI128(Imm(1), upper, high)
		VPACKSSDW(high, upper.AsX(), high)
		VPACKUSWB(high, high, high)
		VMOVQ(high, Mem{Base: choice, Index: at, Scale: 1})
	})
	VZEROUPPER()
	RET()
}

// loadChoice loads 8 choices as integers, in the order of loadWindow.
func loadChoice(choice, at reg.Register) reg.VecVirtual {
	c := YMM()
	VPMOVZXBD(Mem{Base: choice, Index: at, Scale: 1}, c)
	VPERMQ(Imm(unscramble), c, c)
	return c
}

// loadGradient loads the gradients of 8 windows, in the order of loadWindow.
func loadGradient(d, at reg.Register) reg.VecVirtual {
	g := YMM()
	VPERMPD(Imm(unscramble), Mem{Base: d, Index: at, Scale: 4}, g)
	return g
}

func normPoolSums() {
	function("normPoolSums8", "func(n int, d *float32, choice *uint8, top, bottom *float32, mean float32) (sum, dot float32)")
	Doc("normPoolSums8 returns Σd and Σ d·(x-mean) over the pixels x that the n windows chose, n a positive multiple of 8.")
	n := Load(Param("n"), GP64())
	d := Load(Param("d"), GP64())
	choice := Load(Param("choice"), GP64())
	top := Load(Param("top"), GP64())
	bottom := Load(Param("bottom"), GP64())
	mean := bound("mean")
	dead := integers(deadChoice)
	var pick [4]reg.VecVirtual
	for i := 1; i < 4; i++ {
		pick[i] = integers(uint32(i))
	}
	sums := zeroed(2)
	loopOverWindows("normPoolSumsLoop", n, func(at reg.Register) {
		w := loadWindow(top, bottom, at)
		c := loadChoice(choice, at)
		mask := YMM()
		for i := 1; i < 4; i++ {
			VPCMPEQD(c, pick[i], mask)
			VBLENDVPS(mask, w[i], w[0], w[0])
		}
		VPCMPGTD(c, dead, mask)
		g := loadGradient(d, at)
		VANDPS(mask, g, g)
		VADDPS(g, sums[0], sums[0])
		VSUBPS(mean, w[0], w[0])
		VFMADD231PS(g, w[0], sums[1])
	})
	zero := YMM()
	VXORPS(zero, zero, zero)
	total := horizontalSums([]reg.VecVirtual{sums[0], sums[1], zero, zero})
	second := XMM()
	VMOVSHDUP(total, second)
	VZEROUPPER()
	Store(total, Return("sum"))
	Store(second, Return("dot"))
	RET()
}

func normPoolBackward() {
	function("normPoolBackward8", "func(n int, top, bottom, d *float32, choice *uint8, scale, ofX, shift float32)")
	Doc("normPoolBackward8 replaces each pixel x of n windows by ofX·x + shift, plus scale·d for the one that the window",
		"chose, n a positive multiple of 8.")
	n := Load(Param("n"), GP64())
	top := Load(Param("top"), GP64())
	bottom := Load(Param("bottom"), GP64())
	d := Load(Param("d"), GP64())
	choice := Load(Param("choice"), GP64())
	scale, ofX, shift := bound("scale"), bound("ofX"), bound("shift")
	var pick [4]reg.VecVirtual
	for i := range pick {
		pick[i] = integers(uint32(i))
	}
	loopOverWindows("normPoolBackwardLoop", n, func(at reg.Register) {
		c := loadChoice(choice, at)
		g := loadGradient(d, at)
		VMULPS(scale, g, g)
		for row, pointer := range []reg.Register{top, bottom} {
			even, odd := YMM(), YMM()
			VPCMPEQD(c, pick[2*row], even)
			VPCMPEQD(c, pick[2*row+1], odd)
			VANDPS(even, g, even)
			VANDPS(odd, g, odd)
			first, second := YMM(), YMM()
			VUNPCKLPS(odd, even, first)
			VUNPCKHPS(odd, even, second)
			VADDPS(shift, first, first)
			VADDPS(shift, second, second)
			VFMADD231PS(Mem{Base: pointer, Index: at, Scale: 8}, ofX, first)
			VFMADD231PS(Mem{Base: pointer, Index: at, Scale: 8, Disp: 32}, ofX, second)
			VMOVUPS(first, Mem{Base: pointer, Index: at, Scale: 8})
			VMOVUPS(second, Mem{Base: pointer, Index: at, Scale: 8, Disp: 32})
		}
	})
	VZEROUPPER()
	RET()
}
