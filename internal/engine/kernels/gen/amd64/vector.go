// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors generates the elementwise kernels and sums. All handle a multiple of 8 elements; the Go side does the rest.
func vectors() {
	reduction("sum8", "func(n int, x *float32) float32", "Σx", nil, func(load func(string) reg.VecVirtual, sum reg.VecVirtual, _ reg.VecVirtual) {
		VADDPS(load("x"), sum, sum)
	}, "x")
	reduction("squaredDeviations8", "func(n int, x *float32, mean float32) float32", "Σ(x-mean)²", mean,
		func(load func(string) reg.VecVirtual, sum reg.VecVirtual, mean reg.VecVirtual) {
			d := load("x")
			VSUBPS(mean, d, d)
			VFMADD231PS(d, d, sum)
		}, "x")
	reduction("dotDeviation8", "func(n int, y, x *float32, mean float32) float32", "Σ y·(x-mean)", mean,
		func(load func(string) reg.VecVirtual, sum reg.VecVirtual, mean reg.VecVirtual) {
			d := load("x")
			VSUBPS(mean, d, d)
			VFMADD231PS(load("y"), d, sum)
		}, "y", "x")

	elementwise("affine8", "func(n int, y, x *float32, scale, shift float32)", "y = scale·x + shift", []string{"x"}, "y", []string{"scale", "shift"}, affineOf)
	elementwise("affine28", "func(n int, z, y, x *float32, ofY, ofX, shift float32)", "z = ofY·y + ofX·x + shift", []string{"y", "x"}, "z", []string{"ofY", "ofX", "shift"}, affine2Of)
	elementwise("add8", "func(n int, y, a, b *float32)", "y = a + b", []string{"a", "b"}, "y", nil, sumOf)
	elementwise("maximum8", "func(n int, y, a, b *float32)", "y = max(a, b), NaN if either is,", []string{"a", "b"}, "y", nil,
		func(in, _ []reg.VecVirtual) reg.VecVirtual {
			unordered, largest := YMM(), YMM()
			const isNaN = 3
			VCMPPS(Imm(isNaN), in[0], in[0], unordered)
			VMAXPS(in[1], in[0], largest) // the second operand wins if either is NaN
			VBLENDVPS(unordered, in[0], largest, largest)
			return largest
		})
	elementwise("clip8", "func(n int, y, x *float32, low, high float32)", "y = min(max(x, low), high), NaN staying NaN", []string{"x"}, "y", []string{"low", "high"}, clipped)
	elementwise("reluBackward8", "func(n int, dx, y, dy *float32)", "dx = dy where y > 0, else 0", []string{"y", "dy"}, "dx", nil,
		func(in, _ []reg.VecVirtual) reg.VecVirtual {
			zero := YMM()
			VXORPS(zero, zero, zero)
			const greater = 30 // ordered, quiet
			VCMPPS(Imm(greater), zero, in[0], in[0])
			VANDPS(in[0], in[1], in[1])
			return in[1]
		})
	elementwise("relu8", "func(n int, y, x *float32)", "y = max(0, x), NaN staying NaN", []string{"x"}, "y", nil,
		func(in, _ []reg.VecVirtual) reg.VecVirtual {
			zero := YMM()
			VXORPS(zero, zero, zero)
			VMAXPS(in[0], zero, in[0]) // the second operand wins if either is NaN
			return in[0]
		})
}

// The bodies that kernels of both vector sizes share; in are the inputs' elements, c the constants.

func affineOf(in, c []reg.VecVirtual) reg.VecVirtual {
	VFMADD213PS(c[1], c[0], in[0])
	return in[0]
}

func affine2Of(in, c []reg.VecVirtual) reg.VecVirtual {
	VFMADD213PS(c[2], c[1], in[1])
	VFMADD231PS(in[0], c[0], in[1])
	return in[1]
}

func sumOf(in, _ []reg.VecVirtual) reg.VecVirtual {
	VADDPS(in[1], in[0], in[0])
	return in[0]
}

// clipped lets a NaN stay one: the second operand wins.
func clipped(in, c []reg.VecVirtual) reg.VecVirtual {
	VMAXPS(in[0], c[0], in[0])
	VMINPS(in[0], c[1], in[0])
	return in[0]
}

// splitting generates the separation of neighbors.
func splitting() {
	function("split8", "func(n int, even, odd, x *float32)")
	Doc("split8 sets even[i] = x[2i] and odd[i] = x[2i+1] for 0 ≤ i < n, n a positive multiple of 8.")
	n := Load(Param("n"), GP64())
	even, odd, x := Load(Param("even"), GP64()), Load(Param("odd"), GP64()), Load(Param("x"), GP64())
	Label("splitLoop")
	a, b, v := YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: x}, a)
	VMOVUPS(Mem{Base: x, Disp: vectorBytes}, b)
	take := func(selector uint64, out reg.Register) {
		VSHUFPS(Imm(selector), b, a, v)
		VPERMPD(Imm(outer), v, v)
		VMOVUPS(v, Mem{Base: out})
		ADDQ(Imm(vectorBytes), out)
	}
	take(evens, even)
	take(odds, odd)
	ADDQ(Imm(2*vectorBytes), x)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("splitLoop"))
	VZEROUPPER()
	RET()
}

// halving generates the maximum of 2×2 elements.
func halving() {
	function("halve8", "func(n int, y, top, bottom *float32, floor float32)")
	Doc("halve8 sets y[i] to the largest of floor and the elements 2i and 2i+1 of top and bottom for 0 ≤ i < n, n a positive",
		"multiple of 8.")
	n := Load(Param("n"), GP64())
	y, top, bottom := Load(Param("y"), GP64()), Load(Param("top"), GP64()), Load(Param("bottom"), GP64())
	floor := bound("floor")
	Label("halveLoop")
	a, b, v := YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: top}, a)
	VMOVUPS(Mem{Base: top, Disp: vectorBytes}, b)
	VMAXPS(Mem{Base: bottom}, a, a)
	VMAXPS(Mem{Base: bottom, Disp: vectorBytes}, b, b)
	VSHUFPS(Imm(evens), b, a, v)
	VSHUFPS(Imm(odds), b, a, a)
	VMAXPS(a, v, v)
	VMAXPS(v, floor, v)
	VPERMPD(Imm(outer), v, v)
	VMOVUPS(v, Mem{Base: y})
	ADDQ(Imm(2*vectorBytes), top)
	ADDQ(Imm(2*vectorBytes), bottom)
	ADDQ(Imm(vectorBytes), y)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("halveLoop"))
	VZEROUPPER()
	RET()
}

// mean fills a vector with the parameter of that name.
func mean() reg.VecVirtual { return bound("mean") }

// reduction generates a sum over n elements, a multiple of 32, in 32 partial sums.
func reduction(name, signature, formula string, constant func() reg.VecVirtual,
	step func(load func(string) reg.VecVirtual, sum, constant reg.VecVirtual), inputs ...string) {
	const unroll = 4
	function(name, signature)
	Doc(name + " returns " + formula + " over n elements, n a positive multiple of 32.")
	n := Load(Param("n"), GP64())
	pointers := map[string]reg.Register{}
	for _, input := range inputs {
		pointers[input] = Load(Param(input), GP64())
	}
	var value reg.VecVirtual
	if constant != nil {
		value = constant()
	}
	sums := zeroed(unroll)
	Label(name + "Loop")
	for u := range unroll {
		step(func(input string) reg.VecVirtual {
			v := YMM()
			VMOVUPS(Mem{Base: pointers[input], Disp: 32 * u}, v)
			return v
		}, sums[u], value)
	}
	for _, input := range inputs {
		ADDQ(Imm(32*unroll), pointers[input])
	}
	SUBQ(Imm(8*unroll), n)
	JNZ(LabelRef(name + "Loop"))
	VADDPS(sums[1], sums[0], sums[0])
	VADDPS(sums[3], sums[2], sums[2])
	VADDPS(sums[2], sums[0], sums[0])
	high := XMM()
	VEXTRACTF128(Imm(1), sums[0], high)
	VADDPS(high, sums[0].AsX(), high)
	VHADDPS(high, high, high)
	VHADDPS(high, high, high)
	VZEROUPPER()
	Store(high, ReturnIndex(0))
	RET()
}

// elementwise generates a loop over n elements, a multiple of 8.
func elementwise(name, signature, formula string, inputs []string, output string, constants []string, body func(in, c []reg.VecVirtual) reg.VecVirtual) {
	function(name, signature)
	Doc(name + " computes " + formula + " for n elements, n a positive multiple of 8.")
	n := Load(Param("n"), GP64())
	var pointers []reg.Register
	for _, input := range inputs {
		pointers = append(pointers, Load(Param(input), GP64()))
	}
	out := Load(Param(output), GP64())
	var values []reg.VecVirtual
	for _, c := range constants {
		values = append(values, bound(c))
	}
	at := GP64()
	XORQ(at, at)
	Label(name + "Loop")
	var in []reg.VecVirtual
	for _, p := range pointers {
		v := YMM()
		VMOVUPS(Mem{Base: p, Index: at, Scale: 4}, v)
		in = append(in, v)
	}
	VMOVUPS(body(in, values), Mem{Base: out, Index: at, Scale: 4})
	ADDQ(Imm(8), at)
	CMPQ(at, n)
	JLT(LabelRef(name + "Loop"))
	VZEROUPPER()
	RET()
}
