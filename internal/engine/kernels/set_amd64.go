// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import "golang.org/x/sys/cpu"

// architectureSets lists the kernel sets of this architecture in the order of choice. avx512 rounds float32 differently, so it
// comes after avx2, which any CPU with AVX-512 has too: it is chosen where it is asked for, or as the fastest.
var architectureSets = []*Set{&vnniSet, &avx2Set, &avx512Set}

var avx2Set = withKernelsBy8(Set{
	Name:        "avx2",
	Supported:   func() bool { return cpu.X86.HasAVX2 && cpu.X86.HasFMA },
	TileRows:    6,
	TileColumns: 16,
	GemmTile: func(k int, a, b, c []float32) {
		_, _, _ = a[6*k-1], b[16*k-1], c[6*16-1]
		gemmTile6x16(k, &a[0], &b[0], &c[0])
	},
	DepthwiseStrips: [2]PlaneStripsKernel{depthwiseStripsStride1, depthwiseStripsStride2},
	Quantized:       &avx2Quantized,
})
