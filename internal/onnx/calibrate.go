// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import "math"

// histogram counts the values of a tensor in bins of the same width. Its range doubles when a value lies outside, so that
// the values need be seen only once.
type histogram struct {
	// bins cover [-limit, limit).
	bins  []uint64
	limit float64
	// low and high are the least and the largest value, and 0.
	low, high float64
}

// histogramBins is even, as bins are joined in pairs.
const histogramBins = 8192

// add counts values. Those that are not finite are left out.
func (h *histogram) add(values []float32) {
	low, high := h.low, h.high
	for _, v := range values {
		if f := float64(v); f-f == 0 {
			low, high = min(low, f), max(high, f)
		}
	}
	h.low, h.high = low, high
	h.grow(max(high, -low))
	if h.limit == 0 {
		return // zeros only
	}
	perUnit := histogramBins / 2 / h.limit
	for _, v := range values {
		if f := float64(v); f-f == 0 {
			h.bins[min(int(f*perUnit+histogramBins/2), histogramBins-1)]++
		}
	}
}

// grow makes the range include ±most.
func (h *histogram) grow(most float64) {
	if most == 0 {
		return
	}
	if h.limit == 0 {
		h.bins, h.limit = make([]uint64, histogramBins), most
		return
	}
	for h.limit < most {
		joined := make([]uint64, histogramBins)
		for i, n := range h.bins {
			joined[histogramBins/4+i/2] += n
		}
		h.bins, h.limit = joined, 2*h.limit
	}
}

// byteRange says what the bytes from 0 to 255 stand for: (byte - zero)·scale.
type byteRange struct {
	scale float32
	zero  uint8
}

// newByteRange returns the range from low to high, which contains 0, with 0 on a byte.
func newByteRange(low, high float64) byteRange {
	scale := float32((high - low) / math.MaxUint8)
	if !(scale > 1e-20) {
		return byteRange{scale: 1} // a tensor of zeros
	}
	return byteRange{scale: scale, zero: uint8(min(max(math.RoundToEven(-low/float64(scale)), 0), math.MaxUint8))}
}

// Candidates for the range are the whole one and ever smaller shares of it.
const (
	rangeSteps     = 100
	leastRangeStep = 20
)

// byteRange returns the range with the least mean squared error between the values and their bytes: a few values far out
// are cut off where that makes the steps for all others enough finer.
func (h *histogram) byteRange() byteRange {
	best, least := newByteRange(h.low, h.high), math.Inf(1)
	for step := rangeSteps; step >= leastRangeStep; step-- {
		share := float64(step) / rangeSteps
		candidate := newByteRange(h.low*share, h.high*share)
		if e := h.squaredError(candidate); e < least {
			best, least = candidate, e
		}
	}
	return best
}

// squaredError returns the sum of (value - what its byte stands for)².
func (h *histogram) squaredError(r byteRange) float64 {
	sum, width := 0.0, h.limit/(histogramBins/2)
	scale, zero := float64(r.scale), float64(r.zero)
	for i, n := range h.bins {
		if n == 0 {
			continue
		}
		v := (float64(i) + 0.5 - histogramBins/2) * width
		b := min(max(math.RoundToEven(v/scale)+zero, 0), math.MaxUint8)
		d := v - (b-zero)*scale
		sum += float64(n) * d * d
	}
	return sum
}
