// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// wideConvTile generates convTile for vectors of 16 pixels.
func wideConvTile() {
	function("wideConvTiles3x3", "func(tiles int, offsets *int, x *float32, channels, channelStride, rowStride int, w, bias, y *float32, planeStride int)")
	Doc("wideConvTiles3x3 is convTiles3x3 for vectors of 16 pixels.")
	tiles := Load(Param("tiles"), GP64())
	offsets := Load(Param("offsets"), GP64())
	channelStride := Load(Param("channelStride"), GP64())
	rowStride := Load(Param("rowStride"), GP64())
	planeStride := Load(Param("planeStride"), GP64())

	Label("wideConvTile")
	var x [tileVectors]reg.GPVirtual
	for v := range x {
		x[v] = Load(Param("x"), GP64()).(reg.GPVirtual)
		ADDQ(Mem{Base: offsets, Disp: 8 * v}, x[v])
	}
	w := Load(Param("w"), GP64())
	channels := Load(Param("channels"), GP64())
	bias := Load(Param("bias"), GP64())
	var sums [tileChannels][]reg.VecVirtual
	for k := range sums {
		for range tileVectors {
			sum := ZMM()
			VBROADCASTSS(Mem{Base: bias, Disp: 4 * k}, sum)
			sums[k] = append(sums[k], sum)
		}
	}
	Label("wideConvChannel")
	for tap := range taps * taps {
		ky, kx := tap/taps, tap%taps
		var pixels [tileVectors]reg.VecVirtual
		for v := range pixels {
			pixels[v] = ZMM()
			VMOVUPS(rowAddress(x[v], rowStride, ky, 4*kx), pixels[v])
		}
		for k := range tileChannels {
			wideMultiplyRow(k, Mem{Base: w, Disp: 4 * (tap*tileChannels + k)}, pixels[:], sums[k], whole)
		}
	}
	for v := range x {
		ADDQ(channelStride, x[v])
	}
	ADDQ(U32(4*taps*taps*tileChannels), w)
	DECQ(channels)
	JNZ(LabelRef("wideConvChannel"))

	for v := range tileVectors {
		at := Load(Param("y"), GP64())
		ADDQ(Mem{Base: offsets, Disp: 8 * (tileVectors + v)}, at)
		for k := range tileChannels {
			VMOVUPS(sums[k][v], Mem{Base: at})
			if k < tileChannels-1 {
				ADDQ(planeStride, at)
			}
		}
	}
	ADDQ(Imm(8*2*tileVectors), offsets)
	DECQ(tiles)
	JNZ(LabelRef("wideConvTile"))
	VZEROUPPER()
	RET()
}

// wideConvWeightTile generates convWeightTile for vectors of 16 pixels; an odd last one of 8 is masked.
func wideConvWeightTile() {
	function("wideConvWeights3x3", "func(rows int, offsets *int, vectors int, x *float32, channels, channelStride, rowStride int, dy *float32, dyStride int, dw *float32)")
	Doc("wideConvWeights3x3 adds to dw, [channels][3][4][3] (kernel row, output channel, kernel column), the products of dy and x",
		"summed over rows ≥ 1 of 8·vectors pixels. offsets holds each row's place in x in bytes, where the window of its first",
		"pixel begins; the rows of dy follow one another, and its 4 output channels are dyStride apart. Strides are in bytes.")
	offsets := Load(Param("offsets"), GP64())
	dyStride := Load(Param("dyStride"), GP64())
	dyStride3 := GP64()
	LEAQ(Mem{Base: dyStride, Index: dyStride, Scale: 2}, dyStride3)
	dw := Load(Param("dw"), GP64())
	channels := Load(Param("channels"), GP64())
	channel := Load(Param("x"), GP64())
	half, lowHalf := GP32(), K()
	MOVL(U32(0xFF), half)
	KMOVW(half, lowHalf)

	Label("wideWeightsChannel")
	kernelRows, window := GP64(), GP64()
	MOVQ(U32(taps), kernelRows)
	MOVQ(channel, window)
	Label("wideWeightsKernelRow")
	sums := wideZeroed(tileChannels * taps)
	rows, at := Load(Param("rows"), GP64()), GP64()
	MOVQ(offsets, at)
	dy := Load(Param("dy"), GP64())
	Label("wideWeightsRow")
	x := GP64()
	MOVQ(Mem{Base: at}, x)
	ADDQ(window, x)
	// multiply adds the products of one vector of pixels.
	multiply := func(load func(address Mem, v reg.VecVirtual)) {
		var pixels [taps]reg.VecVirtual
		for t := range pixels {
			pixels[t] = ZMM()
			load(Mem{Base: x, Disp: 4 * t}, pixels[t])
		}
		for k := range tileChannels {
			gradient := ZMM()
			address := rowAddress(dy, dyStride, k, 0)
			if k == 3 {
				address = Mem{Base: dy, Index: dyStride3, Scale: 1}
			}
			load(address, gradient)
			for t := range taps {
				VFMADD231PS(gradient, pixels[t], sums[k*taps+t])
			}
		}
	}
	vectors := Load(Param("vectors"), GP64())
	SUBQ(Imm(2), vectors)
	JLT(LabelRef("wideWeightsLast"))
	Label("wideWeightsVector")
	multiply(func(address Mem, v reg.VecVirtual) { VMOVUPS(address, v) })
	ADDQ(Imm(wideBytes), x)
	ADDQ(Imm(wideBytes), dy)
	SUBQ(Imm(2), vectors)
	JGE(LabelRef("wideWeightsVector"))
	Label("wideWeightsLast")
	ADDQ(Imm(2), vectors)
	JZ(LabelRef("wideWeightsRowEnd"))
	multiply(func(address Mem, v reg.VecVirtual) { VMOVUPS_Z(address, lowHalf, v) })
	ADDQ(Imm(vectorBytes), dy)
	Label("wideWeightsRowEnd")
	ADDQ(Imm(8), at)
	DECQ(rows)
	JNZ(LabelRef("wideWeightsRow"))

	for i := 0; i < len(sums); i += 4 {
		total := wideSums(sums[i : i+4])
		VADDPS(Mem{Base: dw, Disp: 4 * i}, total, total)
		VMOVUPS(total, Mem{Base: dw, Disp: 4 * i})
	}
	ADDQ(Imm(4*tileChannels*taps), dw)
	stride := Load(Param("rowStride"), GP64())
	ADDQ(stride, window)
	DECQ(kernelRows)
	JNZ(LabelRef("wideWeightsKernelRow"))
	step := Load(Param("channelStride"), GP64())
	ADDQ(step, channel)
	DECQ(channels)
	JNZ(LabelRef("wideWeightsChannel"))
	VZEROUPPER()
	RET()
}
