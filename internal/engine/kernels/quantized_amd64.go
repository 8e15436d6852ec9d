// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// avx2Quantized are the kernels of 8 bits for AVX2.
var avx2Quantized = quantizedKernels{
	dotTiles:           dotTiles6x16,
	dotBytes:           dotBytes6x16,
	bytesLimit:         64,
	convBytes:          convBytes6x16,
	depthwise:          depthwiseBytes32,
	depthwiseLimit:     64,
	widen:              widen16,
	requantize:         requantize16,
	pool:               poolBytes16,
	add:                addBytes32,
	quantizePixels:     quantizePixels4,
	winogradInput:      quantizedWinogradInput,
	winogradOutput:     quantizedWinogradOutput,
	winogradOutputPool: quantizedWinogradOutputPool,
}
