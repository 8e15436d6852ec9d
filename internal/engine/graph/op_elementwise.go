// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"math"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
)

// unary is an elementwise function; parameters finds its parameters.
type unary struct {
	op         elem.Unary
	parameters parametersOf
}

// parametersOf finds the parameters of a node's elementwise function in its attributes and in its inputs, of which
// constant gives the content of the i-th: nil if it is left out, an error if it is no constant.
type parametersOf func(node *Node, constant func(i int) (*Tensor, error)) (alpha, beta float32, err error)

// unaryOperator applies an elementwise function. Where parameters is nil it has none.
func unaryOperator(op elem.Unary, attributes kinds, parameters parametersOf) *operator {
	if parameters == nil {
		parameters = func(*Node, func(int) (*Tensor, error)) (float32, float32, error) { return 0, 0, nil }
	}
	return &operator{
		minInputs: 1, maxInputs: 1, maxOutputs: 1, attributes: attributes,
		unary: &unary{op: op, parameters: parameters},
		infer: func(in *instruction) error {
			if err := in.wantFloats(-1); err != nil {
				return err
			}
			if _, _, err := parameters(in.node, in.constantInput); err != nil {
				return err
			}
			return in.setOutput(0, Float32, in.inputs[0].shape)
		},
		build: func(in *instruction) (run, error) {
			alpha, beta, err := parameters(in.node, in.constantInput)
			x, y := in.inputs[0], in.outputs[0]
			return func(m *machine) { elem.Apply(m.Workspace, op, alpha, beta, m.floats(x), m.floats(y)) }, err
		},
	}
}

// alphaBeta reads the attributes alpha and beta, with the defaults given.
func alphaBeta(alpha, beta float32) parametersOf {
	return func(node *Node, _ func(int) (*Tensor, error)) (float32, float32, error) {
		return node.floatAttr("alpha", alpha), node.floatAttr("beta", beta), nil
	}
}

// geluOperator is exact; the tanh approximation is another function.
var geluOperator = unaryOperator(elem.GELU, kinds{"approximate": stringKind}, func(node *Node, _ func(int) (*Tensor, error)) (float32, float32, error) {
	if mode := node.stringAttr("approximate", "none"); mode != "none" {
		return 0, 0, node.AttributeErrorf("approximate", "%q is not supported", mode)
	}
	return 0, 0, nil
})

// clipOperator takes its bounds as constant inputs.
var clipOperator = func() *operator {
	op := unaryOperator(elem.Clip, nil, clipBounds)
	op.maxInputs = 3
	op.fold = foldClip
	floats := op.infer
	op.infer = func(in *instruction) error {
		if x := in.inputs[0]; x.dtype != Float32 {
			return in.setOutput(0, x.dtype, x.shape)
		}
		return floats(in)
	}
	return op
}()

func clipBounds(node *Node, constant func(int) (*Tensor, error)) (low, high float32, err error) {
	bounds := [2]float32{-math.MaxFloat32, math.MaxFloat32}
	for i := range bounds {
		t, err := constant(1 + i)
		if err != nil {
			return 0, 0, err
		}
		if t == nil {
			continue
		}
		if t.Len() != 1 || t.DType != Float32 {
			return 0, 0, node.Errorf("input %d must be a single number of the input's type", 1+i)
		}
		bounds[i] = t.Floats[0]
	}
	return bounds[0], bounds[1], nil
}

// binaryOperator applies an elementwise function with broadcasting to two inputs or, if variadic, to one or more from
// left to right; the sum is divided by their number for Mean. ints computes the same on integers that are constant.
func binaryOperator(op elem.Binary, variadic bool, ints func(a, b int64) (int64, bool)) *operator {
	o := &operator{
		minInputs: 2, maxInputs: 2, maxOutputs: 1,
		infer: inferBroadcast,
		fold: func(in *instruction) error {
			if ints == nil || in.inputs[0].dtype == Float32 || in.activation().set {
				return in.node.Errorf("is not supported on %s", in.inputs[0].dtype)
			}
			return foldBinary(in, ints)
		},
		build: func(in *instruction) (run, error) { return buildBinary(in, op, 1), nil },
	}
	if variadic {
		o.minInputs, o.maxInputs = 1, 0
	}
	return o
}

// inferBroadcast gives the output the type of the inputs and the shape that they broadcast to.
func inferBroadcast(in *instruction) error {
	shape := in.inputs[0].shape
	for i, x := range in.inputs {
		if x == nil {
			return in.node.Errorf("input %d is missing", i)
		}
		if x.dtype != in.inputs[0].dtype {
			return in.node.Errorf("inputs are of different types: %s and %s", in.inputs[0].dtype, x.dtype)
		}
		if len(x.shape) > elem.MaxRank {
			return in.node.Errorf("input %d has %d dimensions; at most %d are supported", i, len(x.shape), elem.MaxRank)
		}
		var err error
		if shape, err = elem.BroadcastShape(shape, x.shape); err != nil {
			return err
		}
	}
	return in.setOutput(0, in.inputs[0].dtype, shape)
}

// buildBinary joins the inputs from left to right and multiplies the result by scale.
func buildBinary(in *instruction, op elem.Binary, scale float32) run {
	first, rest, y := in.inputs[0], in.inputs[1:], in.outputs[0]
	activation := in.activation()
	// Two inputs are joined right away. More are joined in place, once the first has the output's shape.
	repeat := denseFrom(y.shape, 0, broadcastStrides(first.shape, y.shape))
	return func(m *machine) {
		out := m.floats(y)
		if len(rest) == 1 {
			elem.Combine(m.Workspace, op, first.shape, m.floats(first), rest[0].shape, m.floats(rest[0]), out)
		} else {
			move(&repeat, out, m.floats(first))
			for _, x := range rest {
				elem.Combine(m.Workspace, op, y.shape, out, x.shape, m.floats(x), out)
			}
		}
		if scale != 1 {
			elem.Apply(m.Workspace, elem.Affine, scale, 0, out, out)
		}
		activation.apply(m, y)
	}
}

var meanOperator = func() *operator {
	op := binaryOperator(elem.Add, true, nil)
	op.build = func(in *instruction) (run, error) {
		return buildBinary(in, elem.Add, 1/float32(len(in.inputs))), nil
	}
	return op
}()

// preluOperator is x, or slope·x where x is negative: max(x, 0) + slope·min(x, 0).
var preluOperator = &operator{
	minInputs: 2, maxInputs: 2, maxOutputs: 1,
	infer: func(in *instruction) error {
		if err := in.wantFloats(-1); err != nil {
			return err
		}
		x, slope := in.inputs[0].shape, in.inputs[1].shape
		if shape, err := elem.BroadcastShape(x, slope); err != nil || !slices.Equal(shape, x) {
			return in.node.Errorf("a slope of shape %v does not broadcast to %v", slope, x)
		}
		in.scratch = &value{dtype: Float32, shape: x}
		return in.setOutput(0, Float32, x)
	},
	build: func(in *instruction) (run, error) {
		x, slope, y := in.inputs[0], in.inputs[1], in.outputs[0]
		zero, scratch := []float32{0}, in.scratch
		return func(m *machine) {
			out, positive := m.floats(y), m.floats(scratch)
			elem.Apply(m.Workspace, elem.ReLU, 0, 0, m.floats(x), positive)
			elem.Combine(m.Workspace, elem.Minimum, x.shape, m.floats(x), nil, zero, out)
			elem.Combine(m.Workspace, elem.Multiply, y.shape, out, slope.shape, m.floats(slope), out)
			elem.Combine(m.Workspace, elem.Add, y.shape, out, y.shape, positive, out)
		}, nil
	},
}

// signOperator is an elementwise function that constant integers may have too: Abs or Neg. It is never fused into what
// computes its input, which may be integers.
func signOperator(op elem.Unary, ints func(int64) int64) *operator {
	o := unaryOperator(op, nil, nil)
	o.unary = nil
	infer := o.infer
	o.infer = func(in *instruction) error {
		if x := in.inputs[0]; x.dtype != Float32 {
			return in.setOutput(0, x.dtype, x.shape)
		}
		return infer(in)
	}
	o.fold = func(in *instruction) error {
		x := in.inputs[0].constant
		out := make([]int64, len(x.Ints))
		for i, v := range x.Ints {
			out[i] = ints(v)
		}
		return in.setConstant(0, &Tensor{DType: x.DType, Shape: x.Shape, Ints: out})
	}
	return o
}

// powOperator takes a constant integer as the exponent too.
var powOperator = func() *operator {
	op := binaryOperator(elem.Power, false, powerInts)
	infer := op.infer
	op.infer = func(in *instruction) error {
		if x, exponent := in.inputs[0], in.inputs[1]; x.dtype == Float32 && exponent.dtype != Float32 && exponent.constant != nil {
			in.inputs[1] = &value{name: exponent.name, dtype: Float32, shape: exponent.shape, constant: cast(exponent.constant, Float32)}
		}
		return infer(in)
	}
	return op
}()

// foldBinary computes f on constant integers with broadcasting; f reports whether it is defined.
func foldBinary(in *instruction, f func(a, b int64) (int64, bool)) error {
	y := in.outputs[0]
	result := in.inputs[0].constant.Ints
	shape := in.inputs[0].shape
	for _, x := range in.inputs[1:] {
		joined, err := elem.BroadcastShape(shape, x.shape)
		if err != nil {
			return err
		}
		a := spread(result, shape, joined)
		b := spread(x.constant.Ints, x.shape, joined)
		for i := range a {
			v, ok := f(a[i], b[i])
			if !ok {
				return in.node.Errorf("is not defined for %d and %d", a[i], b[i])
			}
			a[i] = v
		}
		result, shape = a, joined
	}
	return in.setConstant(0, &Tensor{DType: y.dtype, Shape: y.shape, Ints: result})
}

func foldClip(in *instruction) error {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	for i, bound := range []*int64{&low, &high} {
		t, err := in.constantInts(1 + i)
		if err != nil {
			return err
		}
		if t != nil && len(t) != 1 {
			return in.node.Errorf("input %d must be a single number", 1+i)
		}
		if t != nil {
			*bound = t[0]
		}
	}
	x := in.inputs[0].constant
	out := make([]int64, len(x.Ints))
	for i, v := range x.Ints {
		out[i] = min(max(v, low), high)
	}
	return in.setConstant(0, &Tensor{DType: x.DType, Shape: x.Shape, Ints: out})
}
