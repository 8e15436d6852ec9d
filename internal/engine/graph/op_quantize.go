// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
)

// The range of a quantized type.
func quantizedRange(t DType) (low, high float32, ok bool) {
	switch t {
	case Uint8:
		return 0, math.MaxUint8, true
	case Int8:
		return math.MinInt8, math.MaxInt8, true
	default:
		return 0, 0, false
	}
}

// quantizeLinearOperator rounds to 8 bits, half to even: saturate(round(x/scale) + zero point). The result is the only
// value that is not float32 at run time; its buffer holds the integers as floats all the same.
var quantizeLinearOperator = &operator{
	minInputs: 2, maxInputs: 3, maxOutputs: 1, heavy: true, quantized: true,
	attributes: kinds{"axis": intKind, "saturate": intKind},
	infer: func(in *instruction) error {
		if err := in.wantFloats(1); err != nil {
			return err
		}
		q, err := in.quantization()
		if err != nil {
			return err
		}
		return in.setOutput(0, q.dtype, in.inputs[0].shape)
	},
	build: func(in *instruction) (run, error) {
		q, err := in.quantization()
		if err != nil {
			return nil, err
		}
		low, high, _ := quantizedRange(q.dtype)
		x, y := in.inputs[0], in.outputs[0]
		// Adding 1.5·2²³ leaves no bits for a fraction, so the addition rounds to an integer, half to even.
		const shift = 3 << 22
		scalar := q.zero.shape
		return func(m *machine) {
			out := m.floats(y)
			elem.Combine(m.Workspace, elem.Divide, x.shape, m.floats(x), q.scale.shape, q.scale.floats, out)
			elem.Apply(m.Workspace, elem.Clip, low-high, high-low, out, out)
			elem.Apply(m.Workspace, elem.Affine, 1, shift, out, out)
			elem.Apply(m.Workspace, elem.Affine, 1, -shift, out, out)
			elem.Combine(m.Workspace, elem.Add, y.shape, out, scalar, q.zero.floats, out)
			elem.Apply(m.Workspace, elem.Clip, low, high, out, out)
		}, nil
	},
}

// dequantizeLinearOperator is (x - zero point)·scale.
var dequantizeLinearOperator = &operator{
	minInputs: 2, maxInputs: 3, maxOutputs: 1,
	attributes: kinds{"axis": intKind},
	infer: func(in *instruction) error {
		if _, err := in.quantization(); err != nil {
			return err
		}
		return in.setOutput(0, Float32, in.inputs[0].shape)
	},
	fold: func(in *instruction) error {
		q, err := in.quantization()
		if err != nil {
			return err
		}
		x := in.inputs[0]
		out := make([]float32, x.size())
		scale, zero := spread(q.scale.floats, q.scale.shape, x.shape), spread(q.zero.floats, q.zero.shape, x.shape)
		for i, v := range x.constant.Ints {
			out[i] = float32(v-int64(zero[i])) * scale[i]
		}
		return in.setConstant(0, NewFloats(out, x.shape...))
	},
	build: func(in *instruction) (run, error) {
		q, err := in.quantization()
		if err != nil {
			return nil, err
		}
		x, y := in.inputs[0], in.outputs[0]
		return func(m *machine) {
			out := m.floats(y)
			elem.Combine(m.Workspace, elem.Subtract, x.shape, m.floats(x), q.zero.shape, q.zero.floats, out)
			elem.Combine(m.Workspace, elem.Multiply, y.shape, out, q.scale.shape, q.scale.floats, out)
		}, nil
	},
}

// parameter is a number, or one for each position along an axis, in a shape that broadcasts to the input's.
type parameter struct {
	floats []float32
	shape  []int
}

// quantization are the parameters of QuantizeLinear and DequantizeLinear.
type quantization struct {
	dtype       DType // of the quantized side
	scale, zero parameter
}

func (in *instruction) quantization() (quantization, error) {
	q := quantization{dtype: Uint8}
	if in.inputs[0].dtype != Float32 {
		q.dtype = in.inputs[0].dtype
	}
	scale, err := in.constantInput(1)
	if err != nil {
		return q, err
	}
	zero, err := in.constantInput(2)
	if err != nil {
		return q, err
	}
	if scale.DType != Float32 {
		return q, in.node.Errorf("the scale is %s; it must be float32", scale.DType)
	}
	if zero == nil {
		zero = &Tensor{DType: q.dtype, Shape: scale.Shape, Ints: make([]int64, scale.Len())}
	}
	if in.inputs[0].dtype == Float32 {
		q.dtype = zero.DType
	}
	_, _, quantized := quantizedRange(q.dtype)
	if !quantized && q.dtype != Int32 || zero.DType != q.dtype {
		return q, in.node.Errorf("%s with a zero point of %s is not supported; int8 and uint8 are", q.dtype, zero.DType)
	}
	if !quantized && in.inputs[0].dtype == Float32 {
		return q, in.node.Errorf("quantization to %s is not supported; to int8 and uint8 it is", q.dtype)
	}
	if zero.Len() != scale.Len() {
		return q, in.node.Errorf("has %d scales and %d zero points", scale.Len(), zero.Len())
	}
	shape, err := in.parameterShape(scale)
	if err != nil {
		return q, err
	}
	q.scale = parameter{floats: scale.Floats, shape: shape}
	q.zero = parameter{floats: cast(zero, Float32).Floats, shape: shape}
	return q, nil
}

// parameterShape is the shape in which a list of parameters, one or as many as the axis is long, broadcasts to the first
// input.
func (in *instruction) parameterShape(t *Tensor) ([]int, error) {
	if t.Len() == 1 && len(t.Shape) <= 1 {
		return nil, nil
	}
	x := in.inputs[0].shape
	at, err := axis(in.intAttr("axis", 1), len(x))
	if err != nil {
		return nil, in.node.AttributeErrorf("axis", "%w", err)
	}
	if len(t.Shape) != 1 || t.Shape[0] != x[at] {
		return nil, in.node.Errorf("a scale of shape %v does not fit axis %d of shape %v", t.Shape, at, x)
	}
	shape := make([]int, len(x)-at)
	for i := range shape {
		shape[i] = 1
	}
	shape[0] = x[at]
	return shape, nil
}
