// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import "math"

// ByteRange says how numbers, in steps of the output's scale, become bytes: min(max(zero + round(v), low), high), rounding
// half to even, with low ≤ high. Its fields fill vectors, as kernels load them.
type ByteRange struct {
	High [8]float32 // less zero
	zero [16]int16
	low  [32]uint8
}

// NewByteRange returns the range from low to high of bytes that stand for numbers less zero.
func NewByteRange(zero, low, high uint8) ByteRange {
	var r ByteRange
	for i := range r.High {
		r.High[i] = float32(high) - float32(zero)
	}
	for i := range r.zero {
		r.zero[i] = int16(zero)
	}
	for i := range r.low {
		r.low[i] = low
	}
	return r
}

// Round returns the byte of a number.
func (r *ByteRange) Round(v float32) uint8 {
	low := float32(int16(r.low[0]) - r.zero[0])
	return uint8(int16(math.RoundToEven(float64(min(max(v, low), r.High[0])))) + r.zero[0])
}
