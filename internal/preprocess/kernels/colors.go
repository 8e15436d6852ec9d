// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// Tables of the conversion from YCbCr with 16 bits of fraction.
var redOfCr, blueOfCb, greenOfCr, greenOfCb [256]int32

func init() {
	const half = 1 << 15
	for i := range int32(256) {
		v := i - 128
		redOfCr[i] = (91881*v + half) >> 16
		blueOfCb[i] = (116130*v + half) >> 16
		greenOfCr[i] = -46802 * v
		greenOfCb[i] = -22554*v + half
	}
}

func convertYCC(rgb, luma, cb, cr []uint8) {
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	rgb = rgb[:channels*len(luma)]
	for x, y8 := range luma {
		y, b, r := int32(y8), cb[x], cr[x]
		pixel := (*[channels]uint8)(rgb[channels*x:])
		pixel[0] = clamp(y + redOfCr[r])
		pixel[1] = clamp(y + (greenOfCb[b]+greenOfCr[r])>>16)
		pixel[2] = clamp(y + blueOfCb[b])
	}
}

func clamp(v int32) uint8 {
	if uint32(v) > 255 {
		if v < 0 {
			return 0
		}
		return 255
	}
	return uint8(v)
}
