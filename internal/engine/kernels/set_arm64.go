// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// architectureSets lists the kernel sets of this architecture: every arm64 CPU has NEON.
var architectureSets = []*Set{&neonSet}

// neonSet has been tested under emulation, but not timed.
var neonSet = withKernelsBy8(Set{
	Name:        "neon",
	Supported:   func() bool { return true },
	TileRows:    8,
	TileColumns: 12,
	GemmTile: func(k int, a, b, c []float32) {
		_, _, _ = a[8*k-1], b[12*k-1], c[8*12-1]
		gemmTile8x12(k, &a[0], &b[0], &c[0])
	},
	Quantized: neonQuantized(),
})
