// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package jpeg

import "github.com/trainyard-dev/trainyard/internal/preprocess/kernels"

// upsampler writes one row of the picture's width, made of a component's row and the row next nearest to it, which most
// leave aside, by the loops of k. upper says that the nearest row lies above the middle of the output row's group. The rules are libjpeg's:
// smooth ("fancy") for halved directions, repetition for all other ratios and where a block makes one pixel. It is nil where the component's row is the picture's.
type upsampler struct {
	row func(k *kernels.Set, dst, nearest, next []uint8, upper bool)
	// smoothDown says that the next nearest row counts.
	smoothDown bool
	// down and across are how many output rows and columns a sample makes.
	down, across int
}

// upsamplingSlack is how many bytes past the picture's width an upsampler may write.
const upsamplingSlack = 8

func (f *frame) upsamplerFor(c *component) upsampler {
	const narrow = 2 // at and below this width libjpeg repeats
	u := upsampler{down: f.maxV * f.side / (c.v * c.size), across: f.maxH * f.side / (c.h * c.size)}
	smooth := f.side > 1
	switch {
	case u.across == 1 && u.down == 1:
	case smooth && u.across == 2 && u.down == 1 && c.width > narrow:
		u.row = func(k *kernels.Set, dst, nearest, _ []uint8, _ bool) { k.SmoothAcross(dst, nearest) }
	case smooth && u.across == 1 && u.down == 2:
		u.row, u.smoothDown = smoothRows, true
	case smooth && u.across == 2 && u.down == 2 && c.width > narrow:
		u.row, u.smoothDown = func(k *kernels.Set, dst, nearest, next []uint8, _ bool) { k.SmoothBoth(dst, nearest, next) }, true
	default:
		u.row = func(_ *kernels.Set, dst, nearest, _ []uint8, _ bool) { repeatAcross(dst, nearest, u.across) }
	}
	return u
}

// smoothRows rounds up and down in turn.
func smoothRows(k *kernels.Set, dst, nearest, next []uint8, upper bool) {
	bias := 2
	if upper {
		bias = 1
	}
	k.SmoothRows(dst, nearest, next, bias)
}

func repeatAcross(dst, in []uint8, times int) {
	for i, v := range in {
		for k := range times {
			dst[i*times+k] = v
		}
	}
}
