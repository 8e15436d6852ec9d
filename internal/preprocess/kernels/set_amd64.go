// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import "golang.org/x/sys/cpu"

var architectureSets = []*Set{&avx2Set}

var avx2Set = Set{
	Name:      "avx2",
	Supported: func() bool { return cpu.X86.HasAVX2 },
	InverseDCT: func(dst []uint8, stride int, block *[BlockLen]int16, quant *[BlockLen]int32) {
		_ = dst[7*stride+7]
		inverseDCT8x8(&dst[0], stride, &block[0], &quant[0])
	},
	InverseDCT4: func(dst []uint8, stride int, block *[BlockLen]int16, quant *[BlockLen]int32) {
		_ = dst[3*stride+3]
		inverseDCT4x4(&dst[0], stride, &block[0], &quant[0])
	},
	InverseDCT2: func(dst []uint8, stride int, block *[BlockLen]int16, quant *[BlockLen]int32) {
		_ = dst[stride+1]
		inverseDCT2x2(&dst[0], stride, &block[0], &quant[0])
	},
	SmoothAcross: smoothAcrossBy16,
	SmoothRows:   smoothRowsBy16,
	SmoothBoth:   smoothBothBy16,
	ConvertYCC:   convertYCCBy16,
	WeighRows:    weighRowsBy32,
	FilterRow:    filterRowBy4,
}
