// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// start is what the sums of a product begin with.
type start int

const (
	fromZero start = iota
	fromBias
	fromResult // what is in m already
)

// weightsAhead is how many bytes beyond the weights in use a product asks for: those of a deep network come from memory.
const weightsAhead = 4096

// rowsProduct generates the product of 4·quads rows of packed weights with a few vectors of columns; unless the sums begin
// with zero, bounds are applied to them at the end.
func rowsProduct(name string, vectors int, from start) {
	declareRowsProduct(name, from)
	var bias reg.Register
	if from != fromZero {
		bias = Load(Param("bias"), GP64())
	}
	quads := Load(Param("quads"), GP64())
	u := Load(Param("u"), GP64())
	vStride := Load(Param("vStride"), GP64())
	m := Load(Param("m"), GP64())
	mStride := Load(Param("mStride"), GP64())
	Label(name + "Quad")
	v := Load(Param("v"), GP64())
	channels := Load(Param("channels"), GP64())
	sums := firstSums(vectors, from, bias, m, mStride)
	Label(name + "Channel")
	PREFETCHT0(Mem{Base: u, Disp: weightsAhead})
	addProducts(sums, u, v)
	ADDQ(vStride, v)
	ADDQ(Imm(4*tileChannels), u)
	DECQ(channels)
	JNZ(LabelRef(name + "Channel"))
	var floor, ceiling reg.VecVirtual
	if from != fromZero {
		floor, ceiling = bound("floor"), bound("ceiling")
		ADDQ(Imm(4*tileChannels), bias)
	}
	for k := range sums {
		for i, sum := range sums[k] {
			if from != fromZero {
				VMAXPS(sum, floor, sum)
				VMINPS(sum, ceiling, sum)
			}
			VMOVUPS(sum, Mem{Base: m, Disp: vectorBytes * i})
		}
		ADDQ(mStride, m)
	}
	DECQ(quads)
	JNZ(LabelRef(name + "Quad"))
	VZEROUPPER()
	RET()
}

// declareRowsProduct begins the function.
func declareRowsProduct(name string, from start) {
	signature := "func(quads int, u *float32, channels int, v *float32, vStride int, m *float32, mStride int"
	switch from {
	case fromZero:
		function(name, signature+")")
		Doc(name+" computes m = u·v for 4 rows of m in each of quads ≥ 1 and a few vectors of 8 columns; u is",
			"[quads][channels][4], channels ≥ 1. The rows of v and m are vStride and mStride bytes apart.")
	case fromBias:
		function(name, signature+", bias *float32, floor, ceiling float32)")
		Doc(name + " is rowsProduct with a bias for each row, and keeps the results between floor and ceiling.")
	case fromResult:
		function(name, signature+", bias *float32, floor, ceiling float32)")
		Doc(name + " is rowsProduct that adds the product and a bias for each row to m, and keeps the results between floor and ceiling.")
	}
}

// firstSums returns what the sums of 4 rows begin with.
func firstSums(vectors int, from start, bias, m, mStride reg.Register) [tileChannels][]reg.VecVirtual {
	row := GP64()
	if from == fromResult {
		MOVQ(m, row)
	}
	var sums [tileChannels][]reg.VecVirtual
	for k := range sums {
		if from == fromZero {
			sums[k] = zeroed(vectors)
			continue
		}
		sums[k] = make([]reg.VecVirtual, vectors)
		for i := range sums[k] {
			sums[k][i] = YMM()
			VBROADCASTSS(Mem{Base: bias, Disp: 4 * k}, sums[k][i])
			if from == fromResult {
				VADDPS(Mem{Base: row, Disp: vectorBytes * i}, sums[k][i], sums[k][i])
			}
		}
		if from == fromResult && k < tileChannels-1 {
			ADDQ(mStride, row)
		}
	}
	return sums
}

// addProducts adds to the sums the products of one channel's weights with its columns.
func addProducts(sums [tileChannels][]reg.VecVirtual, u, v reg.Register) {
	columns := make([]reg.VecVirtual, len(sums[0]))
	for i := range columns {
		columns[i] = YMM()
		VMOVUPS(Mem{Base: v, Disp: vectorBytes * i}, columns[i])
	}
	for k := range sums {
		weight := YMM()
		VBROADCASTSS(Mem{Base: u, Disp: 4 * k}, weight)
		for i, column := range columns {
			VFMADD231PS(weight, column, sums[k][i])
		}
	}
}
