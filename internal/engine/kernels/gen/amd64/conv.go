// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The tile of the 3×3 convolution: 4 output channels of 3 vectors of 8 pixels, which may lie anywhere in the image.
const (
	tileChannels = 4
	tileVectors  = 3
	taps         = 3 // per row and column of the kernel
)

// rowAddress returns the address of row ky (0, 1 or 2) below base.
func rowAddress(base, stride reg.Register, ky, disp int) Mem {
	if ky == 0 {
		return Mem{Base: base, Disp: disp}
	}
	return Mem{Base: base, Index: stride, Scale: uint8(ky), Disp: disp}
}

// convTile generates the forward pass of the 3×3 convolution with stride 1 over a padded image.
func convTile() {
	function("convTiles3x3", "func(tiles int, offsets *int, x *float32, channels, channelStride, rowStride int, w, bias, y *float32, planeStride int)")
	Doc("convTiles3x3 computes, for each of the tiles ≥ 1, 4 output channels of 3 vectors of 8 pixels. offsets holds 6 byte",
		"offsets a tile: the vectors' places in x, where the window of their first pixel begins, then those in y. x is a padded",
		"image of channels ≥ 1 planes; w is [channels][3][3][4]; bias has 4 elements. Strides are in bytes.")
	tiles := Load(Param("tiles"), GP64())
	offsets := Load(Param("offsets"), GP64())
	channelStride := Load(Param("channelStride"), GP64())
	rowStride := Load(Param("rowStride"), GP64())
	planeStride := Load(Param("planeStride"), GP64())

	Label("convTile")
	var x [tileVectors]reg.GPVirtual
	for v := range x {
		x[v] = GP64()
		MOVQ(Mem{Base: offsets, Disp: 8 * v}, x[v])
		base := Load(Param("x"), GP64())
		ADDQ(base, x[v])
	}
	w := Load(Param("w"), GP64())
	channels := Load(Param("channels"), GP64())
	bias := Load(Param("bias"), GP64())
	var sums [tileChannels][tileVectors]reg.VecVirtual
	for k := range sums {
		for v := range sums[k] {
			sums[k][v] = YMM()
			VBROADCASTSS(Mem{Base: bias, Disp: 4 * k}, sums[k][v])
		}
	}
	Label("convChannel")
	for tap := range taps * taps {
		ky, kx := tap/taps, tap%taps
		var pixels [tileVectors]reg.VecVirtual
		for v := range pixels {
			pixels[v] = YMM()
			VMOVUPS(rowAddress(x[v], rowStride, ky, 4*kx), pixels[v])
		}
		for k := range tileChannels {
			weight := YMM()
			VBROADCASTSS(Mem{Base: w, Disp: 4 * (tap*tileChannels + k)}, weight)
			for v := range tileVectors {
				VFMADD231PS(weight, pixels[v], sums[k][v])
			}
		}
	}
	for v := range x {
		ADDQ(channelStride, x[v])
	}
	ADDQ(Imm(4*taps*taps*tileChannels), w)
	DECQ(channels)
	JNZ(LabelRef("convChannel"))

	for v := range tileVectors {
		at := GP64()
		MOVQ(Mem{Base: offsets, Disp: 8 * (tileVectors + v)}, at)
		y := Load(Param("y"), GP64())
		ADDQ(y, at)
		for k := range tileChannels {
			VMOVUPS(sums[k][v], Mem{Base: at})
			if k < tileChannels-1 {
				ADDQ(planeStride, at)
			}
		}
	}
	ADDQ(Imm(8*2*tileVectors), offsets)
	DECQ(tiles)
	JNZ(LabelRef("convTile"))
	VZEROUPPER()
	RET()
}

// convWeightTile generates the gradient of the 3×3 convolution's weights: 4 output channels times the 3 taps of a kernel
// row, each a sum over pixels, 8 at a time.
func convWeightTile() {
	function("convWeights3x3", "func(rows int, offsets *int, vectors int, x *float32, channels, channelStride, rowStride int, dy *float32, dyStride int, dw *float32)")
	Doc("convWeights3x3 adds to dw, [channels][3][4][3] (kernel row, output channel, kernel column), the products of dy and x",
		"summed over rows ≥ 1 of 8·vectors pixels. offsets holds each row's place in x in bytes, where the window of its first",
		"pixel begins; the rows of dy follow one another, and its 4 output channels are dyStride apart. Strides are in bytes.")
	offsets := Load(Param("offsets"), GP64())
	dyStride := Load(Param("dyStride"), GP64())
	dyStride3 := GP64()
	LEAQ(Mem{Base: dyStride, Index: dyStride, Scale: 2}, dyStride3)
	dw := Load(Param("dw"), GP64())
	channels := Load(Param("channels"), GP64())
	channel := Load(Param("x"), GP64())

	Label("weightsChannel")
	kernelRows := GP64()
	MOVQ(U32(taps), kernelRows)
	window := GP64()
	MOVQ(channel, window)
	Label("weightsKernelRow")
	var sums [tileChannels][taps]reg.VecVirtual
	for k := range sums {
		for t := range sums[k] {
			sums[k][t] = YMM()
			VXORPS(sums[k][t], sums[k][t], sums[k][t])
		}
	}
	rows := Load(Param("rows"), GP64())
	at := GP64()
	MOVQ(offsets, at)
	dy := Load(Param("dy"), GP64())
	Label("weightsRow")
	x := GP64()
	MOVQ(Mem{Base: at}, x)
	ADDQ(window, x)
	vectors := Load(Param("vectors"), GP64())
	Label("weightsVector")
	var pixels [taps]reg.VecVirtual
	for t := range pixels {
		pixels[t] = YMM()
		VMOVUPS(Mem{Base: x, Disp: 4 * t}, pixels[t])
	}
	for k := range tileChannels {
		gradient := YMM()
		address := rowAddress(dy, dyStride, k, 0)
		if k == 3 {
			address = Mem{Base: dy, Index: dyStride3, Scale: 1}
		}
		VMOVUPS(address, gradient)
		for t := range taps {
			VFMADD231PS(gradient, pixels[t], sums[k][t])
		}
	}
	ADDQ(Imm(32), x)
	ADDQ(Imm(32), dy)
	DECQ(vectors)
	JNZ(LabelRef("weightsVector"))
	ADDQ(Imm(8), at)
	DECQ(rows)
	JNZ(LabelRef("weightsRow"))

	flat := make([]reg.VecVirtual, 0, tileChannels*taps)
	for k := range sums {
		flat = append(flat, sums[k][:]...)
	}
	for i := 0; i < len(flat); i += 4 {
		total := horizontalSums(flat[i : i+4])
		VADDPS(Mem{Base: dw, Disp: 4 * i}, total, total)
		VMOVUPS(total, Mem{Base: dw, Disp: 4 * i})
	}
	ADDQ(Imm(4*tileChannels*taps), dw)
	stride := Load(Param("rowStride"), GP64())
	ADDQ(stride, window)
	DECQ(kernelRows)
	JNZ(LabelRef("weightsKernelRow"))
	step := Load(Param("channelStride"), GP64())
	ADDQ(step, channel)
	DECQ(channels)
	JNZ(LabelRef("weightsChannel"))
	VZEROUPPER()
	RET()
}

// horizontalSums returns the sums of four 256-bit vectors' elements as one 128-bit vector; the inputs are overwritten.
func horizontalSums(v []reg.VecVirtual) reg.Register {
	VHADDPS(v[1], v[0], v[0])
	VHADDPS(v[3], v[2], v[2])
	VHADDPS(v[2], v[0], v[0])
	high := XMM()
	VEXTRACTF128(Imm(1), v[0], high)
	VADDPS(high, v[0].AsX(), high)
	return high
}
