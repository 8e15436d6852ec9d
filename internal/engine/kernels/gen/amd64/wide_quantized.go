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
	Label("wideDotBytesTile")
	accumulators := wideZeroed(2 * dotRows)
	wideDotBytesTile("wideDotBytes", accumulators)
	sums := Load(Param("sums"), GP64())
	for r, sum := range accumulators[:dotRows] {
		VMOVDQU32(sum, Mem{Base: sums, Disp: wideBytes * r})
	}
	advance("sums", U32(wideBytes*dotRows))
	nextTile("wideDotBytesTile")
}

// wideConvBytes generates convBytes for AVX-512VNNI.
func wideConvBytes() {
	function("wideConvBytesVNNI", "func(tiles int, offsets *int, x *uint8, runs int, runOffsets *int, units int, w *int8, bias *int32, scale *float32, to *float32, y *uint8, pixelStride int)")
	Doc("wideConvBytesVNNI is convBytes6x16 by AVX-512VNNI, for any weights.")
	Label("wideConvBytesTile")
	accumulators := wideZeroed(2 * dotRows)
	bias := Load(Param("bias"), GP64())
	for r := range dotRows {
		VMOVDQU32(Mem{Base: bias}, accumulators[r])
	}
	wideDotBytesTile("wideConvBytes", accumulators)
	scale, to := ZMM(), Load(Param("to"), GP64())
	VMOVUPS(Mem{Base: Load(Param("scale"), GP64())}, scale)
	y, pixelStride := Load(Param("y"), GP64()), Load(Param("pixelStride"), GP64())
	for _, sum := range accumulators[:dotRows] {
		VMOVDQU(wideBytesOf(sum, scale, to), Mem{Base: y})
		ADDQ(pixelStride, y)
	}
	Store(y, Param("y"))
	nextTile("wideConvBytesTile")
}

// wideBytesOf turns 16 sums with their bias into bytes, as output does.
func wideBytesOf(sums, scale reg.VecVirtual, to reg.Register) reg.Register {
	VCVTDQ2PS(sums, sums)
	VMULPS(scale, sums, sums)
	VMINPS_BCST(Mem{Base: to, Disp: rangeHigh}, sums, sums)
	VCVTPS2DQ(sums, sums)
	words, zero, bytes := YMM(), YMM(), XMM()
	VPMOVSDW(sums, words)
	VPADDSW(Mem{Base: to, Disp: rangeZero}, words, words)
	VPXOR(zero, zero, zero)
	VPMAXSW(zero, words, words)
	VPMOVUSWB(words, bytes)
	VPMAXUB(Mem{Base: to, Disp: rangeLow}, bytes, bytes)
	return bytes
}

// wideDotBytesTile adds the products of a tile to the first half of accumulators. The second half has the sums of every
// other unit, so that an addition need not wait for the one before.
func wideDotBytesTile(name string, accumulators []reg.VecVirtual) {
	offsets := Load(Param("offsets"), GP64())
	var rows [dotRows]reg.GPVirtual
	for r := range rows {
		rows[r] = Load(Param("x"), GP64()).(reg.GPVirtual)
		ADDQ(Mem{Base: offsets, Disp: 8 * r}, rows[r])
	}
	w := Load(Param("w"), GP64())
	runs := Load(Param("runs"), GP64())
	runOffsets := Load(Param("runOffsets"), GP64())
	at, units := GP64(), GP64()
	multiply := func(count int) {
		for unit := range count {
			weights := ZMM()
			VMOVDQU32(Mem{Base: w, Disp: wideBytes * unit}, weights)
			for r := range rows {
				pixel := ZMM() // the first factor is the unsigned one, so it can't be an operand from memory
				VPBROADCASTD(Mem{Base: rows[r], Index: at, Scale: 1, Disp: unitBytes * unit}, pixel)
				VPDPBUSD(weights, pixel, accumulators[unit*dotRows+r])
			}
		}
		ADDQ(Imm(uint64(unitBytes*count)), at)
		ADDQ(U32(uint32(wideBytes*count)), w)
	}
	Label(name + "Run")
	MOVQ(Mem{Base: runOffsets}, at)
	Load(Param("units"), units)
	SUBQ(Imm(2), units)
	JLT(LabelRef(name + "Last"))
	Label(name + "Pair")
	multiply(2)
	SUBQ(Imm(2), units)
	JGE(LabelRef(name + "Pair"))
	Label(name + "Last")
	ADDQ(Imm(2), units)
	JZ(LabelRef(name + "Next"))
	multiply(1)
	Label(name + "Next")
	ADDQ(Imm(8), runOffsets)
	DECQ(runs)
	JNZ(LabelRef(name + "Run"))
	for r := range dotRows {
		VPADDD(accumulators[dotRows+r], accumulators[r], accumulators[r])
	}
	advance("offsets", Imm(8*dotRows))
}
