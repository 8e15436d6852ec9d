// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"
	"unsafe"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/quantized"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// The operators that fuseQuantized puts in the place of others. Their values are bytes: an image [N, C, H, W] is kept with
// its channels last, as package kernels describes; of any other shape, the last dimension counts as channels.
const (
	quantizedConvOperator          = "QuantizedConv"
	quantizedProductOperator       = "QuantizedProduct"
	quantizedSumOperator           = "QuantizedSum"
	quantizedMaxPoolOperator       = "QuantizedMaxPool"
	quantizedGlobalAverageOperator = "QuantizedGlobalAverage"
	quantizedFlattenOperator       = "QuantizedFlatten"
	packOperator                   = "Pack"
	unpackOperator                 = "Unpack"
)

// packed is the type of values that are bytes.
const packed DType = 100

// imageShape is the shape of a packed value.
func imageShape(shape []int) tensor.ImageShape {
	if len(shape) == 4 {
		return tensor.ImageShape{Batch: shape[0], Channels: shape[1], Height: shape[2], Width: shape[3]}
	}
	rows := 1
	for _, d := range shape[:max(len(shape)-1, 0)] {
		rows *= d
	}
	return tensor.ImageShape{Batch: rows, Channels: shape[len(shape)-1], Height: 1, Width: 1}
}

// bytes is the content of a packed value.
func (m *machine) bytes(v *value) []uint8 {
	offset, n := v.owner().offset, quantized.ImageLen(imageShape(v.shape))
	floats := m.memory[offset : offset+n/floatBytes]
	return unsafe.Slice((*uint8)(unsafe.Pointer(unsafe.SliceData(floats))), n)
}

// quantized is what fuseQuantized has found out about a node.
func (in *instruction) quantized() *quantizedNode { return in.node.fused.quantized }

var quantizedConv = &operator{
	heavy: true, quantized: true,
	infer: func(in *instruction) error {
		s, err := in.convShape(in.quantized().kernel)
		if err != nil {
			return err
		}
		height, width := s.OutHeight(), s.OutWidth()
		if in.quantized().conv.MaxPool {
			if min(height, width) < 2 {
				return in.node.Errorf("2×2 max pooling of a convolution's output of %d×%d pixels yields none", height, width)
			}
			height, width = height/2, width/2
		}
		return in.setOutput(0, packed, []int{s.Batch, s.OutChannels, height, width})
	},
	build: func(in *instruction) (run, error) {
		s, err := in.convShape(in.quantized().kernel)
		if err != nil {
			return nil, err
		}
		p, err := in.prepareQuantized(s)
		if err != nil {
			return nil, err
		}
		x, y, batch := in.inputs[0], in.outputs[0], s.Batch
		return func(m *machine) { quantized.Run(m.Workspace, p, batch, m.bytes(x), m.bytes(y)) }, nil
	},
}

// prepareQuantized returns the prepared convolution of a node, which all plans of a graph share.
func (in *instruction) prepareQuantized(s tensor.ConvShape) (*quantized.Prepared, error) {
	q := in.quantized()
	if q.prepared == nil {
		ws, err := in.compiler.kernels()
		if err != nil {
			return nil, err
		}
		conv := q.conv
		conv.Shape = s
		q.prepared = quantized.Prepare(ws, conv)
	}
	return q.prepared, nil
}

var quantizedProduct = &operator{
	heavy: true, quantized: true,
	infer: func(in *instruction) error {
		x, q := in.inputs[0].shape, in.quantized()
		if err := in.wantRank(0, 2); err != nil {
			return err
		}
		if x[1] != q.kernel[1] {
			return in.node.Errorf("the input has %d columns, the weights are for %d", x[1], q.kernel[1])
		}
		dtype := packed
		if q.floats {
			dtype = Float32
		}
		return in.setOutput(0, dtype, []int{x[0], q.kernel[0]})
	},
	build: func(in *instruction) (run, error) {
		x, y, q := in.inputs[0], in.outputs[0], in.quantized()
		p, err := in.prepareQuantized(tensor.ConvShape{InChannels: q.kernel[1], InHeight: 1, InWidth: 1, OutChannels: q.kernel[0], KernelH: 1, KernelW: 1})
		if err != nil {
			return nil, err
		}
		batch := x.shape[0]
		if q.floats {
			return func(m *machine) { quantized.RunLinear(m.Workspace, p, batch, m.bytes(x), m.floats(y)) }, nil
		}
		return func(m *machine) { quantized.Run(m.Workspace, p, batch, m.bytes(x), m.bytes(y)) }, nil
	},
}

var quantizedSum = &operator{
	heavy: true, quantized: true,
	infer: func(in *instruction) error {
		a, b := in.inputs[0].shape, in.inputs[1].shape
		shape, err := elem.BroadcastShape(a, b)
		if err != nil || len(a) != 4 || len(b) != 4 {
			return in.node.Errorf("images of shapes %v and %v cannot be added", a, b)
		}
		if !slices.Equal(b, shape) {
			in.scratch = &value{dtype: packed, shape: shape}
		}
		return in.setOutput(0, packed, shape)
	},
	build: func(in *instruction) (run, error) {
		a, b, y, scratch, s := in.inputs[0], in.inputs[1], in.outputs[0], in.scratch, in.quantized().sum
		return func(m *machine) {
			out := m.bytes(y)
			left, right := m.bytes(a), m.bytes(b)
			if !slices.Equal(a.shape, y.shape) {
				expandImages(out, left, y.shape, a.shape)
				left = out
			}
			if scratch != nil {
				expandImages(m.bytes(scratch), right, y.shape, b.shape)
				right = m.bytes(scratch)
			}
			quantized.Add(m.Workspace, s, left, right, out)
		}, nil
	},
}

// expandImages copies images of one shape to the places of another that it broadcasts to.
func expandImages(dst, src []uint8, to, from []int) {
	toPixel, fromPixel := quantized.PixelStride(to[1]), quantized.PixelStride(from[1])
	step := func(dim, size int) int { // from one index to the next
		if from[dim] == 1 {
			return 0
		}
		return size
	}
	batch, row, column := step(0, from[2]*from[3]*fromPixel), step(2, from[3]*fromPixel), step(3, fromPixel)
	for i := range to[0] * to[2] * to[3] {
		pixel := src[i/(to[2]*to[3])*batch+i/to[3]%to[2]*row+i%to[3]*column:][:from[1]]
		out := dst[i*toPixel:][:toPixel]
		for c := range to[1] {
			out[c] = pixel[min(c, from[1]-1)]
		}
	}
}

var quantizedMaxPool = &operator{
	heavy: true, quantized: true,
	infer: func(in *instruction) error {
		s, err := in.poolShape()
		if err != nil {
			return err
		}
		return in.setOutput(0, packed, []int{s.Batch, s.Channels, s.OutHeight(), s.OutWidth()})
	},
	build: func(in *instruction) (run, error) {
		s, err := in.poolShape()
		if err != nil {
			return nil, err
		}
		x, y := in.inputs[0], in.outputs[0]
		return func(m *machine) { quantized.MaxPool(m.Workspace, s, m.bytes(x), m.bytes(y)) }, nil
	},
}

var quantizedGlobalAverage = &operator{
	heavy: true, quantized: true,
	infer: func(in *instruction) error {
		if err := in.wantRank(0, 4); err != nil {
			return err
		}
		x := in.inputs[0].shape
		return in.setOutput(0, packed, []int{x[0], x[1], 1, 1})
	},
	build: func(in *instruction) (run, error) {
		x, y, q := in.inputs[0], in.outputs[0], in.quantized()
		s := imageShape(x.shape)
		multiplier := float32(float64(q.in.Scale) / (float64(q.out.Scale) * float64(s.Height*s.Width)))
		return func(m *machine) {
			quantized.GlobalAverage(m.Workspace, s, m.bytes(x), q.in.Zero, multiplier, q.out.Zero, m.bytes(y))
		}, nil
	},
}

// quantizedFlatten is Flatten of images of one pixel.
var quantizedFlatten = &operator{
	heavy: true, quantized: true,
	infer: func(in *instruction) error {
		in.view, in.outputs[0].viewOf = true, in.inputs[0]
		return in.setOutput(0, packed, slices.Clone(in.inputs[0].shape[:2]))
	},
}

var pack = &operator{
	heavy: true, quantized: true,
	infer: func(in *instruction) error {
		if err := in.wantFloats(1); err != nil {
			return err
		}
		if len(in.inputs[0].shape) == 0 {
			return in.node.Errorf("a scalar cannot be quantized for what reads it")
		}
		return in.setOutput(0, packed, in.inputs[0].shape)
	},
	build: func(in *instruction) (run, error) {
		x, y, q := in.inputs[0], in.outputs[0], in.quantized()
		s := imageShape(x.shape)
		return func(m *machine) {
			quantized.FromFloats(m.Workspace, s, m.floats(x), q.out.Scale, q.out.Zero, m.bytes(y))
		}, nil
	},
}

var unpack = &operator{
	heavy: true,
	infer: func(in *instruction) error { return in.setOutput(0, Float32, in.inputs[0].shape) },
	build: func(in *instruction) (run, error) {
		x, y, q := in.inputs[0], in.outputs[0], in.quantized()
		s := imageShape(x.shape)
		return func(m *machine) { quantized.ToFloats(m.Workspace, s, m.bytes(x), q.in.Scale, q.in.Zero, m.floats(y)) }, nil
	},
}
