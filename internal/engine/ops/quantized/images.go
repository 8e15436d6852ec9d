// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantized

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// imageArgs are the arguments of one conversion or pooling of images of 8 bits.
type imageArgs struct {
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
func (a *imageArgs) pixels() int { return a.shape.Height * a.shape.Width }

// ImageLen returns the bytes of a batch of images of 8 bits.
func ImageLen(s tensor.ImageShape) int {
	return s.Batch * s.Height * s.Width * PixelStride(s.Channels)
}

// FromFloats computes y = saturate(zero + round(x/scale)), half to even, of float32 images x with their channels first,
// [Batch, Channels, Height, Width]. A NaN becomes 0.
func FromFloats(ws *exec.Workspace, s tensor.ImageShape, x []float32, scale float32, zero uint8, y []uint8) {
	exec.CheckLength("quantize images", "x", x, s.Batch*s.Channels*s.Height*s.Width)
	exec.CheckLength("quantize images", "y", y, ImageLen(s))
	states.Of(ws).images = imageArgs{shape: s, floats: x, scale: scale, zero: zero, y: y}
	ws.Run(s.Batch*PixelStride(s.Channels)/4, fromFloatsPart)
}

// fromFloatsPart converts 4 channels of an image.
func fromFloatsPart(ws *exec.Workspace, worker, part int) {
	a := &states.Of(ws).images
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

// ToFloats computes y = (x - zero)·scale, float32 images with their channels first.
func ToFloats(ws *exec.Workspace, s tensor.ImageShape, x []uint8, scale float32, zero uint8, y []float32) {
	exec.CheckLength("dequantize images", "x", x, ImageLen(s))
	exec.CheckLength("dequantize images", "y", y, s.Batch*s.Channels*s.Height*s.Width)
	states.Of(ws).images = imageArgs{shape: s, floats: y, scale: scale, zero: zero, x: x}
	ws.Run(s.Batch*exec.CeilDiv(s.Height*s.Width, dequantizedPixels), toFloatsPart)
}

// dequantizedPixels is about how many pixels are converted at a time, for all channels, to stay in the cache.
const dequantizedPixels = 64

// toFloatsPart converts some pixels of an image.
func toFloatsPart(ws *exec.Workspace, _, part int) {
	a := &states.Of(ws).images
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

// MaxPool computes max pooling of images of 8 bits; padding counts as the smallest byte.
func MaxPool(ws *exec.Workspace, s tensor.PoolShape, x, y []uint8) {
	pixel := PixelStride(s.Channels)
	exec.CheckLength("quantized max pool", "x", x, s.Batch*s.InHeight*s.InWidth*pixel)
	exec.CheckLength("quantized max pool", "y", y, s.Batch*s.OutHeight()*s.OutWidth()*pixel)
	states.Of(ws).images = imageArgs{pool: s.WithDefaults(), x: x, y: y}
	ws.Run(s.Batch*s.OutHeight(), maxPoolPart)
}

// maxPoolPart computes a row of pixels.
func maxPoolPart(ws *exec.Workspace, _, part int) {
	a := &states.Of(ws).images
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

// GlobalAverage computes the mean of each channel, y = saturate(outZero + round((Σx - pixels·zero)·multiplier)),
// where multiplier is the input's scale divided by the number of pixels and the output's scale. y is [Batch, 1, 1, Channels].
func GlobalAverage(ws *exec.Workspace, s tensor.ImageShape, x []uint8, zero uint8, multiplier float32, outZero uint8, y []uint8) {
	pixel := PixelStride(s.Channels)
	exec.CheckLength("quantized global average", "x", x, ImageLen(s))
	exec.CheckLength("quantized global average", "y", y, s.Batch*pixel)
	states.Of(ws).images = imageArgs{shape: s, x: x, y: y, zero: zero, outZero: outZero, multiplier: multiplier}
	ws.Run(s.Batch*pixel/4, globalAveragePart)
}

// globalAveragePart averages 4 channels of an image.
func globalAveragePart(ws *exec.Workspace, _, part int) {
	a := &states.Of(ws).images
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
