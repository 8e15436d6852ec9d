// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// architectureSets lists the kernel sets of this architecture: every arm64 CPU has NEON.
var architectureSets = []*Set{&neonSet}

// neonSet has been tested under emulation, but not timed.
var neonSet = Set{
	Name:        "neon",
	Supported:   func() bool { return true },
	TileRows:    8,
	TileColumns: 12,
	GemmTile: func(k int, a, b, c []float32) {
		_, _, _ = a[8*k-1], b[12*k-1], c[8*12-1]
		gemmTile8x12(k, &a[0], &b[0], &c[0])
	},
	ConvPixels:        Lanes,
	ConvTiles:         convTiles3x3,
	ConvWeights:       convWeights3x3,
	RowsConvolutions:  []RowsKernel{rowsConvolution1, rowsConvolution2, rowsConvolution3},
	RowsAccumulations: []RowsKernel{rowsAccumulation1, rowsAccumulation2, rowsAccumulation3},
	ColumnProduct:     columnProduct,
	Gather:            [2]GatherKernel{gatherStride1, gatherStride2},
	DepthwisePlane:    depthwisePlane,
	Depthwise3x3:      [2]Depthwise3x3Kernel{depthwise3x3Stride1, depthwise3x3Stride2},
	Winograd: &Winograd{
		Input: winogradInput, Output: winogradOutput, OutputPool: winogradOutputPool,
		Products: []func(int, *float32, int, *float32, int, *float32, int){rowsProduct1, rowsProduct2, rowsProduct3},
		Filters:  winogradFilters, FilterGradients: winogradFilterGradients,
		Interleave: interleave8, WeightsInput: winogradWeightsInput, WeightsGradient: winogradWeightsGradient,
	},

	Quantized: neonQuantized(),

	NormPool:         normPoolBy8,
	NormPoolSums:     normPoolSumsBy8,
	NormPoolBackward: normPoolBackwardBy8,
	Unpool:           unpoolBy8,

	Patch: &patchesBy8,

	Sum:               sumBy8,
	SquaredDeviations: squaredDeviationsBy8,
	DotDeviation:      dotDeviationBy8,
	Affine:            affineBy8,
	Affine2:           affine2By8,
	Add:               addBy8,
	Maximum:           maximumBy8,
	Split:             splitBy8,
	Halve:             halveBy8,
	Clip:              clipBy8,
	ReLU:              reluBy8,
	ReLUBackward:      reluBackwardBy8,
}
