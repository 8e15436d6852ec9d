// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// The kernels of convolutions of 8 bits, for CPUs with SDOT (FEAT_DotProd), which adds the products of four bytes to each of
// four sums, exactly. It wants signed bytes: x - 128 is what inputs become by turning over their first bit, and 128·Σw, with
// which the sums begin, makes up for it.
const (
	dotRows      = 6 // pixels of a tile
	dotRegisters = 4 // of the sums of 16 output channels
)

// signs are the first bits of bytes; as signed bytes they are -128.
const signs = 0x80808080

// dotBytes generates the product of 6 pixels' windows with the weights of 16 output channels.
func dotBytes() *kernel {
	k := newKernel("dotBytes6x16",
		"(tiles int, offsets *int, x *uint8, runs int, runOffsets *int, units int, w *int8, sums *int32)",
		"dotBytes6x16 computes, for each of tiles ≥ 1, the sums of 6 pixels by 16 output channels. offsets holds 6 byte offsets a",
		"tile: where in x each pixel's window begins. A window has runs ≥ 1 of 4·units channels at runOffsets bytes from there.",
		"w is [runs][units][16][4], sums [tiles][6][16].")
	tiles, offsets, sums := k.load("tiles"), k.load("offsets"), k.load("sums")
	begin := k.local(dotRegisters * registerBytes)
	sign := k.constants([4]uint32{signs, signs, signs, signs})
	k.scope(func() { k.weightSums(begin, sign) })
	var rows [dotRows]general
	for r := range rows {
		rows[r] = k.general()
	}
	w, runs, runOffsets, place, units := k.general(), k.general(), k.general(), k.general(), k.general()
	k.loop("tile", tiles, 1, func() {
		var accumulators [dotRows][]register
		k.loadTo("x", place)
		for r := range rows {
			k.emit("MOVD.P", at(offsets, 8), rows[r])
			k.emit("ADD", place, rows[r])
			accumulators[r] = k.registers(dotRegisters)
			k.emit("VLD1", at(begin, 0), list(accumulators[r], floats))
		}
		k.loadTo("w", w)
		k.loadTo("runs", runs)
		k.loadTo("runOffsets", runOffsets)
		k.loop("run", runs, 1, func() {
			k.emit("MOVD.P", at(runOffsets, 8), place)
			k.loadTo("units", units)
			k.loop("unit", units, 1, func() {
				weights := k.registers(dotRegisters)
				k.loadNext(1, w, weights)
				pixels := k.registers(2) // in turns
				for r, row := range rows {
					pixel := pixels[r%2 : r%2+1]
					k.emit("FMOVS", indexed(row, place), scalar(pixel[0]))
					k.VEOR(vector{sign}, pixel, pixel)
					k.SDOTElement(factor{pixel[0], 0}, weights, accumulators[r])
				}
				k.emit("ADD", immediate(4), place)
			})
		})
		for r := range rows {
			k.storeNext(1, accumulators[r], sums)
		}
	})
	return k
}

// weightSums stores 128 times the sums of each output channel's weights at place.
func (k *kernel) weightSums(place general, sign register) {
	w, units := k.load("w"), k.load("runs")
	k.emit("MUL", k.load("units"), units)
	sums := k.registers(dotRegisters)
	k.zero(sums)
	k.loop("weights", units, 1, func() {
		weights := k.registers(dotRegisters)
		k.loadNext(1, w, weights)
		k.SDOTElement(factor{sign, 0}, weights, sums)
	})
	zero := k.registers(1)[0]
	k.zero(vector{zero})
	k.VSUB(sums, vector{zero, zero, zero, zero}, sums)
	k.emit("VST1", list(sums, floats), at(place, 0))
}

// byteRange is what numbers saturate to when they become bytes: the fields of a byteRange of package kernels.
type byteRange struct{ high, zero, low register }

// loadRange loads the parameter to.
func (k *kernel) loadRange() byteRange {
	to, r := k.load("to"), k.registers(3)
	for i := range r {
		k.loadRegister(to, 32*i, r[i])
	}
	return byteRange{r[0], r[1], r[2]}
}

// bytes turns 16 numbers in four registers, which it overwrites, into bytes in the first.
func (k *kernel) bytes(v []register, to byteRange) register {
	k.FMIN(vector{to.high, to.high, to.high, to.high}, v, v)
	for _, r := range v {
		k.word(fcvtns(r, r))
	}
	for i := 0; i < 4; i += 2 {
		k.word(sqxtn(v[i], v[i]))
		k.word(sqxtn2(v[i+1], v[i]))
		k.word(sqadd(to.zero, v[i], v[i]))
	}
	k.word(sqxtun(v[0], v[0]))
	k.word(sqxtun2(v[2], v[0]))
	k.emit("VUMAX", bits(to.low), bits(v[0]), bits(v[0]))
	return v[0]
}

// requantize generates the conversion of sums to bytes.
func requantize() *kernel {
	k := newKernel("requantize16", "(pixels int, sums, bias *int32, scale *float32, to *float32, y *uint8)",
		"requantize16 computes the bytes of (sums+bias)·scale for 16 output channels of pixels > 0, which lie one after the other.")
	pixels, sums, bias, scale, y := k.load("pixels"), k.load("sums"), k.load("bias"), k.load("scale"), k.load("y")
	to := k.loadRange()
	biases, scales := k.registers(dotRegisters), k.registers(dotRegisters)
	k.loadNext(1, bias, biases)
	k.loadNext(1, scale, scales)
	k.loop("pixel", pixels, 1, func() {
		v := k.registers(dotRegisters)
		k.loadNext(1, sums, v)
		k.VADD(biases, v, v)
		k.toFloats(v)
		k.FMUL(scales, v, v)
		k.storeNext(1, vector{k.bytes(v, to)}, y)
	})
	return k
}

// toFloats converts integers of 32 bits.
func (k *kernel) toFloats(v []register) {
	for _, r := range v {
		k.word(scvtf(r, r))
	}
}

// poolBytes generates 2×2 max pooling.
func poolBytes() *kernel {
	k := newKernel("poolBytes16", "(windows int, top, bottom, y *uint8, yStride int)",
		"poolBytes16 stores the largest of 2×2 pixels of 16 channels, for windows ≥ 1, at y, yStride bytes apart.")
	windows, top, bottom, y, yStride := k.load("windows"), k.load("top"), k.load("bottom"), k.load("y"), k.load("yStride")
	k.loop("window", windows, 1, func() {
		upper, lower := k.registers(2), k.registers(2)
		k.loadNext(1, top, upper)
		k.loadNext(1, bottom, lower)
		for _, r := range []register{upper[1], lower[0], lower[1]} {
			k.emit("VUMAX", bits(r), bits(upper[0]), bits(upper[0]))
		}
		k.storeRegister(upper[0], y, 0)
		k.emit("ADD", yStride, y)
	})
	return k
}

// widened loads 16 bytes as floats, and goes on behind them.
func (k *kernel) widened(x general) []register {
	v := k.registers(4)
	k.loadNext(1, x, v[:1])
	k.emit("VUXTL2", bits(v[0]), words(v[2]))
	k.emit("VUXTL", lowBytes(v[0]), words(v[0]))
	for i := 0; i < 4; i += 2 {
		k.emit("VUXTL2", words(v[i]), floats(v[i+1]))
		k.emit("VUXTL", lowWords(v[i]), floats(v[i]))
	}
	k.toFloats(v)
	return v
}

// addBytes generates the sum of bytes of different scales.
func addBytes() *kernel {
	k := newKernel("addBytes32", "(n int, a, b *uint8, scaleA, scaleB, offset float32, to *float32, y *uint8)",
		"addBytes32 computes the bytes of (a·scaleA + b·scaleB) + offset for n bytes, a multiple of 16 above 0.")
	n, a, b, y, to := k.load("n"), k.load("a"), k.load("b"), k.load("y"), k.loadRange()
	four := func(name string) vector { r := k.bound(name); return vector{r, r, r, r} }
	scaleA, scaleB, offset := four("scaleA"), four("scaleB"), four("offset")
	k.loop("bytes", n, 16, func() {
		v, other := k.widened(a), k.widened(b)
		k.FMUL(scaleA, v, v)
		k.FMUL(scaleB, other, other)
		k.FADD(other, v, v)
		k.FADD(offset, v, v)
		k.storeNext(1, vector{k.bytes(v, to)}, y)
	})
	return k
}

// quantizePixels generates the conversion of 4 planes to pixels of 4 bytes.
func quantizePixels() *kernel {
	k := newKernel("quantizePixels4", "(n int, x0, x1, x2, x3 *float32, scale, low, high float32, zero int32, y *uint8)",
		"quantizePixels4 computes y = zero + round(min(max(x/scale, low), high)) for n pixels of 4 planes, n a multiple of 8 above 0.")
	n, y, planes := k.load("n"), k.load("y"), k.loadAll([]string{"x0", "x1", "x2", "x3"})
	scale, low, high, zero := fill(k.bound("scale")), fill(k.bound("low")), fill(k.bound("high")), fill(k.bound("zero"))
	pixels := k.registers(len(planes))
	k.loop("pixels", n, 8, func() {
		for i, plane := range planes {
			k.scope(func() {
				v := k.vector()
				k.loadNext(1, plane, v)
				k.FDIV(scale, v, v)
				k.FMAXNM(low, v, v)
				k.FMIN(high, v, v)
				for _, r := range v {
					k.word(fcvtns(r, r))
				}
				k.VADD(zero, v, v)
				k.word(sqxtn(v[0], v[0]))
				k.word(sqxtn2(v[1], v[0]))
				k.word(sqxtun(v[0], pixels[i]))
			})
		}
		k.emit("VST4.P", list(pixels, lowBytes), at(y, 32))
	})
	return k
}
