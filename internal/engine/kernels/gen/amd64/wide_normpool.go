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

// chosen returns the bits of the windows in a plane of a choice.
func (w *wideWindows) chosen(choice choicePlanes, plane int) reg.Register {
	bits := K()
	KMOVW(choice.address(plane), bits)
	return bits
}

// wideSplit generates the separation of neighbors.
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
	function("wideNormPool", "func(n int, out *float32, choice *uint16, plane int, top, bottom *float32, scale, shift float32)")
	Doc("wideNormPool computes out = max(0, scale·x + shift) of the largest pixel of each of n ≥ 1 windows of 2×2. choice receives",
		"which is the first largest, in three planes of bits that lie plane bytes apart.")
	n := Load(Param("n"), GP64())
	out := Load(Param("out"), GP64())
	choice := loadChoicePlanes()
	w := wideWindows{top: Load(Param("top"), GP64()), bottom: Load(Param("bottom"), GP64()), even: evenElements(), odd: oddElements()}
	scale, shift, zero := wideBound("scale"), wideBound("shift"), wideZeroed(1)[0]
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
		KANDNW(right, lower, right)
		KANDW(lowerRight, lower, lowerRight)
		KORW(lowerRight, right, right)
		maskedStore(x[0], w.windows, Mem{Base: out, Index: w.at, Scale: 4})
		for plane, bits := range []reg.Register{alive, right, lower} {
			KMOVW(bits, choice.address(plane))
		}
		ADDQ(Imm(wideLanes/8), choice.pointer)
	})
	VZEROUPPER()
	RET()
}

func wideNormPoolSums() {
	function("wideNormPoolSums", "func(n int, d *float32, choice *uint16, plane int, top, bottom *float32, mean float32) (sum, dot float32)")
	Doc("wideNormPoolSums returns Σd and Σ d·(x-mean) over the pixels x that the n ≥ 1 windows chose.")
	n := Load(Param("n"), GP64())
	d := Load(Param("d"), GP64())
	choice := loadChoicePlanes()
	w := wideWindows{top: Load(Param("top"), GP64()), bottom: Load(Param("bottom"), GP64()), even: evenElements(), odd: oddElements()}
	mean, sums := wideBound("mean"), wideZeroed(4)
	overWideWindows("wideNormPoolSumsLoop", n, w, func(w *wideWindows) {
		x, g := w.load(), w.values(d)
		alive, right, lower := w.chosen(choice, 0), w.chosen(choice, 1), w.chosen(choice, 2)
		ADDQ(Imm(wideLanes/8), choice.pointer)
		VMOVAPS(x[1], right, x[0])
		VMOVAPS(x[3], right, x[2])
		VMOVAPS(x[2], lower, x[0])
		VMOVAPS_Z(g, alive, g)
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

// wideSpreading is what it takes to bring the gradients of windows to the pixels they chose.
type wideSpreading struct {
	choice choicePlanes
	pairs  [2]reg.VecVirtual // tables
}

// spread returns the gradients g of the next windows at the pixels they chose, two vectors for each row.
func (s *wideSpreading) spread(w *wideWindows, g reg.VecVirtual) [2][2]reg.VecVirtual {
	right, lower := w.chosen(s.choice, 1), w.chosen(s.choice, 2)
	ADDQ(Imm(wideLanes/8), s.choice.pointer)
	var rows [2][2]reg.VecVirtual
	for row := range rows {
		left, rightMost := K(), K()
		if row == 0 {
			KORW(right, lower, left)
			KNOTW(left, left)
			KANDNW(right, lower, rightMost)
		} else {
			KANDNW(lower, right, left)
			KANDW(lower, right, rightMost)
		}
		even, odd := ZMM(), ZMM()
		VMOVAPS_Z(g, left, even)
		VMOVAPS_Z(g, rightMost, odd)
		rows[row] = [2]reg.VecVirtual{selected(s.pairs[0], even, odd), selected(s.pairs[1], even, odd)}
	}
	return rows
}

// chosenGradients returns the gradients of the windows, 0 for those that ReLU cut off.
func (w *wideWindows) chosenGradients(d reg.Register, choice choicePlanes) reg.VecVirtual {
	g := w.values(d)
	VMOVAPS_Z(g, w.chosen(choice, 0), g)
	return g
}

func wideNormPoolBackward() {
	function("wideNormPoolBackward", "func(n int, top, bottom, d *float32, choice *uint16, plane int, scale, ofX, shift float32)")
	Doc("wideNormPoolBackward replaces each pixel x of n ≥ 1 windows by ofX·x + shift, plus scale·d for the one that the window",
		"chose.")
	n := Load(Param("n"), GP64())
	w := wideWindows{top: Load(Param("top"), GP64()), bottom: Load(Param("bottom"), GP64())}
	d := Load(Param("d"), GP64())
	s := wideSpreading{choice: loadChoicePlanes(), pairs: [2]reg.VecVirtual{lowPairs(), highPairs()}}
	scale, ofX, shift := wideBound("scale"), wideBound("ofX"), wideBound("shift")
	overWideWindows("wideNormPoolBackwardLoop", n, w, func(w *wideWindows) {
		g := w.chosenGradients(d, s.choice)
		VMULPS(scale, g, g)
		for row, gradients := range s.spread(w, g) {
			for half, gradient := range gradients {
				pixels := w.address([]reg.Register{w.top, w.bottom}[row], half)
				VADDPS(shift, gradient, gradient)
				VFMADD231PS(maskedLoad(pixels, w.pixels[half]), ofX, gradient)
				maskedStore(gradient, w.pixels[half], pixels)
			}
		}
	})
	VZEROUPPER()
	RET()
}

func wideUnpool() {
	function("wideUnpool", "func(n int, top, bottom, d *float32, choice *uint16, plane int) float32")
	Doc("wideUnpool sets the pixel that each of n ≥ 1 windows chose to d and the others to 0. It returns the sum of the pixels.")
	n := Load(Param("n"), GP64())
	w := wideWindows{top: Load(Param("top"), GP64()), bottom: Load(Param("bottom"), GP64())}
	d := Load(Param("d"), GP64())
	s := wideSpreading{choice: loadChoicePlanes(), pairs: [2]reg.VecVirtual{lowPairs(), highPairs()}}
	sums := wideZeroed(4)
	overWideWindows("wideUnpoolLoop", n, w, func(w *wideWindows) {
		g := w.chosenGradients(d, s.choice)
		VADDPS(g, sums[0], sums[0])
		for row, gradients := range s.spread(w, g) {
			for half, gradient := range gradients {
				maskedStore(gradient, w.pixels[half], w.address([]reg.Register{w.top, w.bottom}[row], half))
			}
		}
	})
	total := wideSums(sums)
	VZEROUPPER()
	Store(total, ReturnIndex(0))
	RET()
}
