// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// gather generates the copy of what one tap of a convolution meets, for stride 1 or 2 along the rows.
func gather(stride int) {
	name := fmt.Sprint("gatherStride", stride)
	function(name, "func(channels, rows, vectors int, x *float32, channelStep, column, at, advance, planeBytes int, zeros *float32, masks *int32, y *float32, rowStep, yStep int)")
	Doc(name+" copies, from each of channels ≥ 1 planes, rows ≥ 1 of vectors ≥ 1 of 8 elements, "+map[int]string{1: "neighbors", 2: "every second one"}[stride]+" in x.",
		"A plane's first row begins at bytes from x, the next is advance further on; rows that do not begin within planeBytes are",
		"zeros, which is as long as a row of vectors reaches. A row's first element is column from its beginning. Elements whose",
		fmt.Sprintf("masks, %d·8 a vector, are not negative are taken for zero and not read. All distances are in bytes.", stride))
	channels := Load(Param("channels"), GP64())
	x := Load(Param("x"), GP64())
	advance := Load(Param("advance"), GP64())
	planeBytes := Load(Param("planeBytes"), GP64())
	y := Load(Param("y"), GP64())
	rowStep := Load(Param("rowStep"), GP64())
	Label(name + "Channel")
	at := Load(Param("at"), GP64())
	rows := Load(Param("rows"), GP64())
	out := GP64()
	MOVQ(y, out)
	Label(name + "Row")
	in, outside, to := GP64(), GP64(), GP64()
	Load(Param("column"), in)
	ADDQ(x, in)
	ADDQ(at, in)
	Load(Param("zeros"), outside)
	CMPQ(at, planeBytes)
	CMOVQCC(outside, in)
	MOVQ(out, to)
	masks := Load(Param("masks"), GP64())
	vectors := Load(Param("vectors"), GP64())
	Label(name + "Vector")
	mask, v := YMM(), YMM()
	VMOVUPS(Mem{Base: masks}, mask)
	VMASKMOVPS(Mem{Base: in}, mask, v)
	if stride == 2 {
		second := YMM()
		VMOVUPS(Mem{Base: masks, Disp: vectorBytes}, mask)
		VMASKMOVPS(Mem{Base: in, Disp: vectorBytes}, mask, second)
		VSHUFPS(Imm(evens), second, v, v)
		VPERMPD(Imm(outer), v, v)
	}
	VMOVUPS(v, Mem{Base: to})
	ADDQ(Imm(uint64(vectorBytes*stride)), masks)
	ADDQ(Imm(uint64(vectorBytes*stride)), in)
	ADDQ(Imm(vectorBytes), to)
	DECQ(vectors)
	JNZ(LabelRef(name + "Vector"))
	ADDQ(advance, at)
	ADDQ(rowStep, out)
	DECQ(rows)
	JNZ(LabelRef(name + "Row"))
	step := Load(Param("channelStep"), GP64())
	ADDQ(step, x)
	step = Load(Param("yStep"), GP64())
	ADDQ(step, y)
	DECQ(channels)
	JNZ(LabelRef(name + "Channel"))
	VZEROUPPER()
	RET()
}
