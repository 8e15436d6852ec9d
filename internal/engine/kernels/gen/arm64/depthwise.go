// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// depthwise generates the convolution of one plane.
func depthwise() *kernel {
	k := newKernel("depthwisePlane",
		"(rows, vectors int, x *float32, rowStep, taps int, offsets *int, w *float32, y *float32, yStep int, bias, floor, ceiling float32)",
		"depthwisePlane computes rows ≥ 1 of vectors ≥ 1 of 8 neighboring pixels each: y = bias + Σ w·x over the taps ≥ 1, kept",
		"between floor and ceiling. offsets holds where each tap's pixels lie in x, relative to the output pixel. Steps from",
		"row to row and offsets are in bytes.")
	rows, x, rowStep := k.load("rows"), k.load("x"), k.load("rowStep")
	y, yStep := k.load("y"), k.load("yStep")
	bias, floor, ceiling := fill(k.bound("bias")), fill(k.bound("floor")), fill(k.bound("ceiling"))
	vectors, in, out := k.general(), k.general(), k.general()
	taps, offsets, w, pixels := k.general(), k.general(), k.general(), k.general()
	k.loop("row", rows, 1, func() {
		k.loadTo("vectors", vectors)
		k.emit("MOVD", x, in)
		k.emit("MOVD", y, out)
		k.loop("vector", vectors, 1, func() {
			sum := k.vector()
			k.copy(bias, sum)
			k.loadTo("taps", taps)
			k.loadTo("offsets", offsets)
			k.loadTo("w", w)
			k.loop("tap", taps, 1, func() {
				weight, values := k.registers(1), k.vector()
				k.emit("VLD1R.P", at(w, floatBytes), list(weight, floats))
				k.emit("MOVD.P", at(offsets, 8), pixels)
				k.emit("ADD", in, pixels)
				k.loadVector(pixels, 0, values)
				k.VFMLA(fill(weight[0]), values, sum)
			})
			k.FMAX(floor, sum, sum)
			k.FMIN(ceiling, sum, sum)
			k.storeNext(1, sum, out)
			k.emit("ADD", immediate(vectorBytes), in)
		})
		k.emit("ADD", rowStep, x)
		k.emit("ADD", yStep, y)
	})
	return k
}
