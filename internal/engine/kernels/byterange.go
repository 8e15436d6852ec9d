// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import "math"

// byteRange says how numbers, in steps of the output's scale, become bytes: min(max(zero + round(v), low), high), rounding
// half to even, with low ≤ high. Its fields fill vectors, as kernels load them.
type byteRange struct {
	high [8]float32 // less zero
	zero [16]int16
	low  [32]uint8
}

func newByteRange(zero, low, high uint8) byteRange {
	var r byteRange
	fill(r.high[:], float32(high)-float32(zero))
	fill(r.zero[:], int16(zero))
	fill(r.low[:], low)
	return r
}

// round returns the byte of a number.
func (r *byteRange) round(v float32) uint8 {
	low := float32(int16(r.low[0]) - r.zero[0])
	return uint8(int16(math.RoundToEven(float64(min(max(v, low), r.high[0])))) + r.zero[0])
}
