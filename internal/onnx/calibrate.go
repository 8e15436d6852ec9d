// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import "math"

// extremes are the least and the largest finite value of a tensor, and 0. Cutting the rarest values off, for finer steps in
// between, was tried: by percentiles or by the least squared error of the tensor, the logits' error grew. The largest
// values are what max pooling and the next layer live on.
type extremes struct{ low, high float64 }

// add takes values into account.
func (e *extremes) add(values []float32) {
	low, high := float32(e.low), float32(e.high)
	for _, v := range values {
		if v-v == 0 { // finite
			low, high = min(low, v), max(high, v)
		}
	}
	e.low, e.high = float64(low), float64(high)
}

// byteRange says what the bytes from 0 to 255 stand for: (byte - zero)·scale.
type byteRange struct {
	scale float32
	zero  uint8
}

// byteRange returns the range that covers the extremes, with 0 on a byte.
func (e *extremes) byteRange() byteRange {
	scale := float32((e.high - e.low) / math.MaxUint8)
	if !(scale > 1e-20) {
		return byteRange{scale: 1} // a tensor of zeros
	}
	return byteRange{scale: scale, zero: uint8(min(max(math.RoundToEven(-e.low/float64(scale)), 0), math.MaxUint8))}
}
