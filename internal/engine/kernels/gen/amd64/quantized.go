// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels of convolutions of 8 bits: unsigned inputs, channels last, by signed weights. AVX2 has no exact product of
// any bytes (VPMADDUBSW saturates), so inputs are widened to 16 bits, and VPMADDWD multiplies two channels at a time, unless
// the weights are small.
const (
	dotRows    = 6 // pixels of a tile
	dotVectors = 2 // vectors of 8 output channels of a tile
	unitBytes  = 4 // two channels of 16 bits, or four of 8
)

func quantized() {
	dotTiles()
	dotBytes()
	convBytes()
	depthwiseBytes()
	widen()
	requantize()
	poolBytes()
	addBytes()
	quantizePixels()
	quantizedWinogradInput()
	quantizedWinogradOutput("quantizedWinogradOutput", false)
	quantizedWinogradOutput("quantizedWinogradOutputPool", true)
}

// dotTiles generates the product of 6 pixels' windows with the weights of 16 output channels.
func dotTiles() {
	function("dotTiles6x16", "func(tiles int, offsets *int, x *int16, runs int, runOffsets *int, units int, w *int16, sums *int32)")
	Doc("dotTiles6x16 computes, for each of tiles ≥ 1, the sums of 6 pixels by 16 output channels. offsets holds 6 byte offsets a",
		"tile: where in x each pixel's window begins. A window has runs ≥ 1 of 2·units channels, units even, at runOffsets",
		"bytes from there. w is [runs][units][16][2], sums [tiles][6][16].")
	tiles := Load(Param("tiles"), GP64())
	offsets := Load(Param("offsets"), GP64())
	sums := Load(Param("sums"), GP64())

	Label("dotTile")
	var rows [dotRows]reg.GPVirtual
	for r := range rows {
		rows[r] = Load(Param("x"), GP64()).(reg.GPVirtual)
		ADDQ(Mem{Base: offsets, Disp: 8 * r}, rows[r])
	}
	accumulators := zeroed(dotRows * dotVectors)
	w := Load(Param("w"), GP64())
	runs := Load(Param("runs"), GP64())
	runOffsets := Load(Param("runOffsets"), GP64())
	Label("dotRun")
	at, units := GP64(), Load(Param("units"), GP64())
	MOVQ(Mem{Base: runOffsets}, at)
	Label("dotUnit")
	for half := range 2 {
		var weights [dotVectors]reg.VecVirtual
		for v := range weights {
			weights[v] = YMM()
			VMOVDQU(Mem{Base: w, Disp: vectorBytes * (half*dotVectors + v)}, weights[v])
		}
		for r := range rows {
			pixel, product := YMM(), YMM()
			VPBROADCASTD(Mem{Base: rows[r], Index: at, Scale: 1, Disp: unitBytes * half}, pixel)
			VPMADDWD(weights[0], pixel, product)
			VPADDD(product, accumulators[r*dotVectors], accumulators[r*dotVectors])
			VPMADDWD(weights[1], pixel, pixel)
			VPADDD(pixel, accumulators[r*dotVectors+1], accumulators[r*dotVectors+1])
		}
	}
	ADDQ(Imm(2*unitBytes), at)
	ADDQ(U32(2*vectorBytes*dotVectors), w)
	SUBQ(Imm(2), units)
	JNZ(LabelRef("dotUnit"))
	ADDQ(Imm(8), runOffsets)
	DECQ(runs)
	JNZ(LabelRef("dotRun"))
	for i, sum := range accumulators {
		VMOVDQU(sum, Mem{Base: sums, Disp: vectorBytes * i})
	}
	ADDQ(U32(vectorBytes*dotRows*dotVectors), sums)
	ADDQ(Imm(8*dotRows), offsets)
	DECQ(tiles)
	JNZ(LabelRef("dotTile"))
	VZEROUPPER()
	RET()
}

// dotBytes generates the same product of bytes. VPMADDUBSW adds two products up in 16 bits, and does not saturate as long as
// no weight is larger than 64: 2·64·255 = 32640. It needs neither widening nor twice the memory, and leaves VPADDD fewer sums.
func dotBytes() {
	function("dotBytes6x16", "func(tiles int, offsets *int, x *uint8, runs int, runOffsets *int, units int, w *int8, sums *int32)")
	Doc("dotBytes6x16 is dotTiles6x16 for bytes and weights from -64 to 64: a run has 4·units channels, and w is",
		"[runs][units][16][4].")
	ones := wordOnes()
	Label("dotBytesTile")
	accumulators := zeroed(dotRows * dotVectors)
	dotBytesTile("dotBytes", accumulators, ones)
	sums := Load(Param("sums"), GP64())
	for i, sum := range accumulators {
		VMOVDQU(sum, Mem{Base: sums, Disp: vectorBytes * i})
	}
	advance("sums", U32(vectorBytes*dotRows*dotVectors))
	nextTile("dotBytesTile")
}

// convBytes generates the product of bytes with what becomes of the sums.
func convBytes() {
	function("convBytes6x16", "func(tiles int, offsets *int, x *uint8, runs int, runOffsets *int, units int, w *int8, bias *int32, scale *float32, to *float32, y *uint8, pixelStride int)")
	Doc("convBytes6x16 is dotBytes6x16 with the conversion to bytes by requantize16: those of a pixel go to y, pixelStride",
		"bytes from one pixel to the next.")
	ones := wordOnes()
	Label("convBytesTile")
	bias := Load(Param("bias"), GP64())
	accumulators := make([]reg.VecVirtual, dotRows*dotVectors)
	for i := range accumulators {
		accumulators[i] = YMM()
		VMOVDQU(Mem{Base: bias, Disp: vectorBytes * (i % dotVectors)}, accumulators[i])
	}
	dotBytesTile("convBytes", accumulators, ones)
	scale, y, pixelStride := Load(Param("scale"), GP64()), Load(Param("y"), GP64()), Load(Param("pixelStride"), GP64())
	o := newOutput()
	for i, v := range accumulators {
		o.scale(v, Mem{Base: scale, Disp: vectorBytes * (i % dotVectors)})
	}
	for i := 0; i < len(accumulators); i += 2 * dotVectors {
		bytes := o.packInOrder(accumulators[i], accumulators[i+1], accumulators[i+2], accumulators[i+3])
		VMOVDQU(bytes.AsX(), Mem{Base: y})
		VEXTRACTI128(Imm(1), bytes, Mem{Base: y, Index: pixelStride, Scale: 1})
		LEAQ(Mem{Base: y, Index: pixelStride, Scale: 2}, y)
	}
	Store(y, Param("y"))
	nextTile("convBytesTile")
}

// wordOnes returns 1 in each 16 bits, with which VPMADDWD adds up neighbors.
func wordOnes() reg.VecVirtual {
	ones := YMM()
	VPCMPEQW(ones, ones, ones)
	VPABSW(ones, ones)
	return ones
}

// dotBytesTile adds the products of a tile to accumulators. The parameters are read again for each tile, so that what
// follows has their registers.
func dotBytesTile(name string, accumulators []reg.VecVirtual, ones reg.VecVirtual) {
	offsets := Load(Param("offsets"), GP64())
	var rows [dotRows]reg.GPVirtual
	for r := range rows {
		rows[r] = Load(Param("x"), GP64()).(reg.GPVirtual)
		ADDQ(Mem{Base: offsets, Disp: 8 * r}, rows[r])
	}
	w := Load(Param("w"), GP64())
	runs := Load(Param("runs"), GP64())
	runOffsets := Load(Param("runOffsets"), GP64())
	Label(name + "Run")
	at, units := GP64(), Load(Param("units"), GP64())
	MOVQ(Mem{Base: runOffsets}, at)
	Label(name + "Unit")
	weights := YMM()
	VMOVDQU(Mem{Base: w}, weights)
	for r := range rows {
		pixel, product := YMM(), YMM()
		VPBROADCASTD(Mem{Base: rows[r], Index: at, Scale: 1}, pixel)
		VPMADDUBSW(weights, pixel, product)
		VPMADDWD(ones, product, product)
		VPADDD(product, accumulators[r*dotVectors], accumulators[r*dotVectors])
		VPMADDUBSW(Mem{Base: w, Disp: vectorBytes}, pixel, pixel)
		VPMADDWD(ones, pixel, pixel)
		VPADDD(pixel, accumulators[r*dotVectors+1], accumulators[r*dotVectors+1])
	}
	ADDQ(Imm(unitBytes), at)
	ADDQ(Imm(vectorBytes*dotVectors), w)
	DECQ(units)
	JNZ(LabelRef(name + "Unit"))
	ADDQ(Imm(8), runOffsets)
	DECQ(runs)
	JNZ(LabelRef(name + "Run"))
	advance("offsets", Imm(8*dotRows))
}

// advance adds to a parameter where it lies in memory.
func advance(name string, n Op) {
	address, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	ADDQ(n, address.Addr)
}

// nextTile ends the loop over tiles, and the kernel.
func nextTile(label string) {
	tiles, err := Param("tiles").Resolve()
	if err != nil {
		panic(err)
	}
	DECQ(tiles.Addr)
	JNZ(LabelRef(label))
	VZEROUPPER()
	RET()
}

// widen generates the conversion of bytes to 16 bits.
func widen() {
	function("widen16", "func(n int, x *uint8, y *int16)")
	Doc("widen16 converts n bytes, a multiple of 16, n > 0.")
	n := Load(Param("n"), GP64())
	x := Load(Param("x"), GP64())
	y := Load(Param("y"), GP64())
	Label("widenLoop")
	v := YMM()
	VPMOVZXBW(Mem{Base: x}, v)
	VMOVDQU(v, Mem{Base: y})
	ADDQ(Imm(16), x)
	ADDQ(Imm(vectorBytes), y)
	SUBQ(Imm(16), n)
	JNZ(LabelRef("widenLoop"))
	VZEROUPPER()
	RET()
}

// output turns numbers into bytes. What it saturates to is in a byteRange of package kernels.
type output struct {
	to    reg.Register
	order reg.VecVirtual
}

// The fields of a byteRange.
const (
	rangeHigh = 0
	rangeZero = vectorBytes
	rangeLow  = 2 * vectorBytes
)

// dwordOrder is, as 8 bytes, the permutation that undoes how packing interleaves the halves of vectors.
const dwordOrder = 0x0703060205010400

// newOutput loads the parameter to.
func newOutput() *output {
	order, bits, x := YMM(), GP64(), XMM()
	MOVQ(U64(dwordOrder), bits)
	VMOVQ(bits, x)
	VPMOVZXBD(x, order)
	return &output{to: Load(Param("to"), GP64()), order: order}
}

// scale turns a vector of sums with their bias into integers.
func (o *output) scale(v reg.VecVirtual, scale Op) {
	VCVTDQ2PS(v, v)
	VMULPS(scale, v, v)
	o.round(v)
}

// round turns a vector of numbers into integers, none above the upper bound. A number below -2³¹ becomes -2³¹, as the
// conversion yields for what it has no integer for.
func (o *output) round(v reg.VecVirtual) {
	VMINPS(Mem{Base: o.to, Disp: rangeHigh}, v, v)
	VCVTPS2DQ(v, v)
}

// pack returns the bytes of four vectors of integers, each half of the vectors for itself.
func (o *output) pack(a, b, c, d reg.VecVirtual) reg.VecVirtual {
	VPACKSSDW(b, a, a)
	VPADDSW(Mem{Base: o.to, Disp: rangeZero}, a, a)
	VPACKSSDW(d, c, c)
	VPADDSW(Mem{Base: o.to, Disp: rangeZero}, c, c)
	VPACKUSWB(c, a, a)
	VPMAXUB(Mem{Base: o.to, Disp: rangeLow}, a, a)
	return a
}

// packInOrder returns the bytes of four vectors of integers, one vector after the other.
func (o *output) packInOrder(a, b, c, d reg.VecVirtual) reg.VecVirtual {
	bytes := o.pack(a, b, c, d)
	VPERMD(bytes, o.order, bytes)
	return bytes
}

// requantize generates the conversion of sums to bytes.
func requantize() {
	function("requantize16", "func(pixels int, sums, bias *int32, scale *float32, to *float32, y *uint8)")
	Doc("requantize16 computes the bytes of (sums+bias)·scale for 16 output channels of pixels, an even number above 0, which lie",
		"one after the other.")
	pixels := Load(Param("pixels"), GP64())
	sums := Load(Param("sums"), GP64())
	bias := Load(Param("bias"), GP64())
	scale := Load(Param("scale"), GP64())
	y := Load(Param("y"), GP64())
	o := newOutput()
	var biases, scales [dotVectors]reg.VecVirtual
	for v := range dotVectors {
		biases[v], scales[v] = YMM(), YMM()
		VMOVDQU(Mem{Base: bias, Disp: vectorBytes * v}, biases[v])
		VMOVUPS(Mem{Base: scale, Disp: vectorBytes * v}, scales[v])
	}
	Label("requantizeLoop")
	var values [2 * dotVectors]reg.VecVirtual
	for i := range values {
		values[i] = YMM()
		VPADDD(Mem{Base: sums, Disp: vectorBytes * i}, biases[i%dotVectors], values[i])
		o.scale(values[i], scales[i%dotVectors])
	}
	VMOVDQU(o.packInOrder(values[0], values[1], values[2], values[3]), Mem{Base: y})
	ADDQ(U32(2*dotVectors*vectorBytes), sums)
	ADDQ(Imm(vectorBytes), y)
	SUBQ(Imm(2), pixels)
	JNZ(LabelRef("requantizeLoop"))
	VZEROUPPER()
	RET()
}

// poolBytes generates 2×2 max pooling.
func poolBytes() {
	function("poolBytes16", "func(windows int, top, bottom, y *uint8, yStride int)")
	Doc("poolBytes16 stores the largest of 2×2 pixels of 16 channels, for windows ≥ 1, at y, yStride bytes apart.")
	windows := Load(Param("windows"), GP64())
	top := Load(Param("top"), GP64())
	bottom := Load(Param("bottom"), GP64())
	y := Load(Param("y"), GP64())
	yStride := Load(Param("yStride"), GP64())
	Label("poolBytesLoop")
	v := XMM()
	VMOVDQU(Mem{Base: top}, v)
	VPMAXUB(Mem{Base: top, Disp: 16}, v, v)
	VPMAXUB(Mem{Base: bottom}, v, v)
	VPMAXUB(Mem{Base: bottom, Disp: 16}, v, v)
	VMOVDQU(v, Mem{Base: y})
	ADDQ(Imm(32), top)
	ADDQ(Imm(32), bottom)
	ADDQ(yStride, y)
	DECQ(windows)
	JNZ(LabelRef("poolBytesLoop"))
	RET()
}

// addBytes generates the sum of bytes of different scales.
func addBytes() {
	function("addBytes32", "func(n int, a, b *uint8, scaleA, scaleB, offset float32, to *float32, y *uint8)")
	Doc("addBytes32 computes the bytes of (a·scaleA + b·scaleB) + offset for n bytes, a multiple of 32 above 0.")
	n := Load(Param("n"), GP64())
	a := Load(Param("a"), GP64())
	b := Load(Param("b"), GP64())
	y := Load(Param("y"), GP64())
	scaleA, scaleB, offset := bound("scaleA"), bound("scaleB"), bound("offset")
	o := newOutput()
	Label("addBytesLoop")
	var values [4]reg.VecVirtual
	for i := range values {
		values[i] = YMM()
		other := YMM()
		VPMOVZXBD(Mem{Base: a, Disp: 8 * i}, values[i])
		VPMOVZXBD(Mem{Base: b, Disp: 8 * i}, other)
		VCVTDQ2PS(values[i], values[i])
		VCVTDQ2PS(other, other)
		VMULPS(scaleA, values[i], values[i])
		VMULPS(scaleB, other, other)
		VADDPS(other, values[i], values[i])
		VADDPS(offset, values[i], values[i])
		o.round(values[i])
	}
	VMOVDQU(o.packInOrder(values[0], values[1], values[2], values[3]), Mem{Base: y})
	ADDQ(Imm(vectorBytes), a)
	ADDQ(Imm(vectorBytes), b)
	ADDQ(Imm(vectorBytes), y)
	SUBQ(Imm(vectorBytes), n)
	JNZ(LabelRef("addBytesLoop"))
	VZEROUPPER()
	RET()
}

// quantizePixels generates the conversion of 4 planes to pixels of 4 bytes.
func quantizePixels() {
	const planes = 4
	function("quantizePixels4", "func(n int, x0, x1, x2, x3 *float32, scale, low, high float32, zero int32, y *uint8)")
	Doc("quantizePixels4 computes y = zero + round(min(max(x/scale, low), high)) for n pixels of 4 planes, n a multiple of 8 above 0.")
	n := Load(Param("n"), GP64())
	y := Load(Param("y"), GP64())
	var x [planes]reg.Register
	for i, name := range []string{"x0", "x1", "x2", "x3"} {
		x[i] = Load(Param(name), GP64())
	}
	scale, low, high, zero := bound("scale"), bound("low"), bound("high"), bound("zero")
	Label("quantizePixelsLoop")
	var pixels reg.VecVirtual
	for i := range planes {
		v := YMM()
		VMOVUPS(Mem{Base: x[i]}, v)
		VDIVPS(scale, v, v)
		VMAXPS(low, v, v) // its second operand, the lower bound, if v is a NaN
		VMINPS(high, v, v)
		VCVTPS2DQ(v, v)
		VPADDD(zero, v, v)
		ADDQ(Imm(vectorBytes), x[i])
		if i == 0 {
			pixels = v
			continue
		}
		VPSLLD(Imm(uint64(8*i)), v, v)
		VPOR(v, pixels, pixels)
	}
	VMOVDQU(pixels, Mem{Base: y})
	ADDQ(Imm(vectorBytes), y)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("quantizePixelsLoop"))
	VZEROUPPER()
	RET()
}
