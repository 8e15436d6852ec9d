// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// strips generates the 3×3 depthwise convolution of strips of 8 columns of some planes, for stride 1 or 2. All weights stay in
// registers, as loads are what it has most of: each load of pixels serves all rows of the weights, and masks are only loaded
// where a strip has an edge.
type strips struct {
	name               string
	x, at, rowBytes    reg.Register
	zeros, left, right reg.Register
	masks, w, y, yStep reg.Register
	bias               reg.VecVirtual
	weights            [taps * taps]reg.VecVirtual
	edges              bool
}

func depthwiseStrips(stride int) {
	s := strips{name: fmt.Sprint("depthwiseStripsStride", stride)}
	function(s.name, "func(planes, strips, rows int, x *float32, planeStep, at, rowBytes, planeBytes int, zeros *float32, left, right int, masks *int32, w, bias, y *float32, yPlane, yStep int, floor, ceiling float32)")
	Doc(s.name+" computes, in each of planes ≥ 1, strips ≥ 1 of 8 neighboring columns of rows ≥ 1 of outputs: y = bias + Σ w·x over",
		"3×3 taps, kept between floor and ceiling; w has 9 elements a plane, bias one. The middle tap of a strip's first output's upper",
		"row meets what lies at from x, its neighbors what lies left and right from there; the next row of x is rowBytes further on.",
		"Rows for which at does not lie within planeBytes are zeros, around which as much is read. Unless masks is nil, the left",
		"neighbors of a strip's outputs and then the right ones are only read where masks are negative. All distances are in bytes.")
	s.rowBytes, s.zeros = Load(Param("rowBytes"), GP64()), Load(Param("zeros"), GP64())
	s.left, s.right, s.yStep = Load(Param("left"), GP64()), Load(Param("right"), GP64()), Load(Param("yStep"), GP64())
	s.masks, s.w = Load(Param("masks"), GP64()), Load(Param("w"), GP64())
	Label(s.name + "Plane")
	bias := Load(Param("bias"), GP64())
	s.bias = YMM()
	VBROADCASTSS(Mem{Base: bias}, s.bias)
	for tap := range s.weights {
		s.weights[tap] = YMM()
		VBROADCASTSS(Mem{Base: s.w, Disp: 4 * tap}, s.weights[tap])
	}
	s.x = Load(Param("x"), GP64())
	column, strips := Load(Param("y"), GP64()), Load(Param("strips"), GP64())
	Label(s.name + "Strip")
	s.y = GP64()
	MOVQ(column, s.y)
	rows := Load(Param("rows"), GP64())
	s.at = Load(Param("at"), GP64())
	TESTQ(s.masks, s.masks)
	JZ(LabelRef(s.name + "Inside"))
	for _, s.edges = range []bool{true, false} {
		if !s.edges {
			Label(s.name + "Inside")
		}
		if stride == 1 {
			s.everyRow(rows)
		} else {
			s.everySecondRow(rows)
		}
		if s.edges {
			JMP(LabelRef(s.name + "Done"))
		}
	}
	Label(s.name + "Done")
	ADDQ(Imm(vectorBytes), s.x)
	ADDQ(Imm(vectorBytes), column)
	DECQ(strips)
	JNZ(LabelRef(s.name + "Strip"))
	ADDQ(Imm(4*taps*taps), s.w)
	ADDQ(Imm(4), argument("bias"))
	step := Load(Param("planeStep"), GP64())
	ADDQ(step, argument("x"))
	step = Load(Param("yPlane"), GP64())
	ADDQ(step, argument("y"))
	DECQ(argument("planes"))
	JNZ(LabelRef(s.name + "Plane"))
	VZEROUPPER()
	RET()
}

// argument returns where a parameter lies, which the function may change.
func argument(name string) Mem {
	address, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return address.Addr
}

// loop goes over the outputs' rows.
func (s *strips) loop(rows reg.Register, body func()) {
	label := s.name + map[bool]string{true: "EdgeRow", false: "Row"}[s.edges]
	Label(label)
	body()
	DECQ(rows)
	JNZ(LabelRef(label))
}

// everyRow goes over the input rows, each of which ends one output, is the middle of the next and begins a third.
func (s *strips) everyRow(rows reg.Register) {
	next, last := YMM(), YMM() // sums of the output whose lower, or middle and lower, taps are still to come
	begun := s.sums(0)[0]
	both := s.sums(1, 0)
	VADDPS(begun, both[0], next)
	VMOVAPS(both[1], last)
	s.loop(rows, func() {
		all := s.sums(2, 1, 0)
		s.store(next, all[0])
		VADDPS(last, all[1], next)
		VMOVAPS(all[2], last)
	})
}

// everySecondRow goes over the input rows two at a time: the middle of an output, then the row that ends it and begins the
// next.
func (s *strips) everySecondRow(rows reg.Register) {
	begun := YMM()
	VMOVAPS(s.sums(0)[0], begun)
	s.loop(rows, func() {
		middle := s.sums(1)[0]
		VADDPS(begun, middle, middle)
		both := s.sums(2, 0)
		s.store(middle, both[0])
		VMOVAPS(both[1], begun)
	})
}

// sums returns the products of the next row of the input with some rows of the weights, and the bias for the first.
func (s *strips) sums(kernelRows ...int) []reg.VecVirtual {
	row := GP64()
	LEAQ(Mem{Base: s.x, Index: s.at, Scale: 1}, row)
	CMPQ(s.at, argument("planeBytes"))
	CMOVQCC(s.zeros, row)
	ADDQ(s.rowBytes, s.at)
	var results []reg.VecVirtual
	for kx, address := range []Mem{{Base: row, Index: s.left, Scale: 1}, {Base: row}, {Base: row, Index: s.right, Scale: 1}} {
		pixels := YMM()
		if s.edges && kx != 1 {
			VMOVUPS(Mem{Base: s.masks, Disp: kx / 2 * vectorBytes}, pixels)
			VMASKMOVPS(address, pixels, pixels)
		} else {
			VMOVUPS(address, pixels)
		}
		for i, ky := range kernelRows {
			weight := s.weights[taps*ky+kx]
			if kx > 0 {
				VFMADD231PS(pixels, weight, results[i])
				continue
			}
			results = append(results, YMM())
			if ky == 0 {
				VMOVAPS(s.bias, results[i])
				VFMADD231PS(pixels, weight, results[i])
			} else {
				VMULPS(pixels, weight, results[i])
			}
		}
	}
	return results
}

// store adds up the last two sums of a row of outputs, applies the bounds and writes it.
func (s *strips) store(a, b reg.VecVirtual) {
	VADDPS(a, b, b)
	VMAXPS(b, bound("floor"), b)
	VMINPS(b, bound("ceiling"), b)
	VMOVUPS(b, Mem{Base: s.y})
	ADDQ(s.yStep, s.y)
}
