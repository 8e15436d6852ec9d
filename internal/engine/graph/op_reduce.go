// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/pooling"
)

// reduceOperator reduces axes, which are a constant input. ints does the same on a list of constant integers.
func reduceOperator(op elem.Reduction, ints func([]int64) int64) *operator {
	return &operator{
		minInputs: 1, maxInputs: 2, maxOutputs: 1,
		attributes: kinds{"keepdims": intKind, "noop_with_empty_axes": intKind},
		infer: func(in *instruction) error {
			x := in.inputs[0]
			reduced, err := in.reducedAxes()
			if err != nil {
				return err
			}
			if slices.Contains(x.shape, 0) {
				return in.node.Errorf("the input of shape %v is empty", x.shape)
			}
			shape := []int{}
			for i, d := range x.shape {
				switch {
				case !reduced[i]:
					shape = append(shape, d)
				case in.intAttr("keepdims", 1) != 0:
					shape = append(shape, 1)
				}
			}
			return in.setOutput(0, x.dtype, shape)
		},
		fold: func(in *instruction) error {
			x, y := in.inputs[0], in.outputs[0]
			if ints == nil || y.size() != 1 {
				return in.node.Errorf("is not supported on %s along some axes", x.dtype)
			}
			return in.setConstant(0, &Tensor{DType: y.dtype, Shape: y.shape, Ints: []int64{ints(x.constant.Ints)}})
		},
		build: func(in *instruction) (run, error) {
			x, y := in.inputs[0], in.outputs[0]
			reduced, err := in.reducedAxes()
			if err != nil {
				return nil, err
			}
			if op == elem.ReduceMean && slices.Equal(reduced, []bool{false, false, true, true}) {
				s := in.planes()
				return func(m *machine) { pooling.GlobalAverage(m.Workspace, s, m.floats(x), m.floats(y)) }, nil
			}
			return func(m *machine) { elem.Reduce(m.Workspace, op, x.shape, reduced, m.floats(x), m.floats(y)) }, nil
		},
	}
}

// reducedAxes are the axes that a reduction removes: all, unless some are named.
func (in *instruction) reducedAxes() ([]bool, error) {
	rank := len(in.inputs[0].shape)
	list, err := in.constantInts(1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		all := in.intAttr("noop_with_empty_axes", 0) == 0
		return slices.Repeat([]bool{all}, rank), nil
	}
	reduced, err := axes(list, rank)
	if err != nil {
		return nil, in.node.Errorf("axes %v: %w", list, err)
	}
	return reduced, nil
}

func sumInts(list []int64) (sum int64) {
	for _, v := range list {
		sum += v
	}
	return sum
}

func productInts(list []int64) int64 {
	product := int64(1)
	for _, v := range list {
		product *= v
	}
	return product
}

// globalMaxPoolOperator is a reduction of all spatial dimensions.
var globalMaxPoolOperator = &operator{
	minInputs: 1, maxInputs: 1, maxOutputs: 1,
	infer: inferGlobalPool,
	build: func(in *instruction) (run, error) {
		x, y := in.inputs[0], in.outputs[0]
		reduced := slices.Repeat([]bool{true}, len(x.shape))
		reduced[0], reduced[1] = false, false
		return func(m *machine) { elem.Reduce(m.Workspace, elem.ReduceMax, x.shape, reduced, m.floats(x), m.floats(y)) }, nil
	},
}
