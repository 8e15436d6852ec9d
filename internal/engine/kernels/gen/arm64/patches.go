// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

// The kernels of patches' moments compute in float64, 2 to a register; a vector of 4 has two.
const (
	doubles     = 4 // of a vector
	doubleBytes = 8
)

// widenRow generates the conversion of a row to float64.
func widenRow() *kernel {
	k := newKernel("widen8", "(n int, y *float64, x *float32) float64",
		"widen8 converts n elements, n a positive multiple of 8, and returns their sum.")
	n, y, x := k.load("n"), k.load("y"), k.load("x")
	sums := k.registers(4)
	k.zero(sums)
	k.loop("elements", n, 8, func() {
		in, out := k.vector(), k.registers(4)
		k.loadNext(1, x, in)
		for half, r := range in {
			k.word(fcvtl(r, out[2*half]))
			k.word(fcvtl2(r, out[2*half+1]))
		}
		k.FADDDoubles(out, sums, sums)
		k.emit("VST1.P", list(out, doubled), at(y, registerBytes*len(out)))
	})
	k.FADDDoubles(sums[2:], sums[:2], sums[:2])
	k.FADDDoubles(sums[1:2], sums[:1], sums[:1])
	k.word(faddpDoubles(sums[0], sums[0], sums[0]))
	k.emit("FMOVD", scalar(sums[0]), k.parameter("ret"))
	return k
}

// patchProducts generates the sums of products of two rows of pixels, each shifted by 0, 1 and 2 pixels: 9 sums of 4 lanes.
func patchProducts() *kernel {
	k := newKernel("patchProducts4", "(n int, x, y, sums *float64)",
		"patchProducts4 adds x[p+i]·y[p+j] to sums[i][j][p%4] for 0 ≤ i, j < 3 and 0 ≤ p < n, n a positive multiple of 4.")
	n, x, y, sums := k.load("n"), k.load("x"), k.load("y"), k.load("sums")
	var total [taps * taps]vector
	for i := range total {
		total[i] = k.vector()
		k.loadVector(sums, vectorBytes*i, total[i])
	}
	k.loop("pixels", n, doubles, func() {
		var left, right [taps]vector
		for i := range taps {
			left[i], right[i] = k.vector(), k.vector()
			k.loadUnaligned(x, doubleBytes*i, left[i])
			k.loadUnaligned(y, doubleBytes*i, right[i])
		}
		for i := range taps {
			for j := range taps {
				k.VFMLADoubles(left[i], right[j], total[taps*i+j])
			}
		}
		k.emit("ADD", immediate(vectorBytes), x)
		k.emit("ADD", immediate(vectorBytes), y)
	})
	for i := range total {
		k.storeVector(total[i], sums, vectorBytes*i)
	}
	return k
}
