// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// RowsKernel is described in gen/amd64/rows.go.
type RowsKernel func(quads int, u *float32, channels int, v *float32, vStride int, m *float32, mStride int, bias *float32,
	floor, ceiling float32)

// GatherKernel is described in gen/amd64/gather.go.
type GatherKernel func(channels, rows, vectors int, x *float32, channelStep, column, at, advance, planeBytes int,
	zeros *float32, masks *int32, y *float32, rowStep, yStep int)

// Depthwise3x3Kernel is described in gen/amd64/depthwise3x3.go.
type Depthwise3x3Kernel func(rows int, x *float32, column, at, rowBytes, planeBytes int, zeros *float32,
	masks *int32, w *float32, y *float32, yStep int, bias, floor, ceiling float32)

// PlaneStripsKernel is described in gen/amd64/depthwise_strips.go.
type PlaneStripsKernel func(planes, strips, rows int, x *float32, planeStep, at, rowBytes, planeBytes int, zeros *float32,
	left, right int, masks *int32, w, bias, y *float32, yPlane, yStep int, floor, ceiling float32)

// Winograd are the inner loops of a set, described in gen/amd64/winograd.go.
type Winograd struct {
	Input func(groups int, x *float32, column, at, rowBytes, planeBytes int, zeros *float32, masks *int32,
		v *float32, pointStride int, scratch *float32)
	Output, OutputPool func(groups int, m *float32, pointStride, next int, bias, floor float32, y *float32, rowStride int, scratch *float32)
	// products[n-1] multiplies n vectors of columns.
	Products []func(quads int, u *float32, channels int, v *float32, vStride int, m *float32, mStride int)
	// Filters transforms weights, and FilterGradients their gradients back, described in gen/amd64/winograd_filters.go.
	Filters         func(vectors int, w *float32, places *int32, tapStep, vectorStep int, u *float32, pointStride int, scratch *float32)
	FilterGradients func(vectors int, m *float32, vectorStep, pointStride int, dw *float32, scratch *float32)

	// Interleave, WeightsInput and WeightsGradient are those of the weights' gradient, described in gen/amd64/winograd_weights.go.
	Interleave      func(vectors int, x *float32, planeStride int, y *float32)
	WeightsInput    func(tiles int, x *float32, rowStride int, v *float32, quadStride, pointStride int, scratch *float32)
	WeightsGradient func(tiles int, dy *float32, rowStride int, e *float32, tileStride, pointStride int, scratch *float32)
}

// Quantized are the inner loops of a set for convolutions of 8 bits, described in gen/amd64/quantized.go. to points to a
// ByteRange's first field.
type Quantized struct {
	// DotTiles multiplies windows with weights: 6 pixels by 16 output channels. It and Widen are nil if DotBytes takes all weights.
	DotTiles func(tiles int, offsets *int, x *int16, runs int, runOffsets *int, units int, w *int16, sums *int32)
	// DotBytes does so for bytes, exactly if no weight is larger than BytesLimit.
	DotBytes   func(tiles int, offsets *int, x *uint8, runs int, runOffsets *int, units int, w *int8, sums *int32)
	BytesLimit int
	// ConvBytes does so too and stores the bytes of the sums; nil means that Requantize does that.
	ConvBytes func(tiles int, offsets *int, x *uint8, runs int, runOffsets *int, units int, w *int8, bias *int32, scale, to *float32, y *uint8, pixelStride int)
	// Depthwise is that of 3×3 for 32 channels, exact if no weight is larger than DepthwiseLimit; nil means that it is computed
	// by definition.
	Depthwise      func(pixels int, x *uint8, pixelStep, rowStep, columnStep, passes int, w *int8, bias *int32, scale, to *float32, y *uint8, yStep int)
	DepthwiseLimit int
	Widen          func(n int, x *uint8, y *int16)
	Requantize     func(pixels int, sums, bias *int32, scale *float32, to *float32, y *uint8)
	Pool           func(windows int, top, bottom, y *uint8, yStride int)
	Add            func(n int, a, b *uint8, scaleA, scaleB, offset float32, to *float32, y *uint8)
	QuantizePixels func(n int, x0, x1, x2, x3 *float32, scale, low, high float32, zero int32, y *uint8)
	// WinogradInput and the two outputs transform tiles; nil means that convolutions are computed directly.
	WinogradInput                      func(tiles, vectors int, x *uint8, pixelStride, rowStride int, v *int16, pointStride int, scratch *int16)
	WinogradOutput, WinogradOutputPool func(tiles int, m *int32, pointStride int, bias *int32, scale *float32, to *float32,
		y *uint8, pixelStride, rowStride int, scratch *int32)
}

// Patch are the inner loops of a set, described in gen/amd64/patches.go.
type Patch struct {
	Widen    func(y []float64, x []float32) (sum float64)
	Products func(sums *[PatchTile]float64, n int, x, y []float64)
}
