// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels of batch normalization, ReLU and 2×2 max pooling in one work on 8 windows at a time: 16 pixels of two rows.
// The choice of a row of windows is three planes of bits, described in normpool.go.

// window holds the four pixels of 8 windows: those of the row top, then those of bottom.
type window [4]reg.VecVirtual

// loadWindow loads 16 pixels of each row and separates even from odd columns.
func loadWindow(top, bottom, at reg.Register) window {
	var w window
	for row, pointer := range []reg.Register{top, bottom} {
		pixels := func(i int) Mem { return Mem{Base: pointer, Index: at, Scale: 8, Disp: 4 * i} }
		first, second := YMM(), YMM() // pixels 0 to 3 and 8 to 11, 4 to 7 and 12 to 15
		VMOVUPS(pixels(0), first.AsX())
		VMOVUPS(pixels(4), second.AsX())
		VINSERTF128(Imm(1), pixels(8), first, first)
		VINSERTF128(Imm(1), pixels(12), second, second)
		w[2*row], w[2*row+1] = YMM(), YMM()
		VSHUFPS(Imm(evens), second, first, w[2*row])
		VSHUFPS(Imm(odds), second, first, w[2*row+1])
	}
	return w
}

// choicePlanes are the planes of a row's choice, from the next 8 windows on.
type choicePlanes struct {
	pointer, stride reg.Register
}

func loadChoicePlanes() choicePlanes {
	return choicePlanes{pointer: Load(Param("choice"), GP64()), stride: Load(Param("plane"), GP64())}
}

// address returns where a plane's bits of the next windows are.
func (c choicePlanes) address(plane int) Mem { return rowAddress(c.pointer, c.stride, plane, 0) }

// store stores the signs of a vector as bits of a plane.
func (c choicePlanes) store(plane int, signs reg.VecVirtual) {
	bits := GP32()
	VMOVMSKPS(signs, bits)
	MOVB(bits.As8(), c.address(plane))
}

// load returns a mask of the windows whose bit of a plane is set; bits has the bit that belongs to each lane.
func (c choicePlanes) load(plane int, bits reg.VecVirtual) reg.VecVirtual {
	mask := YMM()
	VPBROADCASTB(c.address(plane), mask)
	VPAND(bits, mask, mask)
	VPCMPEQD(bits, mask, mask)
	return mask
}

// The order of windows in a vector, as the bytes of a number: byte i is the bit of lane i's window.
const (
	inOrder = 0x80_40_20_10_08_04_02_01
	// unpacked is the order 0 1 4 5 2 3 6 7, in which VUNPCKLPS and VUNPCKHPS leave pixels where they belong. VPERMPD by
	// outer takes windows to it.
	unpacked = 0x80_40_08_04_20_10_02_01
)

// windowBits returns each lane's bit in the planes of choices.
func windowBits(order uint64) reg.VecVirtual {
	scalar, bytes, bits := GP64(), XMM(), YMM()
	MOVQ(U64(order), scalar)
	VMOVQ(scalar, bytes)
	VPMOVZXBD(bytes, bits)
	return bits
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

const greaterThan = 30 // ordered, quiet

func normPool() {
	function("normPool8", "func(n int, out *float32, choice *uint16, plane int, top, bottom *float32, scale, shift float32)")
	Doc("normPool8 computes out = max(0, scale·x + shift) of the largest pixel of each of n windows of 2×2, n a positive",
		"multiple of 8. choice receives which is the first largest, in three planes of bits that lie plane bytes apart.")
	n := Load(Param("n"), GP64())
	out := Load(Param("out"), GP64())
	choice := loadChoicePlanes()
	top := Load(Param("top"), GP64())
	bottom := Load(Param("bottom"), GP64())
	scale, shift := bound("scale"), bound("shift")
	zero := YMM()
	VXORPS(zero, zero, zero)
	loopOverWindows("normPoolLoop", n, func(at reg.Register) {
		w := loadWindow(top, bottom, at)
		for _, pixels := range w {
			VFMADD213PS(shift, scale, pixels)
		}
		right, lowerRight, lower, alive := YMM(), YMM(), YMM(), YMM()
		VCMPPS(Imm(greaterThan), w[0], w[1], right)
		VCMPPS(Imm(greaterThan), w[2], w[3], lowerRight)
		VMAXPS(w[0], w[1], w[0])
		VMAXPS(w[2], w[3], w[2])
		VCMPPS(Imm(greaterThan), w[0], w[2], lower)
		VMAXPS(w[0], w[2], w[0])
		VBLENDVPS(lower, lowerRight, right, right)
		VMAXPS(w[0], zero, w[0])
		VCMPPS(Imm(greaterThan), zero, w[0], alive)
		VMOVUPS(w[0], Mem{Base: out, Index: at, Scale: 4})
		for plane, signs := range []reg.VecVirtual{alive, right, lower} {
			choice.store(plane, signs)
		}
		INCQ(choice.pointer)
	})
	VZEROUPPER()
	RET()
}

func normPoolSums() {
	function("normPoolSums8", "func(n int, d *float32, choice *uint16, plane int, top, bottom *float32, mean float32) (sum, dot float32)")
	Doc("normPoolSums8 returns Σd and Σ d·(x-mean) over the pixels x that the n windows chose, n a positive multiple of 8.")
	n := Load(Param("n"), GP64())
	d := Load(Param("d"), GP64())
	choice := loadChoicePlanes()
	top := Load(Param("top"), GP64())
	bottom := Load(Param("bottom"), GP64())
	mean, bits := bound("mean"), windowBits(inOrder)
	sums := zeroed(2)
	loopOverWindows("normPoolSumsLoop", n, func(at reg.Register) {
		w := loadWindow(top, bottom, at)
		g, right, lower := choice.load(0, bits), choice.load(1, bits), choice.load(2, bits)
		INCQ(choice.pointer)
		VBLENDVPS(right, w[1], w[0], w[0])
		VBLENDVPS(right, w[3], w[2], w[2])
		VBLENDVPS(lower, w[2], w[0], w[0])
		VANDPS(Mem{Base: d, Index: at, Scale: 4}, g, g)
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

// chosenGradients loads the gradients of 8 windows, 0 for those that ReLU cut off. Windows are in unpacked order.
func (c choicePlanes) chosenGradients(d, at reg.Register, bits reg.VecVirtual) reg.VecVirtual {
	g, alive := YMM(), c.load(0, bits)
	VPERMPD(Imm(outer), Mem{Base: d, Index: at, Scale: 4}, g)
	VANDPS(alive, g, g)
	return g
}

// spread returns the gradients g of 8 windows at the pixels they chose, two vectors for each row.
func (c choicePlanes) spread(g, bits reg.VecVirtual) [2][2]reg.VecVirtual {
	right, lower := c.load(1, bits), c.load(2, bits)
	INCQ(c.pointer)
	var rows [2][2]reg.VecVirtual
	for row := range rows {
		even, odd, first, second := YMM(), YMM(), YMM(), YMM()
		if row == 0 {
			VANDNPS(g, lower, odd)
		} else {
			VANDPS(g, lower, odd)
		}
		VANDNPS(odd, right, even)
		VANDPS(odd, right, odd)
		VUNPCKLPS(odd, even, first)
		VUNPCKHPS(odd, even, second)
		rows[row] = [2]reg.VecVirtual{first, second}
	}
	return rows
}

func normPoolBackward() {
	function("normPoolBackward8", "func(n int, top, bottom, d *float32, choice *uint16, plane int, scale, ofX, shift float32)")
	Doc("normPoolBackward8 replaces each pixel x of n windows by ofX·x + shift, plus scale·d for the one that the window",
		"chose, n a positive multiple of 8.")
	n := Load(Param("n"), GP64())
	pointers := []reg.Register{Load(Param("top"), GP64()), Load(Param("bottom"), GP64())}
	d := Load(Param("d"), GP64())
	choice := loadChoicePlanes()
	scale, ofX, shift, bits := bound("scale"), bound("ofX"), bound("shift"), windowBits(unpacked)
	loopOverWindows("normPoolBackwardLoop", n, func(at reg.Register) {
		g := choice.chosenGradients(d, at, bits)
		VMULPS(scale, g, g)
		for row, gradients := range choice.spread(g, bits) {
			for half, gradient := range gradients {
				pixels := Mem{Base: pointers[row], Index: at, Scale: 8, Disp: vectorBytes * half}
				VADDPS(shift, gradient, gradient)
				VFMADD231PS(pixels, ofX, gradient)
				VMOVUPS(gradient, pixels)
			}
		}
	})
	VZEROUPPER()
	RET()
}

func unpool() {
	function("unpool8", "func(n int, top, bottom, d *float32, choice *uint16, plane int) float32")
	Doc("unpool8 sets the pixel that each of n windows chose to d and the others to 0, n a positive multiple of 8. It returns the",
		"sum of the pixels.")
	n := Load(Param("n"), GP64())
	pointers := []reg.Register{Load(Param("top"), GP64()), Load(Param("bottom"), GP64())}
	d := Load(Param("d"), GP64())
	choice := loadChoicePlanes()
	bits, sum := windowBits(unpacked), zeroed(1)[0]
	loopOverWindows("unpoolLoop", n, func(at reg.Register) {
		g := choice.chosenGradients(d, at, bits)
		VADDPS(g, sum, sum)
		for row, gradients := range choice.spread(g, bits) {
			for half, gradient := range gradients {
				VMOVUPS(gradient, Mem{Base: pointers[row], Index: at, Scale: 8, Disp: vectorBytes * half})
			}
		}
	})
	high := XMM()
	VEXTRACTF128(Imm(1), sum, high)
	VADDPS(high, sum.AsX(), high)
	VHADDPS(high, high, high)
	VHADDPS(high, high, high)
	VZEROUPPER()
	Store(high, ReturnIndex(0))
	RET()
}
