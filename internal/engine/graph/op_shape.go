// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"math"
	"slices"
)

// viewOperator is an operator whose output is its first input under another shape.
func viewOperator(minInputs, maxInputs int, attributes kinds, shape func(*instruction) ([]int, error)) *operator {
	return &operator{
		minInputs: minInputs, maxInputs: maxInputs, maxOutputs: 1, attributes: attributes,
		infer: func(in *instruction) error {
			s, err := shape(in)
			if err != nil {
				return err
			}
			return in.setView(s)
		},
	}
}

var identityOperator = viewOperator(1, 1, nil, func(in *instruction) ([]int, error) { return in.inputs[0].shape, nil })

var flattenOperator = viewOperator(1, 1, kinds{"axis": intKind}, func(in *instruction) ([]int, error) {
	x := in.inputs[0].shape
	at := in.intAttr("axis", 1)
	if at < 0 {
		at += int64(len(x))
	}
	if at < 0 || at > int64(len(x)) {
		return nil, in.node.AttributeErrorf("axis", "is out of range for %d dimensions", len(x))
	}
	shape := []int{1, 1}
	for i, d := range x {
		if i < int(at) {
			shape[0] *= d
		} else {
			shape[1] *= d
		}
	}
	return shape, nil
})

var reshapeOperator = viewOperator(2, 2, kinds{"allowzero": intKind}, func(in *instruction) ([]int, error) {
	wanted, err := in.constantInts(1)
	if err != nil {
		return nil, err
	}
	if len(wanted) > maxRank {
		return nil, in.node.Errorf("a shape of %d dimensions is not supported; at most %d are", len(wanted), maxRank)
	}
	x := in.inputs[0]
	shape := make([]int, len(wanted))
	rest, known := -1, 1
	for i, d := range wanted {
		switch {
		case d == -1 && rest < 0:
			rest = i
			continue
		case d == 0 && in.intAttr("allowzero", 0) == 0:
			if i >= len(x.shape) {
				return nil, in.node.Errorf("shape %v copies a dimension that %v lacks", wanted, x.shape)
			}
			shape[i] = x.shape[i]
		case d < 0 || d > maxElements:
			return nil, in.node.Errorf("shape %v is not possible", wanted)
		default:
			shape[i] = int(d)
		}
		if known *= shape[i]; known > maxElements {
			return nil, in.node.Errorf("shape %v is too large", wanted)
		}
	}
	if rest >= 0 {
		if known == 0 || x.size()%known != 0 {
			return nil, in.node.Errorf("shape %v does not hold the elements of shape %v", wanted, x.shape)
		}
		shape[rest] = x.size() / known
	}
	return shape, nil
})

// maxRank is the largest number of dimensions.
const maxRank = 8

var squeezeOperator = viewOperator(1, 2, nil, func(in *instruction) ([]int, error) {
	x := in.inputs[0].shape
	removed := make([]bool, len(x))
	list, err := in.constantInts(1)
	if err != nil {
		return nil, err
	}
	if in.input(1) == nil {
		for i, d := range x {
			removed[i] = d == 1
		}
	} else if removed, err = axes(list, len(x)); err != nil {
		return nil, in.node.Errorf("axes %v: %w", list, err)
	}
	shape := []int{}
	for i, d := range x {
		if removed[i] && d != 1 {
			return nil, in.node.Errorf("dimension %d of shape %v is not 1", i, x)
		}
		if !removed[i] {
			shape = append(shape, d)
		}
	}
	return shape, nil
})

var unsqueezeOperator = viewOperator(2, 2, nil, func(in *instruction) ([]int, error) {
	x := in.inputs[0].shape
	list, err := in.constantInts(1)
	if err != nil {
		return nil, err
	}
	if len(x)+len(list) > maxRank {
		return nil, in.node.Errorf("the result has %d dimensions; at most %d are supported", len(x)+len(list), maxRank)
	}
	added, err := axes(list, len(x)+len(list))
	if err != nil {
		return nil, in.node.Errorf("axes %v: %w", list, err)
	}
	shape, next := make([]int, len(added)), 0
	for i := range shape {
		if shape[i] = 1; !added[i] {
			shape[i] = x[next]
			next++
		}
	}
	return shape, nil
})

// shapeOperator yields the input's shape, which is a constant.
var shapeOperator = &operator{
	minInputs: 1, maxInputs: 1, maxOutputs: 1, attributes: kinds{"start": intKind, "end": intKind},
	infer: func(in *instruction) error {
		x := in.inputs[0].shape
		bound := func(v int64) int {
			if v < 0 {
				v += int64(len(x))
			}
			return int(min(max(v, 0), int64(len(x))))
		}
		start, end := bound(in.intAttr("start", 0)), bound(in.intAttr("end", math.MaxInt64))
		var dims []int64
		for _, d := range x[start:max(start, end)] {
			dims = append(dims, int64(d))
		}
		return in.setConstant(0, Vector(dims...))
	},
}

var sizeOperator = &operator{
	minInputs: 1, maxInputs: 1, maxOutputs: 1,
	infer: func(in *instruction) error {
		return in.setConstant(0, NewInts([]int64{int64(in.inputs[0].size())}))
	},
}

// castOperator converts constants; between floating-point types, which are all float32 here, it is the identity.
var castOperator = &operator{
	minInputs: 1, maxInputs: 1, maxOutputs: 1, attributes: kinds{"to": stringKind},
	infer: func(in *instruction) error {
		x := in.inputs[0]
		for dtype, name := range dtypeNames {
			if name != in.stringAttr("to", "") {
				continue
			}
			_, _, quantized := quantizedRange(x.dtype)
			switch {
			case dtype == x.dtype:
				return in.setView(x.shape)
			case dtype == Float32 && quantized && x.constant == nil:
				// The buffer holds floats already.
				if err := in.setView(x.shape); err != nil {
					return err
				}
			}
			return in.setOutput(0, dtype, x.shape)
		}
		return in.node.AttributeErrorf("to", "%q is not supported", in.stringAttr("to", ""))
	},
	fold: func(in *instruction) error {
		return in.setConstant(0, cast(in.inputs[0].constant, in.outputs[0].dtype))
	},
}

// cast converts a tensor: towards zero from float32, modulo the range of a narrow integer.
func cast(t *Tensor, to DType) *Tensor {
	out := &Tensor{DType: to, Shape: t.Shape}
	if to == Float32 {
		out.Floats = make([]float32, len(t.Ints))
		for i, v := range t.Ints {
			out.Floats[i] = float32(v)
		}
		return out
	}
	out.Ints = slices.Clone(t.Ints)
	if t.DType == Float32 {
		out.Ints = make([]int64, len(t.Floats))
		for i, v := range t.Floats {
			out.Ints[i] = int64(v)
			if to == Bool && v != 0 {
				out.Ints[i] = 1
			}
		}
	}
	for i, v := range out.Ints {
		switch to {
		case Int32:
			out.Ints[i] = int64(int32(v))
		case Uint8:
			out.Ints[i] = int64(uint8(v))
		case Int8:
			out.Ints[i] = int64(int8(v))
		case Bool:
			out.Ints[i] = int64(min(uint64(v), 1))
		}
	}
	return out
}
