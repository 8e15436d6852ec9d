// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// avx2Quantized are the kernels of 8 bits for AVX2.
var avx2Quantized = Quantized{
	DotTiles:           dotTiles6x16,
	DotBytes:           dotBytes6x16,
	BytesLimit:         64,
	ConvBytes:          convBytes6x16,
	Depthwise:          depthwiseBytes32,
	DepthwiseLimit:     64,
	Widen:              widen16,
	Requantize:         requantize16,
	Pool:               poolBytes16,
	Add:                addBytes32,
	QuantizePixels:     quantizePixels4,
	WinogradInput:      quantizedWinogradInput,
	WinogradOutput:     quantizedWinogradOutput,
	WinogradOutputPool: quantizedWinogradOutputPool,
}
