// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

import "golang.org/x/sys/cpu"

// architectureSets lists the kernel sets of this architecture in the order of choice. A CPU with AVX-512 has AVX2 too,
// so avx512 must be asked for: it has been tested under emulation, but not timed.
var architectureSets = []*set{&avx2Set, &avx512Set}

var avx2Set = set{
	name:      "avx2",
	supported: func() bool { return cpu.X86.HasAVX2 && cpu.X86.HasFMA },
	mr:        6,
	nr:        16,
	gemmTile: func(k int, a, b, c []float32) {
		_, _, _ = a[6*k-1], b[16*k-1], c[6*16-1]
		gemmTile6x16(k, &a[0], &b[0], &c[0])
	},
	convPixels:        lanes,
	convTiles:         convTiles3x3,
	convWeights:       convWeights3x3,
	rowsConvolutions:  []rowsKernel{rowsConvolution1, rowsConvolution2, rowsConvolution3},
	rowsAccumulations: []rowsKernel{rowsAccumulation1, rowsAccumulation2, rowsAccumulation3},
	columnProduct:     columnProduct,
	gather:            [2]gatherKernel{gatherStride1, gatherStride2},
	depthwisePlane:    depthwisePlane,
	depthwise3x3:      [2]depthwise3x3Kernel{depthwise3x3Stride1, depthwise3x3Stride2},
	depthwiseStrips:   [2]planeStripsKernel{depthwiseStripsStride1, depthwiseStripsStride2},
	winograd: &winogradKernels{
		input: winogradInput, output: winogradOutput, outputPool: winogradOutputPool,
		products: []func(int, *float32, int, *float32, int, *float32, int){rowsProduct1, rowsProduct2, rowsProduct3},
		filters:  winogradFilters, filterGradients: winogradFilterGradients,
		interleave: interleave8, weightsInput: winogradWeightsInput, weightsGradient: winogradWeightsGradient,
	},

	quantized: &avx2Quantized,

	normPool:         normPoolBy8,
	normPoolSums:     normPoolSumsBy8,
	normPoolBackward: normPoolBackwardBy8,
	unpool:           unpoolBy8,

	patch: &patchesBy8,

	sum:               sumBy8,
	squaredDeviations: squaredDeviationsBy8,
	dotDeviation:      dotDeviationBy8,
	affine:            affineBy8,
	affine2:           affine2By8,
	add:               addBy8,
	maximum:           maximumBy8,
	split:             splitBy8,
	halve:             halveBy8,
	clip:              clipBy8,
	relu:              reluBy8,
	reluBackward:      reluBackwardBy8,
}
