// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

func smoothAcross(dst, in []uint8) {
	last := len(in) - 1
	dst = dst[:2*len(in)]
	dst[0] = in[0]
	dst[1] = uint8((3*int32(in[0]) + int32(in[1]) + 2) >> 2)
	for i := 1; i < last; i++ {
		v := 3 * int32(in[i])
		dst[2*i] = uint8((v + int32(in[i-1]) + 1) >> 2)
		dst[2*i+1] = uint8((v + int32(in[i+1]) + 2) >> 2)
	}
	dst[2*last] = uint8((3*int32(in[last]) + int32(in[last-1]) + 1) >> 2)
	dst[2*last+1] = in[last]
}

func smoothRows(dst, nearest, next []uint8, bias int) {
	next, dst = next[:len(nearest)], dst[:len(nearest)]
	for i, v := range nearest {
		dst[i] = uint8((3*int32(v) + int32(next[i]) + int32(bias)) >> 2)
	}
}

func smoothBoth(dst, nearest, next []uint8) {
	n := len(nearest)
	next, dst = next[:n], dst[:2*n]
	this := 3*int32(nearest[0]) + int32(next[0])
	following := 3*int32(nearest[1]) + int32(next[1])
	dst[0] = uint8((4*this + 8) >> 4)
	dst[1] = uint8((3*this + following + 7) >> 4)
	last := this
	this = following
	for i := 1; i < n-1; i++ {
		following = 3*int32(nearest[i+1]) + int32(next[i+1])
		dst[2*i] = uint8((3*this + last + 8) >> 4)
		dst[2*i+1] = uint8((3*this + following + 7) >> 4)
		last, this = this, following
	}
	dst[2*n-2] = uint8((3*this + last + 8) >> 4)
	dst[2*n-1] = uint8((4*this + 7) >> 4)
}
