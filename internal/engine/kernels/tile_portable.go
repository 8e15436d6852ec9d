// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

var portableSet = set{
	name:      "portable",
	supported: func() bool { return true },
	mr:        4,
	nr:        2,
	gemmTile:  gemmTile4x2,

	sum:               sumFloat64,
	squaredDeviations: squaredDeviations,
	dotDeviation:      dotDeviation,
	affine:            affine,
	affine2:           affine2,
	relu:              relu,
	reluBackward:      reluBackward,
}

// gemmTile4x2 keeps 8 sums in registers: more would spill on a CPU with 16 of them.
func gemmTile4x2(k int, a, b, c []float32) {
	var c00, c01, c10, c11, c20, c21, c30, c31 float32
	a, b = a[:4*k], b[:2*k]
	for len(a) >= 4 && len(b) >= 2 {
		b0, b1 := b[0], b[1]
		a0 := a[0]
		c00 += a0 * b0
		c01 += a0 * b1
		a1 := a[1]
		c10 += a1 * b0
		c11 += a1 * b1
		a2 := a[2]
		c20 += a2 * b0
		c21 += a2 * b1
		a3 := a[3]
		c30 += a3 * b0
		c31 += a3 * b1
		a, b = a[4:], b[2:]
	}
	_ = c[7]
	c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7] = c00, c01, c10, c11, c20, c21, c30, c31
}
