// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// wideVectors generates the elementwise kernels and sums of AVX-512, whose last vector is masked.
func wideVectors() {
	wideReduction("wideSum", "func(n int, x *float32) float32", "Σx", false,
		func(load func(string) reg.VecVirtual, sum, _ reg.VecVirtual, _ reg.Register) {
			VADDPS(load("x"), sum, sum)
		}, "x")
	wideReduction("wideSquaredDeviations", "func(n int, x *float32, mean float32) float32", "Σ(x-mean)²", true,
		func(load func(string) reg.VecVirtual, sum, mean reg.VecVirtual, mask reg.Register) {
			d := load("x")
			subtract(mean, d, mask)
			VFMADD231PS(d, d, sum)
		}, "x")
	wideReduction("wideDotDeviation", "func(n int, y, x *float32, mean float32) float32", "Σ y·(x-mean)", true,
		func(load func(string) reg.VecVirtual, sum, mean reg.VecVirtual, mask reg.Register) {
			d := load("x")
			subtract(mean, d, mask)
			VFMADD231PS(load("y"), d, sum)
		}, "y", "x")

	wideElementwise("wideAffine", "func(n int, y, x *float32, scale, shift float32)", "y = scale·x + shift", []string{"x"}, "y", []string{"scale", "shift"}, affineOf)
	wideElementwise("wideAffine2", "func(n int, z, y, x *float32, ofY, ofX, shift float32)", "z = ofY·y + ofX·x + shift", []string{"y", "x"}, "z", []string{"ofY", "ofX", "shift"}, affine2Of)
	wideElementwise("wideAdd", "func(n int, y, a, b *float32)", "y = a + b", []string{"a", "b"}, "y", nil, sumOf)
	wideElementwise("wideMaximum", "func(n int, y, a, b *float32)", "y = max(a, b), NaN if either is,", []string{"a", "b"}, "y", nil,
		func(in, _ []reg.VecVirtual) reg.VecVirtual {
			unordered, largest := K(), ZMM()
			const isNaN = 3
			VCMPPS(Imm(isNaN), in[0], in[0], unordered)
			VMAXPS(in[1], in[0], largest) // the second operand wins if either is NaN
			VMOVAPS(in[0], unordered, largest)
			return largest
		})
	wideElementwise("wideClip", "func(n int, y, x *float32, low, high float32)", "y = min(max(x, low), high), NaN staying NaN", []string{"x"}, "y", []string{"low", "high"}, clipped)
	wideElementwise("wideReluBackward", "func(n int, dx, y, dy *float32)", "dx = dy where y > 0, else 0", []string{"y", "dy"}, "dx", nil,
		func(in, _ []reg.VecVirtual) reg.VecVirtual {
			positive := K()
			VCMPPS(Imm(greaterThan), wideZeroed(1)[0], in[0], positive)
			VMOVAPS_Z(in[1], positive, in[1])
			return in[1]
		})
	wideElementwise("wideRelu", "func(n int, y, x *float32)", "y = max(0, x), NaN staying NaN", []string{"x"}, "y", nil,
		func(in, _ []reg.VecVirtual) reg.VecVirtual {
			VMAXPS(in[0], wideZeroed(1)[0], in[0]) // the second operand wins if either is NaN
			return in[0]
		})
}

// subtract subtracts mean from d, and zeroes the elements of d that a mask, if there is one, leaves out.
func subtract(mean, d reg.VecVirtual, mask reg.Register) {
	if mask == nil {
		VSUBPS(mean, d, d)
	} else {
		VSUBPS_Z(mean, d, mask, d)
	}
}

// wideReduction generates a sum over n elements in 64 partial sums.
func wideReduction(name, signature, formula string, hasMean bool,
	step func(load func(string) reg.VecVirtual, sum, mean reg.VecVirtual, mask reg.Register), inputs ...string) {
	const unroll = 4
	function(name, signature)
	Doc(name + " returns " + formula + " over n ≥ 1 elements.")
	n := Load(Param("n"), GP64())
	pointers := map[string]reg.Register{}
	for _, input := range inputs {
		pointers[input] = Load(Param(input), GP64())
	}
	var mean reg.VecVirtual
	if hasMean {
		mean = wideBound("mean")
	}
	sums := wideZeroed(unroll)
	advance := func(vectors int) {
		for _, input := range inputs {
			ADDQ(U32(wideBytes*vectors), pointers[input])
		}
		SUBQ(Imm(uint64(wideLanes*vectors)), n)
	}
	// loop sums whole steps of some vectors.
	loop := func(label string, vectors int) {
		SUBQ(Imm(uint64(wideLanes*vectors)), n)
		JLT(LabelRef(name + label + "End"))
		Label(name + label)
		for u := range vectors {
			step(func(input string) reg.VecVirtual {
				v := ZMM()
				VMOVUPS(Mem{Base: pointers[input], Disp: wideBytes * u}, v)
				return v
			}, sums[u], mean, nil)
		}
		advance(vectors)
		JGE(LabelRef(name + label))
		Label(name + label + "End")
		ADDQ(Imm(uint64(wideLanes*vectors)), n)
	}
	loop("Four", unroll)
	loop("One", 1)
	JZ(LabelRef(name + "Done"))
	mask := lowLanes(n.(reg.GPVirtual).As32())
	step(func(input string) reg.VecVirtual {
		v := ZMM()
		VMOVUPS_Z(Mem{Base: pointers[input]}, mask, v)
		return v
	}, sums[1], mean, mask)
	Label(name + "Done")
	VADDPS(sums[1], sums[0], sums[0])
	VADDPS(sums[3], sums[2], sums[2])
	VADDPS(sums[2], sums[0], sums[0])
	addHalves(sums[:1])
	total := XMM()
	VEXTRACTF32X4(Imm(1), sums[0].AsY(), total)
	VADDPS(sums[0].AsX(), total, total)
	VHADDPS(total, total, total)
	VHADDPS(total, total, total)
	VZEROUPPER()
	Store(total, ReturnIndex(0))
	RET()
}

// wideElementwise generates a loop over n elements.
func wideElementwise(name, signature, formula string, inputs []string, output string, constants []string, body func(in, c []reg.VecVirtual) reg.VecVirtual) {
	function(name, signature)
	Doc(name + " computes " + formula + " for n ≥ 1 elements.")
	n := Load(Param("n"), GP64())
	var pointers []reg.Register
	for _, input := range inputs {
		pointers = append(pointers, Load(Param(input), GP64()))
	}
	out := Load(Param(output), GP64())
	var values []reg.VecVirtual
	for _, c := range constants {
		values = append(values, wideBound(c))
	}
	at := GP64()
	XORQ(at, at)
	SUBQ(Imm(wideLanes), n)
	JLT(LabelRef(name + "Last"))
	Label(name + "Loop")
	var in []reg.VecVirtual
	for _, p := range pointers {
		v := ZMM()
		VMOVUPS(Mem{Base: p, Index: at, Scale: 4}, v)
		in = append(in, v)
	}
	VMOVUPS(body(in, values), Mem{Base: out, Index: at, Scale: 4})
	ADDQ(Imm(wideLanes), at)
	CMPQ(at, n)
	JLE(LabelRef(name + "Loop"))
	Label(name + "Last")
	ADDQ(Imm(wideLanes), n)
	SUBQ(at, n)
	JZ(LabelRef(name + "Done"))
	mask := lowLanes(n.(reg.GPVirtual).As32())
	in = nil
	for _, p := range pointers {
		v := ZMM()
		VMOVUPS_Z(Mem{Base: p, Index: at, Scale: 4}, mask, v)
		in = append(in, v)
	}
	VMOVUPS(body(in, values), mask, Mem{Base: out, Index: at, Scale: 4})
	Label(name + "Done")
	VZEROUPPER()
	RET()
}
