// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// strip generates the 3×3 depthwise convolution of a strip of one plane, 8 outputs wide, for stride 1 or 2. It reads the
// plane in place: masks leave out the columns beyond its sides, and a row of zeros stands for those above and below. A row
// of the input is read once for all the outputs that it adds to.
type strip struct {
	name                               string
	stride                             int
	x, at, rowBytes, planeBytes, zeros reg.Register
	w, y, yStep                        reg.Register
	bias                               reg.VecVirtual
	masks                              []reg.VecVirtual
	weights                            [taps * taps]reg.VecVirtual // nil where there is no register for one
}

// stripLoads are the elements at which the loads of a window's row begin: one a tap, or with stride 2 one for each half of
// the even and of the odd elements, which are sorted out in registers.
var stripLoads = map[int][]int{1: {0, 1, 2}, 2: {0, 8, 2, 10}}

// stripWeights is the number of weights for which there are registers, by stride.
var stripWeights = map[int]int{1: 5, 2: 4}

func depthwise3x3(stride int) {
	s := strip{name: fmt.Sprint("depthwise3x3Stride", stride), stride: stride}
	function(s.name, "func(rows int, x *float32, column, at, rowBytes, planeBytes int, zeros *float32, masks *int32, w *float32, y *float32, yStep int, bias, floor, ceiling float32)")
	Doc(s.name+" computes rows ≥ 1 of 8 neighboring outputs: y = bias + Σ w·x over 3×3 taps, kept between floor and ceiling.",
		"The row of x of the first output's upper taps begins at bytes from x; rows that do not begin within planeBytes are",
		"zeros, which has 18 elements. The first output's left tap is column from the beginning of its row.",
		fmt.Sprintf("Of the 8 elements of a row from each of the elements %v behind that, those are read whose masks are negative.", stripLoads[stride]),
		"All distances are in bytes.")
	s.x, s.at = Load(Param("x"), GP64()), Load(Param("at"), GP64())
	ADDQ(Load(Param("column"), GP64()), s.x)
	s.rowBytes, s.planeBytes = Load(Param("rowBytes"), GP64()), Load(Param("planeBytes"), GP64())
	s.zeros = Load(Param("zeros"), GP64())
	s.w, s.y, s.yStep = Load(Param("w"), GP64()), Load(Param("y"), GP64()), Load(Param("yStep"), GP64())
	rows := Load(Param("rows"), GP64())
	s.bias = bound("bias")
	masks := Load(Param("masks"), GP64())
	for i := range stripLoads[stride] {
		s.masks = append(s.masks, YMM())
		VMOVUPS(Mem{Base: masks, Disp: vectorBytes * i}, s.masks[i])
	}
	for tap := range stripWeights[stride] {
		s.weights[tap] = YMM()
		VBROADCASTSS(Mem{Base: s.w, Disp: 4 * tap}, s.weights[tap])
	}
	if stride == 1 {
		s.rows(rows)
	} else {
		s.pairs(rows)
	}
	VZEROUPPER()
	RET()
}

// rows goes over the input rows, each of which ends one output, is the middle of the next and begins a third.
func (s *strip) rows(rows reg.Register) {
	next, last := YMM(), YMM() // sums of the output whose lower, or middle and lower, taps are still to come
	row := s.read()
	s.sum(row, 0, last)
	row = s.read()
	middle := YMM()
	s.sum(row, 1, middle)
	VADDPS(middle, last, next)
	s.sum(row, 0, last)
	Label(s.name + "Row")
	row = s.read()
	end := YMM()
	s.sum(row, 2, end)
	VADDPS(next, end, end)
	s.store(end)
	middle = YMM()
	s.sum(row, 1, middle)
	VADDPS(middle, last, next)
	s.sum(row, 0, last)
	DECQ(rows)
	JNZ(LabelRef(s.name + "Row"))
}

// pairs goes over the input rows two at a time: the middle of an output, then the row that ends it and begins the next.
func (s *strip) pairs(rows reg.Register) {
	begun := YMM()
	s.sum(s.read(), 0, begun)
	Label(s.name + "Row")
	middle := YMM()
	s.sum(s.read(), 1, middle)
	VADDPS(middle, begun, middle)
	row := s.read()
	end := YMM()
	s.sum(row, 2, end)
	VADDPS(middle, end, end)
	s.store(end)
	s.sum(row, 0, begun)
	DECQ(rows)
	JNZ(LabelRef(s.name + "Row"))
}

// read returns what each of the three taps of a row meets, and goes on to the next row.
func (s *strip) read() [taps]reg.VecVirtual {
	row := GP64()
	LEAQ(Mem{Base: s.x, Index: s.at, Scale: 1}, row)
	CMPQ(s.at, s.planeBytes)
	CMOVQCC(s.zeros, row)
	ADDQ(s.rowBytes, s.at)
	load := func(i int) reg.VecVirtual {
		v := YMM()
		VMASKMOVPS(Mem{Base: row, Disp: 4 * stripLoads[s.stride][i]}, s.masks[i], v)
		return v
	}
	if s.stride == 1 {
		return [taps]reg.VecVirtual{load(0), load(1), load(2)}
	}
	a, b := load(0), load(1)
	even := YMM()
	VSHUFPS(Imm(evens), b, a, even)
	VSHUFPS(Imm(odds), b, a, a)
	c, d := load(2), load(3)
	VSHUFPS(Imm(evens), d, c, c)
	return [taps]reg.VecVirtual{even, a, c}
}

// sum sets sum to the products of a row with row ky of the weights, and the bias for the first.
func (s *strip) sum(row [taps]reg.VecVirtual, ky int, sum reg.VecVirtual) {
	for kx, v := range row {
		weight := s.weights[taps*ky+kx]
		if weight == nil {
			weight = YMM()
			VBROADCASTSS(Mem{Base: s.w, Disp: 4 * (taps*ky + kx)}, weight)
		}
		switch {
		case kx > 0:
			VFMADD231PS(v, weight, sum)
		case ky == 0:
			VMOVAPS(s.bias, sum)
			VFMADD231PS(v, weight, sum)
		default:
			VMULPS(v, weight, sum)
		}
	}
}

// store applies the bounds and writes a row of outputs.
func (s *strip) store(v reg.VecVirtual) {
	VMAXPS(v, bound("floor"), v)
	VMINPS(v, bound("ceiling"), v)
	if s.stride == 2 {
		VPERMPD(Imm(outer), v, v)
	}
	VMOVUPS(v, Mem{Base: s.y})
	ADDQ(s.yStep, s.y)
}

// Selectors of shuffles: of each half of two vectors, the even or the odd elements, which leaves pairs in the order 0, 2,
// 1, 3 that outer undoes.
const (
	evens = 0x88
	odds  = 0xDD
	outer = 0xD8
)
