// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantized

import (
	"unsafe"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Images of 8 bits have their channels last, [Batch, Height, Width, PixelStride(Channels)]: the channels of a pixel are
// neighbors, as instructions that add up products of bytes want them. What stands in the bytes beyond the last channel
// does not matter. A byte q stands for the number (q - zero)·scale.

// PixelStride returns the bytes from one pixel to the next of an image of 8 bits: 4, or else a multiple of 8.
func PixelStride(channels int) int {
	if channels <= 4 {
		return 4
	}
	return (channels + 7) &^ 7
}

// Conv describes a convolution of 8 bits:
//
//	y = min(max(OutZero + round((Σ w·(x - InZero) + Bias)·Scale), Low), High),
//
// rounding half to even, then the maximum of 2×2 pixels if MaxPool is set, an odd last row or column being left out. The
// product with Scale is rounded to float32, and Low ≤ High. ReLU is Low = OutZero.
type Conv struct {
	// Shape is that of the convolution; its Batch does not matter. Groups is 1, or the number of channels of both input and
	// output (depthwise); then MaxPool is not supported.
	Shape tensor.ConvShape
	// Weights are [OutChannels, InChannels/Groups, KernelH, KernelW].
	Weights []int8
	// Bias and Scale have an element for each output channel; Scale is positive.
	Bias            []int32
	Scale           []float32
	InZero, OutZero uint8
	Low, High       uint8
	MaxPool         bool
}

// Prepared is a convolution of 8 bits whose weights have been packed for a kernel set. It may be shared:
// running it does not change it.
type Prepared struct {
	Conv
	set    *kernels.Set
	bias   []int32           // that of the sums Σ w·x, for whole tiles of output channels
	scale  []float32         // for whole tiles
	to     kernels.ByteRange // Low to High
	method method
	w      []int16 // the packed weights
	wBytes []int8  // the same, of bytes
	runs   []int   // byte offsets of the runs of a window
	units  int     // of a run: 2 channels, or 4 of DotBytes; or passes of depthwise
}

// convArgs are the arguments of one convolution of 8 bits.
type convArgs struct {
	p          *Prepared
	s          tensor.ConvShape
	x, y       []uint8
	floats     []float32 // float32 results instead of y
	inPixel    int       // bytes
	outPixel   int       // bytes
	outH, outW int
	rows       int // output rows of a band, or tile rows of a block
	bands      int // of an image, or blocks of the batch
	splits     int // splits of the output channels, for want of bands
	tilesH     int
	tilesW     int
}

// Prepare packs a convolution for workspaces with the kernel set of ws. c's slices must not change any more.
func Prepare(ws *exec.Workspace, c Conv) *Prepared {
	c.Shape = c.Shape.WithDefaults()
	c.Shape.Batch = 1
	if c.Shape.Groups != 1 && (!isDepthwise(c.Shape) || c.MaxPool) {
		panic("engine: prepare quantized conv: one group is supported, or depthwise without max pooling")
	}
	exec.CheckLength("prepare quantized conv", "weights", c.Weights, c.Shape.WeightLen())
	exec.CheckLength("prepare quantized conv", "bias", c.Bias, c.Shape.OutChannels)
	exec.CheckLength("prepare quantized conv", "scale", c.Scale, c.Shape.OutChannels)
	p := &Prepared{Conv: c, set: ws.Kernels(), to: kernels.NewByteRange(c.OutZero, c.Low, c.High)}
	p.foldInput()
	p.method = p.choose(ws.Kernels().Quantized)
	p.pack(ws.Kernels().Quantized)
	return p
}

// foldInput moves the input's zero point into the bias.
func (p *Prepared) foldInput() {
	outs := p.Shape.OutChannels
	p.bias, p.scale = make([]int32, exec.CeilDiv(outs, dotOuts)*dotOuts), make([]float32, exec.CeilDiv(outs, dotOuts)*dotOuts)
	filter := p.Shape.WeightLen() / outs
	for k := range outs {
		var sum int32
		for _, w := range p.Weights[k*filter:][:filter] {
			sum += int32(w)
		}
		p.bias[k] = p.Bias[k] - int32(p.InZero)*sum
		p.scale[k] = p.Scale[k]
	}
}

// OutLen returns the bytes of the output for a batch.
func (p *Prepared) OutLen(batch int) int {
	height, width := p.Shape.OutHeight(), p.Shape.OutWidth()
	if p.MaxPool {
		height, width = height/2, width/2
	}
	return batch * height * width * PixelStride(p.Shape.OutChannels)
}

// InLen returns the bytes of the input for a batch.
func (p *Prepared) InLen(batch int) int {
	return batch * p.Shape.InHeight * p.Shape.InWidth * PixelStride(p.Shape.InChannels)
}

// Run computes the convolution of a batch. y is overwritten and overlaps no input.
func Run(ws *exec.Workspace, p *Prepared, batch int, x, y []uint8) {
	exec.CheckLength("quantized conv", "x", x, p.InLen(batch))
	exec.CheckLength("quantized conv", "y", y, p.OutLen(batch))
	setUp(ws, p, batch, x)
	a := &states.Of(ws).conv
	a.y = y
	run(ws, a)
}

// RunLinear computes y = (Σ w·(x - InZero) + Bias)·Scale, float32 [batch, OutChannels], for a convolution of 1×1
// pixels without padding, whose Low, High, OutZero and MaxPool do not matter.
func RunLinear(ws *exec.Workspace, p *Prepared, batch int, x []uint8, y []float32) {
	s := p.Shape
	if !isOnePixel(s) {
		panic("engine: quantized linear: the convolution is not of one pixel")
	}
	exec.CheckLength("quantized linear", "x", x, p.InLen(batch))
	exec.CheckLength("quantized linear", "y", y, batch*s.OutChannels)
	setUp(ws, p, batch, x)
	a := &states.Of(ws).conv
	a.floats = y
	run(ws, a)
}

// isOnePixel reports whether the convolution sees and yields one pixel, without padding.
func isOnePixel(s tensor.ConvShape) bool {
	return s.InHeight*s.InWidth*s.KernelH*s.KernelW == 1 && max(s.PadTop, s.PadLeft, s.PadBottom, s.PadRight) == 0
}

// setUp prepares the arguments except the output.
func setUp(ws *exec.Workspace, p *Prepared, batch int, x []uint8) {
	if p.set != ws.Kernels() {
		panic("engine: the convolution was prepared for another kernel set")
	}
	s := p.Shape
	s.Batch = batch
	if isOnePixel(s) {
		// A product of matrices: samples are neighboring pixels.
		s.Batch, s.InWidth, s.StrideW = 1, batch, 1
	}
	states.Of(ws).conv = convArgs{
		p: p, s: s, x: x, inPixel: PixelStride(s.InChannels), outPixel: PixelStride(s.OutChannels), outH: s.OutHeight(), outW: s.OutWidth(),
	}
}

func run(ws *exec.Workspace, a *convArgs) {
	switch a.p.method {
	case byDefinition:
		ws.Run(a.s.Batch*a.outRows(), rowPart)
	case byWinograd:
		runWinograd(ws, a)
	case byPlanes:
		runDepthwise(ws, a)
	default:
		runDirect(ws, a)
	}
}

// outRows returns the rows of an output image.
func (a *convArgs) outRows() int {
	if a.p.MaxPool {
		return a.outH / 2
	}
	return a.outH
}

// requantized returns the byte of a sum for output channel k, the input's zero point being in the bias.
func (p *Prepared) requantized(sum int32, k int) uint8 {
	return p.to.Round(float32(sum+p.bias[k]) * p.scale[k])
}

// rowPart computes one row of the output by definition: the reference of all sets.
func rowPart(ws *exec.Workspace, _, part int) {
	a := &states.Of(ws).conv
	p, rows := a.p, a.outRows()
	image, oy := part/rows, part%rows
	if a.floats != nil {
		for i := range a.outW {
			for k := range a.s.OutChannels {
				a.floats[i*a.s.OutChannels+k] = float32(a.sum(0, 0, i, k)+p.bias[k]) * p.scale[k]
			}
		}
		return
	}
	width := a.outW
	if p.MaxPool {
		width /= 2
	}
	for ox := range width {
		y := a.y[((image*rows+oy)*width+ox)*a.outPixel:][:a.outPixel]
		for k := range a.s.OutChannels {
			if !p.MaxPool {
				y[k] = p.requantized(a.sum(image, oy, ox, k), k)
				continue
			}
			top := max(a.sum(image, 2*oy, 2*ox, k), a.sum(image, 2*oy, 2*ox+1, k))
			bottom := max(a.sum(image, 2*oy+1, 2*ox, k), a.sum(image, 2*oy+1, 2*ox+1, k))
			y[k] = p.requantized(max(top, bottom), k)
		}
	}
}

// sum returns Σ w·x of one output, padding counting as the input's zero point.
func (a *convArgs) sum(image, oy, ox, k int) int32 {
	s := &a.s
	taps, channels := s.KernelH*s.KernelW, s.InChannels/s.Groups
	first := k / (s.OutChannels / s.Groups) * channels // of the group
	var sum int32
	for tap := range taps {
		w := a.p.wBytes[(k*taps+tap)*channels:][:channels]
		iy := oy*s.StrideH + tap/s.KernelW*s.DilationH - s.PadTop
		ix := ox*s.StrideW + tap%s.KernelW*s.DilationW - s.PadLeft
		if uint(iy) >= uint(s.InHeight) || uint(ix) >= uint(s.InWidth) {
			for _, weight := range w {
				sum += int32(weight) * int32(a.p.InZero)
			}
			continue
		}
		x := a.x[((image*s.InHeight+iy)*s.InWidth+ix)*a.inPixel+first:][:len(w)]
		for c, weight := range w {
			sum += int32(weight) * int32(x[c])
		}
	}
	return sum
}

// packByTaps brings the weights into the order [OutChannels][KernelH][KernelW][InChannels/Groups], that of the input's bytes.
func (p *Prepared) packByTaps() {
	s := p.Shape
	taps, channels := s.KernelH*s.KernelW, s.InChannels/s.Groups
	p.wBytes = make([]int8, len(p.Weights))
	for i, w := range p.Weights {
		k, c, tap := i/(channels*taps), i/taps%channels, i%taps
		p.wBytes[(k*taps+tap)*channels+c] = w
	}
}

// viewAs returns scratch memory as n elements of another type of at most 4 bytes, and what is left of it.
func viewAs[T int16 | int32 | uint8](scratch []float32, n int) ([]T, []float32) {
	floats := viewFloats[T](n)
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(scratch[:floats]))), n), scratch[floats:]
}

// viewFloats returns the floats that n elements take, a multiple of a cache line's.
func viewFloats[T int16 | int32 | uint8](n int) int {
	var element T
	const line = 64 / 4
	return exec.CeilDiv(n*int(unsafe.Sizeof(element)), line*floatSize) * line
}
