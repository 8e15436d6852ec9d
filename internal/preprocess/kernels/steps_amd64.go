// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import "slices"

// step is how many samples the assembly does at a time. Where a row is no multiple of it the last step goes back, and makes
// some samples again.
const step = 16

// inSteps calls do with the beginning and the length, a multiple of step, of stretches that cover first to end.
func inSteps(first, end int, do func(first, n int)) {
	n := (end - first) &^ (step - 1)
	do(first, n)
	if first+n < end {
		do(end-step, step)
	}
}

func smoothAcrossBy16(dst, in []uint8) {
	last := len(in) - 1
	if last-1 < step {
		smoothAcross(dst, in)
		return
	}
	dst = dst[:2*len(in)]
	dst[0] = in[0]
	dst[1] = uint8((3*int32(in[0]) + int32(in[1]) + 2) >> 2)
	inSteps(1, last, func(first, n int) { smoothAcross16(n, &dst[2*first], &in[first]) })
	dst[2*last] = uint8((3*int32(in[last]) + int32(in[last-1]) + 1) >> 2)
	dst[2*last+1] = in[last]
}

func smoothRowsBy16(dst, nearest, next []uint8, bias int) {
	if len(nearest) < step {
		smoothRows(dst, nearest, next, bias)
		return
	}
	dst, next = dst[:len(nearest)], next[:len(nearest)]
	inSteps(0, len(nearest), func(first, n int) { smoothRows16(n, &dst[first], &nearest[first], &next[first], bias) })
}

func smoothBothBy16(dst, nearest, next []uint8) {
	last := len(nearest) - 1
	if last-1 < step {
		smoothBoth(dst, nearest, next)
		return
	}
	dst, next = dst[:2*len(nearest)], next[:len(nearest)]
	column := func(i int) int32 { return 3*int32(nearest[i]) + int32(next[i]) }
	dst[0] = uint8((4*column(0) + 8) >> 4)
	dst[1] = uint8((3*column(0) + column(1) + 7) >> 4)
	inSteps(1, last, func(first, n int) { smoothBoth16(n, &dst[2*first], &nearest[first], &next[first]) })
	dst[2*last] = uint8((3*column(last) + column(last-1) + 8) >> 4)
	dst[2*last+1] = uint8((4*column(last) + 7) >> 4)
}

func convertYCCBy16(rgb, luma, cb, cr []uint8) {
	if len(luma) < step {
		convertYCC(rgb, luma, cb, cr)
		return
	}
	rgb, cb, cr = rgb[:channels*len(luma)], cb[:len(luma)], cr[:len(luma)]
	inSteps(0, len(luma), func(first, n int) { convertYCC16(n, &rgb[channels*first], &luma[first], &cb[first], &cr[first]) })
}

func weighRowsBy32(sums []float32, rows []uint8, stride int, weights []float32) {
	if len(weights) == 0 || len(sums) == 0 {
		return
	}
	_ = rows[(len(weights)-1)*stride+len(sums)-1]
	weighRows32(len(sums), &sums[0], &rows[0], stride, len(weights), &weights[0])
}

func filterRowBy4(dst []uint8, sums []float32, filter *Filter) {
	dst = dst[:channels*filter.pixels]
	_ = sums[int(slices.Max(filter.firsts))+channels*filter.taps]
	groups := filter.pixels / groupPixels
	filterGroups(groups, &dst[0], &sums[0], &filter.firsts[0], filter.taps, &filter.weights[0])
	if groups*groupPixels < filter.pixels {
		filterGroups(1, &dst[channels*(filter.pixels-groupPixels)], &sums[0],
			&filter.firsts[groups*groupPixels], filter.taps, &filter.weights[groups*groupPixels*filter.taps])
	}
}
