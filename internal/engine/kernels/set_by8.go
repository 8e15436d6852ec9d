// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package kernels

// withKernelsBy8 gives a set what AVX2 and NEON have under the same names: the generators of both write kernels for
// vectors of 8 elements, of two registers in NEON.
func withKernelsBy8(s Set) Set {
	s.ConvPixels = Lanes
	s.ConvTiles = convTiles3x3
	s.ConvWeights = convWeights3x3
	s.RowsConvolutions = []RowsKernel{rowsConvolution1, rowsConvolution2, rowsConvolution3}
	s.RowsAccumulations = []RowsKernel{rowsAccumulation1, rowsAccumulation2, rowsAccumulation3}
	s.ColumnProduct = columnProduct
	s.Gather = [2]GatherKernel{gatherStride1, gatherStride2}
	s.DepthwisePlane = depthwisePlane
	s.Depthwise3x3 = [2]Depthwise3x3Kernel{depthwise3x3Stride1, depthwise3x3Stride2}
	s.Winograd = &Winograd{
		Input: winogradInput, Output: winogradOutput, OutputPool: winogradOutputPool,
		Products: []func(int, *float32, int, *float32, int, *float32, int){rowsProduct1, rowsProduct2, rowsProduct3},
		Filters:  winogradFilters, FilterGradients: winogradFilterGradients,
		Interleave: interleave8, WeightsInput: winogradWeightsInput, WeightsGradient: winogradWeightsGradient,
	}

	s.NormPool = normPoolBy8
	s.NormPoolSums = normPoolSumsBy8
	s.NormPoolBackward = normPoolBackwardBy8
	s.Unpool = unpoolBy8

	s.Patch = &patchesBy8

	s.Sum = sumBy8
	s.SquaredDeviations = squaredDeviationsBy8
	s.DotDeviation = dotDeviationBy8
	s.Affine = affineBy8
	s.Affine2 = affine2By8
	s.Add = addBy8
	s.Maximum = maximumBy8
	s.Split = splitBy8
	s.Halve = halveBy8
	s.Clip = clipBy8
	s.ReLU = reluBy8
	s.ReLUBackward = reluBackwardBy8
	return s
}
