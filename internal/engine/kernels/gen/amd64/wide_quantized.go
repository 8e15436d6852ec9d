// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// wideDotTiles generates dotTiles for AVX-512: the 16 output channels of a tile fill a vector. With vnni, one instruction
// multiplies two channels, adds them up and adds them to the sums.
func wideDotTiles(name string, vnni bool) {
	function(name, "func(tiles int, offsets *int, x *int16, runs int, runOffsets *int, units int, w *int16, sums *int32)")
	instructions := "AVX-512BW"
	if vnni {
		instructions = "AVX-512VNNI"
	}
	Doc(fmt.Sprintf("%s is dotTiles6x16 by %s.", name, instructions))
	tiles := Load(Param("tiles"), GP64())
	offsets := Load(Param("offsets"), GP64())
	sums := Load(Param("sums"), GP64())

	Label(name + "Tile")
	var rows [dotRows]reg.GPVirtual
	for r := range rows {
		rows[r] = Load(Param("x"), GP64()).(reg.GPVirtual)
		ADDQ(Mem{Base: offsets, Disp: 8 * r}, rows[r])
	}
	// Even and odd units have sums of their own, so that an addition need not wait for the one before.
	accumulators := wideZeroed(2 * dotRows)
	w := Load(Param("w"), GP64())
	runs := Load(Param("runs"), GP64())
	runOffsets := Load(Param("runOffsets"), GP64())
	Label(name + "Run")
	at, units := GP64(), Load(Param("units"), GP64())
	MOVQ(Mem{Base: runOffsets}, at)
	Label(name + "Unit")
	for half := range 2 {
		weights := ZMM()
		VMOVDQU32(Mem{Base: w, Disp: wideBytes * half}, weights)
		for r := range rows {
			channels := Mem{Base: rows[r], Index: at, Scale: 1, Disp: unitBytes * half}
			sum := accumulators[half*dotRows+r]
			if vnni {
				VPDPWSSD_BCST(channels, weights, sum)
				continue
			}
			pixel := ZMM()
			VPBROADCASTD(channels, pixel)
			VPMADDWD(weights, pixel, pixel)
			VPADDD(pixel, sum, sum)
		}
	}
	ADDQ(Imm(2*unitBytes), at)
	ADDQ(U32(2*wideBytes), w)
	SUBQ(Imm(2), units)
	JNZ(LabelRef(name + "Unit"))
	ADDQ(Imm(8), runOffsets)
	DECQ(runs)
	JNZ(LabelRef(name + "Run"))
	for r := range rows {
		VPADDD(accumulators[dotRows+r], accumulators[r], accumulators[r])
		VMOVDQU32(accumulators[r], Mem{Base: sums, Disp: wideBytes * r})
	}
	ADDQ(U32(wideBytes*dotRows), sums)
	ADDQ(Imm(8*dotRows), offsets)
	DECQ(tiles)
	JNZ(LabelRef(name + "Tile"))
	VZEROUPPER()
	RET()
}

// wideDotBytes generates dotBytes for AVX-512VNNI, whose sums of four products have 32 bits, so that weights may be any.
func wideDotBytes() {
	function("wideDotBytesVNNI", "func(tiles int, offsets *int, x *uint8, runs int, runOffsets *int, units int, w *int8, sums *int32)")
	Doc("wideDotBytesVNNI is dotBytes6x16 by AVX-512VNNI, for any weights.")
	tiles := Load(Param("tiles"), GP64())
	offsets := Load(Param("offsets"), GP64())
	sums := Load(Param("sums"), GP64())

	Label("wideDotBytesTile")
	var rows [dotRows]reg.GPVirtual
	for r := range rows {
		rows[r] = Load(Param("x"), GP64()).(reg.GPVirtual)
		ADDQ(Mem{Base: offsets, Disp: 8 * r}, rows[r])
	}
	accumulators := wideZeroed(dotRows)
	w := Load(Param("w"), GP64())
	runs := Load(Param("runs"), GP64())
	runOffsets := Load(Param("runOffsets"), GP64())
	Label("wideDotBytesRun")
	at, units := GP64(), Load(Param("units"), GP64())
	MOVQ(Mem{Base: runOffsets}, at)
	Label("wideDotBytesUnit")
	weights := ZMM()
	VMOVDQU32(Mem{Base: w}, weights)
	for r := range rows {
		pixel := ZMM() // the first factor is the unsigned one, so it can't be an operand from memory
		VPBROADCASTD(Mem{Base: rows[r], Index: at, Scale: 1}, pixel)
		VPDPBUSD(weights, pixel, accumulators[r])
	}
	ADDQ(Imm(unitBytes), at)
	ADDQ(Imm(wideBytes), w)
	DECQ(units)
	JNZ(LabelRef("wideDotBytesUnit"))
	ADDQ(Imm(8), runOffsets)
	DECQ(runs)
	JNZ(LabelRef("wideDotBytesRun"))
	for r, sum := range accumulators {
		VMOVDQU32(sum, Mem{Base: sums, Disp: wideBytes * r})
	}
	ADDQ(U32(wideBytes*dotRows), sums)
	ADDQ(Imm(8*dotRows), offsets)
	DECQ(tiles)
	JNZ(LabelRef("wideDotBytesTile"))
	VZEROUPPER()
	RET()
}
