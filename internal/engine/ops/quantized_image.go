// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package ops

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// quantizedImageArgs are the arguments of one conversion or pooling of images of 8 bits.
type quantizedImageArgs struct {
	shape      tensor.ImageShape
	pool       tensor.PoolShape
	x, y       []uint8
	floats     []float32
	scale      float32
	multiplier float32
	zero       uint8
	outZero    uint8
}

// pixels returns the pixels of an image.
func (a *quantizedImageArgs) pixels() int { return a.shape.Height * a.shape.Width }

// QuantizedLen returns the bytes of a batch of images of 8 bits.
func QuantizedLen(s tensor.ImageShape) int {
	return s.Batch * s.Height * s.Width * PixelStride(s.Channels)
}

// QuantizeImages computes y = saturate(zero + round(x/scale)), half to even, of float32 images x with their channels first,
// [Batch, Channels, Height, Width]. A NaN becomes 0.
func QuantizeImages(ws *exec.Workspace, s tensor.ImageShape, x []float32, scale float32, zero uint8, y []uint8) {
	exec.CheckLength("quantize images", "x", x, s.Batch*s.Channels*s.Height*s.Width)
	exec.CheckLength("quantize images", "y", y, QuantizedLen(s))
	quantizedStates.Of(ws).bytes = quantizedImageArgs{shape: s, floats: x, scale: scale, zero: zero, y: y}
	ws.Run(s.Batch*PixelStride(s.Channels)/4, quantizeImagesPart)
}

// quantizeImagesPart converts 4 channels of an image.
func quantizeImagesPart(ws *exec.Workspace, worker, part int) {
	a := &quantizedStates.Of(ws).bytes
	pixel := PixelStride(a.shape.Channels)
	image, channel := part/(pixel/4), part%(pixel/4)*4
	n := a.pixels()
	y := a.y[image*n*pixel+channel:]
	// A missing channel repeats the last.
	var planes [4][]float32
	for i := range planes {
		c := min(channel+i, a.shape.Channels-1)
		planes[i] = a.floats[(image*a.shape.Channels+c)*n:][:n]
	}
	low, high := -float32(a.zero), 255-float32(a.zero)
	done := 0
	if loops := ws.Kernels().Quantized; loops != nil {
		const block = 64
		bytes, _ := viewAs[uint8](ws.Worker(worker).Scratch(4*block/floatSize), 4*block)
		for n-done >= 8 {
			count := min(n-done, block) &^ 7
			out := &bytes[0]
			if pixel == 4 {
				count = (n - done) &^ 7
				out = &y[done*4]
			}
			loops.QuantizePixels(count, &planes[0][done], &planes[1][done], &planes[2][done], &planes[3][done], a.scale, low, high, int32(a.zero), out)
			if pixel > 4 {
				for i := range count {
					copy(y[(done+i)*pixel:][:4], bytes[4*i:])
				}
			}
			done += count
		}
	}
	for i := done; i < n; i++ {
		for j, plane := range planes {
			v := plane[i] / a.scale
			if !(v > low) {
				v = low
			}
			y[i*pixel+j] = uint8(int32(math.RoundToEven(float64(min(v, high)))) + int32(a.zero))
		}
	}
}

// DequantizeImages computes y = (x - zero)·scale, float32 images with their channels first.
func DequantizeImages(ws *exec.Workspace, s tensor.ImageShape, x []uint8, scale float32, zero uint8, y []float32) {
	exec.CheckLength("dequantize images", "x", x, QuantizedLen(s))
	exec.CheckLength("dequantize images", "y", y, s.Batch*s.Channels*s.Height*s.Width)
	quantizedStates.Of(ws).bytes = quantizedImageArgs{shape: s, floats: y, scale: scale, zero: zero, x: x}
	ws.Run(s.Batch*exec.CeilDiv(s.Height*s.Width, dequantizedPixels), dequantizeImagesPart)
}

// dequantizedPixels is about how many pixels are converted at a time, for all channels, to stay in the cache.
const dequantizedPixels = 64

// dequantizeImagesPart converts some pixels of an image.
func dequantizeImagesPart(ws *exec.Workspace, _, part int) {
	a := &quantizedStates.Of(ws).bytes
	pixel, n, channels := PixelStride(a.shape.Channels), a.pixels(), a.shape.Channels
	parts := exec.CeilDiv(n, dequantizedPixels)
	image, first := part/parts, part%parts*dequantizedPixels
	last := min(first+dequantizedPixels, n)
	x := a.x[(image*n+first)*pixel:][:(last-first)*pixel]
	for c := range channels {
		y := a.floats[(image*channels+c)*n+first:][:last-first]
		for i := range y {
			y[i] = float32(int32(x[i*pixel+c])-int32(a.zero)) * a.scale
		}
	}
}

// QuantizedMaxPool computes max pooling of images of 8 bits; padding counts as the smallest byte.
func QuantizedMaxPool(ws *exec.Workspace, s tensor.PoolShape, x, y []uint8) {
	pixel := PixelStride(s.Channels)
	exec.CheckLength("quantized max pool", "x", x, s.Batch*s.InHeight*s.InWidth*pixel)
	exec.CheckLength("quantized max pool", "y", y, s.Batch*s.OutHeight()*s.OutWidth()*pixel)
	quantizedStates.Of(ws).bytes = quantizedImageArgs{pool: s.WithDefaults(), x: x, y: y}
	ws.Run(s.Batch*s.OutHeight(), quantizedMaxPoolPart)
}

// quantizedMaxPoolPart computes a row of pixels.
func quantizedMaxPoolPart(ws *exec.Workspace, _, part int) {
	a := &quantizedStates.Of(ws).bytes
	s, pixel := &a.pool, PixelStride(a.pool.Channels)
	outW := s.OutWidth()
	image, oy := part/s.OutHeight(), part%s.OutHeight()
	for ox := range outW {
		y := a.y[(part*outW+ox)*pixel:][:pixel]
		clear(y)
		for tap := range s.KernelH * s.KernelW {
			iy := oy*s.StrideH + tap/s.KernelW*s.DilationH - s.PadTop
			ix := ox*s.StrideW + tap%s.KernelW*s.DilationW - s.PadLeft
			if uint(iy) >= uint(s.InHeight) || uint(ix) >= uint(s.InWidth) {
				continue
			}
			x := a.x[((image*s.InHeight+iy)*s.InWidth+ix)*pixel:][:pixel]
			for c, v := range x {
				y[c] = max(y[c], v)
			}
		}
	}
}

// QuantizedGlobalAverage computes the mean of each channel, y = saturate(outZero + round((Σx - pixels·zero)·multiplier)),
// where multiplier is the input's scale divided by the number of pixels and the output's scale. y is [Batch, 1, 1, Channels].
func QuantizedGlobalAverage(ws *exec.Workspace, s tensor.ImageShape, x []uint8, zero uint8, multiplier float32, outZero uint8, y []uint8) {
	pixel := PixelStride(s.Channels)
	exec.CheckLength("quantized global average", "x", x, QuantizedLen(s))
	exec.CheckLength("quantized global average", "y", y, s.Batch*pixel)
	quantizedStates.Of(ws).bytes = quantizedImageArgs{shape: s, x: x, y: y, zero: zero, outZero: outZero, multiplier: multiplier}
	ws.Run(s.Batch*pixel/4, quantizedGlobalAveragePart)
}

// quantizedGlobalAveragePart averages 4 channels of an image.
func quantizedGlobalAveragePart(ws *exec.Workspace, _, part int) {
	a := &quantizedStates.Of(ws).bytes
	pixel, n := PixelStride(a.shape.Channels), a.pixels()
	image, channel := part/(pixel/4), part%(pixel/4)*4
	x := a.x[image*n*pixel+channel:]
	var s0, s1, s2, s3 int32
	for i := range n {
		v := x[i*pixel:][:4]
		s0, s1, s2, s3 = s0+int32(v[0]), s1+int32(v[1]), s2+int32(v[2]), s3+int32(v[3])
	}
	to := kernels.NewByteRange(a.outZero, 0, math.MaxUint8)
	for j, sum := range [4]int32{s0, s1, s2, s3} {
		a.y[image*pixel+channel+j] = to.Round(float32(sum-int32(n)*int32(a.zero)) * a.multiplier)
	}
}
