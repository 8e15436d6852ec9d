// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// wideWindows is where a kernel works on 16 windows of 2×2 pixels: 32 pixels of two rows.
type wideWindows struct {
	at          reg.Register
	windows     reg.Register    // a mask of windows; nil for all 16
	pixels      [2]reg.Register // masks of the pixels' two vectors
	even, odd   reg.VecVirtual  // tables
	top, bottom reg.Register
}

// overWideWindows generates a loop over n windows. body is generated twice: for 16 and for what remains.
func overWideWindows(name string, n reg.Register, w wideWindows, body func(w *wideWindows)) {
	w.at = GP64()
	XORQ(w.at, w.at)
	SUBQ(Imm(wideLanes), n)
	JLT(LabelRef(name + "Last"))
	Label(name)
	body(&w)
	ADDQ(Imm(wideLanes), w.at)
	CMPQ(w.at, n)
	JLE(LabelRef(name))
	Label(name + "Last")
	ADDQ(Imm(wideLanes), n)
	SUBQ(w.at, n)
	JZ(LabelRef(name + "Done"))
	w.windows = lowLanes(n.(reg.GPVirtual).As32())
	SHLQ(Imm(1), n)
	w.pixels[0], w.pixels[1] = lowLanes(n.(reg.GPVirtual).As32()), K()
	KSHIFTRD(Imm(wideLanes), w.pixels[0], w.pixels[1])
	body(&w)
	Label(name + "Done")
}

// maskedLoad loads what a mask, if there is one, lets through; the rest is zero.
func maskedLoad(address Mem, mask reg.Register) reg.VecVirtual {
	v := ZMM()
	if mask == nil {
		VMOVUPS(address, v)
	} else {
		VMOVUPS_Z(address, mask, v)
	}
	return v
}

// maskedStore stores what a mask, if there is one, lets through.
func maskedStore(v reg.VecVirtual, mask reg.Register, address Mem) {
	if mask == nil {
		VMOVUPS(v, address)
	} else {
		VMOVUPS(v, mask, address)
	}
}

// address returns where the half-th vector of the pixels of a row lies.
func (w *wideWindows) address(row reg.Register, half int) Mem {
	return Mem{Base: row, Index: w.at, Scale: 8, Disp: wideBytes * half}
}

// load returns the four pixels of each window, in choice order.
func (w *wideWindows) load() window {
	var loaded window
	for row, pointer := range []reg.Register{w.top, w.bottom} {
		first := maskedLoad(w.address(pointer, 0), w.pixels[0])
		second := maskedLoad(w.address(pointer, 1), w.pixels[1])
		loaded[2*row], loaded[2*row+1] = selected(w.even, first, second), selected(w.odd, first, second)
	}
	return loaded
}

// values returns an element of d for each window.
func (w *wideWindows) values(d reg.Register) reg.VecVirtual {
	return maskedLoad(Mem{Base: d, Index: w.at, Scale: 4}, w.windows)
}

// choices returns the choices as integers.
func (w *wideWindows) choices(choice reg.Register) reg.VecVirtual {
	c := ZMM()
	if address := (Mem{Base: choice, Index: w.at, Scale: 1}); w.windows == nil {
		VPMOVZXBD(address, c)
	} else {
		bytes := XMM()
		VMOVDQU8_Z(address, w.windows, bytes)
		VPMOVZXBD(bytes, c)
	}
	return c
}

// wideSplit generates the separation of neighbours.
func wideSplit() {
	function("wideSplit", "func(n int, even, odd, x *float32)")
	Doc("wideSplit sets even[i] = x[2i] and odd[i] = x[2i+1] for 0 ≤ i < n, n ≥ 1.")
	n, x := Load(Param("n"), GP64()), Load(Param("x"), GP64())
	even, odd := Load(Param("even"), GP64()), Load(Param("odd"), GP64())
	w := wideWindows{even: evenElements(), odd: oddElements()}
	overWideWindows("wideSplitLoop", n, w, func(w *wideWindows) {
		first, second := maskedLoad(w.address(x, 0), w.pixels[0]), maskedLoad(w.address(x, 1), w.pixels[1])
		maskedStore(selected(w.even, first, second), w.windows, Mem{Base: even, Index: w.at, Scale: 4})
		maskedStore(selected(w.odd, first, second), w.windows, Mem{Base: odd, Index: w.at, Scale: 4})
	})
	VZEROUPPER()
	RET()
}

// wideHalve generates the maximum of 2×2 elements.
func wideHalve() {
	function("wideHalve", "func(n int, y, top, bottom *float32, floor float32)")
	Doc("wideHalve sets y[i] to the largest of floor and the elements 2i and 2i+1 of top and bottom for 0 ≤ i < n, n ≥ 1.")
	n, y, floor := Load(Param("n"), GP64()), Load(Param("y"), GP64()), wideBound("floor")
	w := wideWindows{top: Load(Param("top"), GP64()), bottom: Load(Param("bottom"), GP64()), even: evenElements(), odd: oddElements()}
	overWideWindows("wideHalveLoop", n, w, func(w *wideWindows) {
		x := w.load()
		VMAXPS(x[2], x[0], x[0])
		VMAXPS(x[3], x[1], x[1])
		VMAXPS(x[1], x[0], x[0])
		VMAXPS(x[0], floor, x[0])
		maskedStore(x[0], w.windows, Mem{Base: y, Index: w.at, Scale: 4})
	})
	VZEROUPPER()
	RET()
}

func wideNormPool() {
	function("wideNormPool", "func(n int, out *float32, choice *uint8, top, bottom *float32, scale, shift float32)")
	Doc("wideNormPool computes out = max(0, scale·x + shift) of the largest pixel of each of n ≥ 1 windows of 2×2. choice is the",
		"first largest pixel (0 and 1 in the row top, 2 and 3 in bottom), or 4 if out is 0.")
	n := Load(Param("n"), GP64())
	out := Load(Param("out"), GP64())
	choice := Load(Param("choice"), GP64())
	w := wideWindows{top: Load(Param("top"), GP64()), bottom: Load(Param("bottom"), GP64()), even: evenElements(), odd: oddElements()}
	scale, shift := wideBound("scale"), wideBound("shift")
	var pick [deadChoice + 1]reg.VecVirtual
	for i := range pick {
		pick[i] = wideIntegers(uint32(i))
	}
	zero := pick[0]
	overWideWindows("wideNormPoolLoop", n, w, func(w *wideWindows) {
		x := w.load()
		for _, pixels := range x {
			VFMADD213PS(shift, scale, pixels)
		}
		right, lowerRight, lower, alive := K(), K(), K(), K()
		VCMPPS(Imm(greaterThan), x[0], x[1], right)
		VCMPPS(Imm(greaterThan), x[2], x[3], lowerRight)
		VMAXPS(x[0], x[1], x[0])
		VMAXPS(x[2], x[3], x[2])
		VCMPPS(Imm(greaterThan), x[0], x[2], lower)
		VMAXPS(x[0], x[2], x[0])
		VMAXPS(x[0], zero, x[0])
		VCMPPS(Imm(greaterThan), zero, x[0], alive)
		chosen, below := ZMM(), ZMM()
		VPBLENDMD(pick[1], pick[0], right, chosen)
		VPBLENDMD(pick[3], pick[2], lowerRight, below)
		VPBLENDMD(below, chosen, lower, chosen)
		VPBLENDMD(chosen, pick[deadChoice], alive, chosen)
		maskedStore(x[0], w.windows, Mem{Base: out, Index: w.at, Scale: 4})
		if address := (Mem{Base: choice, Index: w.at, Scale: 1}); w.windows == nil {
			VPMOVDB(chosen, address)
		} else {
			bytes := XMM()
			VPMOVDB(chosen, bytes)
			VMOVDQU8(bytes, w.windows, address)
		}
	})
	VZEROUPPER()
	RET()
}

func wideNormPoolSums() {
	function("wideNormPoolSums", "func(n int, d *float32, choice *uint8, top, bottom *float32, mean float32) (sum, dot float32)")
	Doc("wideNormPoolSums returns Σd and Σ d·(x-mean) over the pixels x that the n ≥ 1 windows chose.")
	n := Load(Param("n"), GP64())
	d := Load(Param("d"), GP64())
	choice := Load(Param("choice"), GP64())
	w := wideWindows{top: Load(Param("top"), GP64()), bottom: Load(Param("bottom"), GP64()), even: evenElements(), odd: oddElements()}
	mean := wideBound("mean")
	var pick [deadChoice + 1]reg.VecVirtual
	for i := 1; i < len(pick); i++ {
		pick[i] = wideIntegers(uint32(i))
	}
	sums := wideZeroed(4)
	overWideWindows("wideNormPoolSumsLoop", n, w, func(w *wideWindows) {
		x, c, mask := w.load(), w.choices(choice), K()
		for i := 1; i < deadChoice; i++ {
			VPCMPEQD(c, pick[i], mask)
			VMOVAPS(x[i], mask, x[0])
		}
		g := w.values(d)
		VPCMPGTD(c, pick[deadChoice], mask)
		VMOVAPS_Z(g, mask, g)
		VADDPS(g, sums[0], sums[0])
		VSUBPS(mean, x[0], x[0])
		VFMADD231PS(g, x[0], sums[1])
	})
	total, second := wideSums(sums), XMM()
	VMOVSHDUP(total, second)
	VZEROUPPER()
	Store(total, Return("sum"))
	Store(second, Return("dot"))
	RET()
}

func wideNormPoolBackward() {
	function("wideNormPoolBackward", "func(n int, top, bottom, d *float32, choice *uint8, scale, ofX, shift float32)")
	Doc("wideNormPoolBackward replaces each pixel x of n ≥ 1 windows by ofX·x + shift, plus scale·d for the one that the window",
		"chose.")
	n := Load(Param("n"), GP64())
	w := wideWindows{top: Load(Param("top"), GP64()), bottom: Load(Param("bottom"), GP64())}
	d := Load(Param("d"), GP64())
	choice := Load(Param("choice"), GP64())
	scale, ofX, shift := wideBound("scale"), wideBound("ofX"), wideBound("shift")
	pairs := [2]reg.VecVirtual{lowPairs(), highPairs()}
	var pick [deadChoice]reg.VecVirtual
	for i := range pick {
		pick[i] = wideIntegers(uint32(i))
	}
	overWideWindows("wideNormPoolBackwardLoop", n, w, func(w *wideWindows) {
		c, g := w.choices(choice), w.values(d)
		VMULPS(scale, g, g)
		for row, pointer := range []reg.Register{w.top, w.bottom} {
			var gradients [2]reg.VecVirtual // of the left and the right pixels
			for i := range gradients {
				mask := K()
				gradients[i] = ZMM()
				VPCMPEQD(c, pick[2*row+i], mask)
				VMOVAPS_Z(g, mask, gradients[i])
			}
			for half := range pairs {
				gradient := selected(pairs[half], gradients[0], gradients[1])
				VADDPS(shift, gradient, gradient)
				x := maskedLoad(w.address(pointer, half), w.pixels[half])
				VFMADD231PS(x, ofX, gradient)
				maskedStore(gradient, w.pixels[half], w.address(pointer, half))
			}
		}
	})
	VZEROUPPER()
	RET()
}
