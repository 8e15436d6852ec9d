// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// Winograd's gradient of the weights sums over tiles, so here lanes are 8 neighboring channels.

// interleave generates the copy that brings 8 channels' pixels side by side.
func interleave() *kernel {
	k := newKernel("interleave8", "(vectors int, x *float32, planeStride int, y *float32)",
		"interleave8 copies 8·vectors pixels, vectors ≥ 1, of 8 planes that are planeStride bytes apart from x to y, where the",
		"planes' values of a pixel lie side by side.")
	vectors, x, stride, y := k.load("vectors"), k.load("x"), k.load("planeStride"), k.load("y")
	plane := k.general()
	k.emit("LSL", immediate(1), vectors) // of 4 pixels
	k.loop("pixels", vectors, 1, func() {
		k.emit("MOVD", x, plane)
		k.emit("ADD", immediate(registerBytes), x)
		var pixels [4]vector // 4 pixels, a channel to a lane
		for range 2 {
			rows := k.registers(4)
			for i := range rows {
				k.loadRegister(plane, 0, rows[i])
				k.emit("ADD", stride, plane)
			}
			for i, column := range k.transposed(rows) {
				pixels[i] = append(pixels[i], column)
			}
		}
		for i, v := range pixels {
			k.storeVector(v, y, vectorBytes*i)
		}
		k.emit("ADD", immediate(vectorBytes*len(pixels)), y)
	})
	return k
}

// transposed returns the columns of a matrix of four rows, which it overwrites.
func (k *kernel) transposed(rows []register) []register {
	low02, high02, low13, high13 := k.registers(1), k.registers(1), k.registers(1), k.registers(1)
	k.VZIP1(rows[2:3], rows[:1], low02)
	k.VZIP2(rows[2:3], rows[:1], high02)
	k.VZIP1(rows[3:], rows[1:2], low13)
	k.VZIP2(rows[3:], rows[1:2], high13)
	k.VZIP1(low13, low02, rows[:1])
	k.VZIP2(low13, low02, rows[1:2])
	k.VZIP1(high13, high02, rows[2:3])
	k.VZIP2(high13, high02, rows[3:])
	return rows
}

// winogradWeightsInput generates the transform of 8 channels' input.
func winogradWeightsInput() *kernel {
	k := newKernel("winogradWeightsInput",
		"(tiles int, x *float32, rowStride int, v *float32, quadStride, pointStride int, scratch *float32)",
		"winogradWeightsInput transforms tiles ≥ 1 neighboring tiles of 6×6 pixels, 4 apart, of 8 channels: x has the channels of a",
		"pixel side by side. Point (i, j) of a tile goes to (6·i+j)·pointStride behind v, channels 4 to 7 quadStride further, and",
		"the next tile's 4 floats on. scratch has 36 vectors of 8. Strides are in bytes.")
	x, rowStride, quadStride := k.load("x"), k.load("rowStride"), k.load("quadStride")
	row, upper := k.general(), k.general()
	tiles := tileSource{
		begin: func() { k.emit("MOVD", x, row) },
		row: func() [points]vector {
			var d [points]vector
			for i := range d {
				d[i] = k.vector()
				k.loadVector(row, vectorBytes*i, d[i])
			}
			k.emit("ADD", rowStride, row)
			return d
		},
		end: func() { k.emit("ADD", immediate(vectorBytes*outputs), x) },
	}
	k.inputBody(tiles, "tiles", registerBytes, func(v vector, base general) {
		k.storeRegister(v[0], base, 0)
		k.emit("ADD", quadStride, base, upper)
		k.storeRegister(v[1], upper, 0)
	})
	return k
}

// gradientTransform passes the rows of A·d to store, in their order, for the four vectors d, which it changes.
func (k *kernel) gradientTransform(d [outputs]vector, f tileFactors, store func(i int, t vector)) {
	store(0, d[0])
	even, odd, t := k.vector(), k.vector(), k.vector()
	// t1, t2 = (d0 + d2) ± (d1 + d3)
	k.FADD(d[2], d[0], even)
	k.FADD(d[3], d[1], odd)
	k.FADD(odd, even, t)
	store(1, t)
	k.FSUB(odd, even, even)
	store(2, even)
	// t3, t4 = (d0 + 4·d2) ± 2·(d1 + 4·d3)
	k.FMLAElement(f.four, d[2], d[0])
	k.FMLAElement(f.four, d[3], d[1])
	k.copy(d[0], t)
	k.FMLAElement(f.two, d[1], t)
	store(3, t)
	k.FMLSElement(f.two, d[1], d[0])
	store(4, d[0])
	store(5, d[3])
}

// winogradWeightsGradient generates the transform of the gradient of 8 channels' output.
func winogradWeightsGradient() *kernel {
	k := newKernel("winogradWeightsGradient",
		"(tiles int, dy *float32, rowStride int, e *float32, tileStride, pointStride int, scratch *float32)",
		"winogradWeightsGradient transforms tiles ≥ 1 neighboring tiles of 4×4 pixels of 8 channels, which lie side by side in dy, to",
		"6×6 points: point (i, j) goes to (6·i+j)·pointStride behind e, that of the next tile tileStride further. scratch has",
		"24 vectors of 8. Strides are in bytes.")
	tiles, dy, rowStride := k.load("tiles"), k.load("dy"), k.load("rowStride")
	e, tileStride, pointStride, scratch := k.load("e"), k.load("tileStride"), k.load("pointStride"), k.load("scratch")
	factors := k.tileFactors()
	row, temporary, column, pointRow, count := k.general(), k.general(), k.general(), k.general(), k.general()
	k.multiply(points, pointStride, pointRow)
	k.loop("tile", tiles, 1, func() {
		k.emit("MOVD", dy, row)
		k.emit("MOVD", scratch, temporary)
		k.emit("MOVD", immediate(outputs), count)
		k.loop("row", count, 1, func() {
			var d [outputs]vector
			for i := range d {
				d[i] = k.vector()
				k.loadVector(row, vectorBytes*i, d[i])
			}
			k.gradientTransform(d, factors, func(j int, t vector) { k.storeVector(t, temporary, vectorBytes*j) })
			k.emit("ADD", rowStride, row)
			k.emit("ADD", immediate(vectorBytes*points), temporary)
		})
		k.emit("MOVD", scratch, temporary)
		k.emit("MOVD", e, column)
		k.emit("MOVD", immediate(points), count)
		k.loop("column", count, 1, func() {
			var d [outputs]vector
			k.loadColumn(temporary, d[:])
			k.gradientTransform(d, factors, k.storeColumn(column, pointRow, func(v vector, base general) { k.storeVector(v, base, 0) }))
			k.emit("ADD", immediate(vectorBytes), temporary)
			k.emit("ADD", pointStride, column)
		})
		k.emit("ADD", immediate(vectorBytes*outputs), dy)
		k.emit("ADD", tileStride, e)
	})
	return k
}
