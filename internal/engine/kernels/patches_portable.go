// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// widenRow is the portable widen of a set.
func widenRow(y []float64, x []float32) (sum float64) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] = float64(v)
		sum += y[i]
	}
	return sum
}

// patchProductsRow is the portable products of a set.
func patchProductsRow(sums *[PatchTile]float64, n int, x, y []float64) {
	for p := range n {
		for i, v := range x[p:][:PatchSide] {
			for j, w := range y[p:][:PatchSide] {
				sums[(i*PatchSide+j)*PatchLanes+p%PatchLanes] += v * w
			}
		}
	}
}
