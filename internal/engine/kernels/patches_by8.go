// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package kernels

// patchesBy8 are the kernels of patches' moments of AVX2 and NEON.
var patchesBy8 = Patch{
	Widen: func(y []float64, x []float32) (sum float64) {
		y = y[:len(x)]
		n := len(x) &^ (Lanes - 1)
		if n > 0 {
			sum = widen8(n, &y[0], &x[0])
		}
		return sum + widenRow(y[n:], x[n:])
	},
	Products: func(sums *[PatchTile]float64, n int, x, y []float64) {
		x, y = x[:n+PatchSide-1], y[:n+PatchSide-1]
		whole := n &^ (PatchLanes - 1)
		if whole > 0 {
			patchProducts4(whole, &x[0], &y[0], &sums[0])
		}
		patchProductsRow(sums, n-whole, x[whole:], y[whole:])
	},
}
