// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

var portableSet = Set{
	Name:        "portable",
	Supported:   func() bool { return true },
	TileRows:    3,
	TileColumns: 3,
	GemmTile:    gemmTile3x3,

	NormPool:         normPoolRow,
	NormPoolSums:     normPoolSumsRow,
	NormPoolBackward: normPoolBackwardRow,
	Unpool:           unpoolRow,

	Patch: &Patch{Widen: widenRow, Products: patchProductsRow},

	Sum:               sumFloat64,
	SquaredDeviations: squaredDeviations,
	DotDeviation:      dotDeviation,
	Affine:            affine,
	Affine2:           affine2,
	Add:               add,
	Maximum:           maximum,
	Split:             split,
	Halve:             halve,
	Clip:              clip,
	ReLU:              relu,
	ReLUBackward:      reluBackward,
}

// gemmTile3x3 keeps 9 sums and 6 operands in the 15 registers that the compiler has on amd64; larger tiles spill. Two
// steps per round halve the cost of the loop.
func gemmTile3x3(k int, a, b, c []float32) {
	var c00, c01, c02, c10, c11, c12, c20, c21, c22 float32
	a, b = a[:3*k], b[:3*k]
	for len(a) >= 6 && len(b) >= 6 {
		a0, a1, a2 := a[0], a[1], a[2]
		b0, b1, b2 := b[0], b[1], b[2]
		c00 += a0 * b0
		c01 += a0 * b1
		c02 += a0 * b2
		c10 += a1 * b0
		c11 += a1 * b1
		c12 += a1 * b2
		c20 += a2 * b0
		c21 += a2 * b1
		c22 += a2 * b2
		a0, a1, a2 = a[3], a[4], a[5]
		b0, b1, b2 = b[3], b[4], b[5]
		c00 += a0 * b0
		c01 += a0 * b1
		c02 += a0 * b2
		c10 += a1 * b0
		c11 += a1 * b1
		c12 += a1 * b2
		c20 += a2 * b0
		c21 += a2 * b1
		c22 += a2 * b2
		a, b = a[6:], b[6:]
	}
	if len(a) >= 3 && len(b) >= 3 {
		a0, a1, a2 := a[0], a[1], a[2]
		b0, b1, b2 := b[0], b[1], b[2]
		c00 += a0 * b0
		c01 += a0 * b1
		c02 += a0 * b2
		c10 += a1 * b0
		c11 += a1 * b1
		c12 += a1 * b2
		c20 += a2 * b0
		c21 += a2 * b1
		c22 += a2 * b2
	}
	_ = c[8]
	c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8] = c00, c01, c02, c10, c11, c12, c20, c21, c22
}
