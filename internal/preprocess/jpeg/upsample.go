// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package jpeg

// upsampler writes one row of the picture's width, made of a component's row and the row next nearest to it, which most
// leave aside. upper says that the nearest row lies above the middle of the output row's group. The rules are libjpeg's:
// smooth ("fancy") for halved directions, repetition for all other ratios.
type upsampler struct {
	row func(dst, nearest, next []uint8, upper bool)
	// smoothDown says that the next nearest row counts.
	smoothDown bool
	// down and across are how many output rows and columns a sample makes.
	down, across int
}

// upsamplingSlack is how many bytes past the picture's width an upsampler may write.
const upsamplingSlack = 8

func upsamplerFor(c *component, maxH, maxV int) upsampler {
	const narrow = 2 // at and below this width libjpeg repeats
	u := upsampler{down: maxV / c.v, across: maxH / c.h}
	switch {
	case u.across == 1 && u.down == 1:
		u.row = func(dst, nearest, _ []uint8, _ bool) { copy(dst, nearest) }
	case u.across == 2 && u.down == 1 && c.width > narrow:
		u.row = func(dst, nearest, _ []uint8, _ bool) { smoothAcross(dst, nearest) }
	case u.across == 1 && u.down == 2:
		u.row, u.smoothDown = smoothRows, true
	case u.across == 2 && u.down == 2 && c.width > narrow:
		u.row, u.smoothDown = smoothBoth, true
	default:
		u.row = func(dst, nearest, _ []uint8, _ bool) { repeatAcross(dst, nearest, u.across) }
	}
	return u
}

// smoothAcross doubles a row: each output is 3/4 of the nearer sample and 1/4 of the further one, rounded up and down in
// turn.
func smoothAcross(dst, in []uint8) {
	n := len(in)
	dst = dst[:2*n]
	dst[0] = in[0]
	dst[1] = uint8((3*int32(in[0]) + int32(in[1]) + 2) >> 2)
	for i := 1; i < n-1; i++ {
		v := 3 * int32(in[i])
		dst[2*i] = uint8((v + int32(in[i-1]) + 1) >> 2)
		dst[2*i+1] = uint8((v + int32(in[i+1]) + 2) >> 2)
	}
	dst[2*n-2] = uint8((3*int32(in[n-1]) + int32(in[n-2]) + 1) >> 2)
	dst[2*n-1] = in[n-1]
}

// smoothRows is the same between rows.
func smoothRows(dst, nearest, next []uint8, upper bool) {
	bias := int32(2)
	if upper {
		bias = 1
	}
	next = next[:len(nearest)]
	dst = dst[:len(nearest)]
	for i, v := range nearest {
		dst[i] = uint8((3*int32(v) + int32(next[i]) + bias) >> 2)
	}
}

// smoothBoth does both: weights of 9, 3, 3 and 1 sixteenth.
func smoothBoth(dst, nearest, next []uint8, _ bool) {
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

func repeatAcross(dst, in []uint8, times int) {
	for i, v := range in {
		for k := range times {
			dst[i*times+k] = v
		}
	}
}
