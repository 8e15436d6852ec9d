// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/norm"
)

// stashFloat32 is the stash_type of normalizations that compute in float32.
const stashFloat32 = 1

// layerNormalization is LayerNormalization, or RMSNormalization if uncentered: the dimensions from axis on are normalized
// together. The former also yields the mean and the inverse deviation, if asked.
func layerNormalization(uncentered bool) *operator {
	o := &operator{
		minInputs: 2, maxInputs: 3, maxOutputs: 3,
		attributes: kinds{"axis": intKind, "epsilon": floatKind, "stash_type": intKind},
		infer:      inferLayerNormalization,
		build: func(in *instruction) (run, error) {
			at, err := axis(in.intAttr("axis", -1), len(in.inputs[0].shape))
			return buildLayerNormalization(in, at, uncentered), err
		},
	}
	if uncentered {
		o.maxInputs, o.maxOutputs = 2, 1
	}
	return o
}

func inferLayerNormalization(in *instruction) error {
	if err := in.wantFloats(-1); err != nil {
		return err
	}
	if stash := in.intAttr("stash_type", stashFloat32); stash != stashFloat32 {
		return in.node.AttributeErrorf("stash_type", "%d is not supported; only %d, float32, is", stash, stashFloat32)
	}
	x := in.inputs[0].shape
	at, err := axis(in.intAttr("axis", -1), len(x))
	if err != nil {
		return in.node.AttributeErrorf("axis", "%w", err)
	}
	if slices.Contains(x, 0) || len(x) > elem.MaxRank {
		return in.node.Errorf("an input of shape %v is not supported", x)
	}
	for i, v := range in.inputs[1:] {
		if v == nil {
			continue
		}
		if shape, err := elem.BroadcastShape(v.shape, x); err != nil || !slices.Equal(shape, x) {
			return in.node.Errorf("input %d of shape %v does not broadcast to %v", i+1, v.shape, x)
		}
	}
	for i := range in.outputs {
		shape := x
		if i > 0 {
			shape = slices.Concat(x[:at], slices.Repeat([]int{1}, len(x)-at))
		}
		if err := in.setOutput(i, Float32, shape); err != nil {
			return err
		}
	}
	return nil
}

func buildLayerNormalization(in *instruction, at int, uncentered bool) run {
	x, y := in.inputs[0], in.outputs[0]
	n := norm.RowNorm{Rows: 1, Width: 1, Groups: 1, Epsilon: in.floatAttr("epsilon", DefaultEpsilon), Uncentered: uncentered}
	for i, d := range x.shape {
		if i < at {
			n.Rows *= d
		} else {
			n.Width *= d
		}
	}
	statistics := append(slices.Clone(in.outputs[1:]), nil, nil)
	scale, shift := in.input(1), in.input(2)
	// The scales may broadcast in other ways than one for each element of a row.
	perElement := func(v *value) bool {
		return v == nil || v.size() == n.Width && slices.Equal(v.shape[max(len(v.shape)-len(x.shape)+at, 0):], x.shape[at:])
	}
	if perElement(scale) && perElement(shift) {
		return func(m *machine) {
			norm.NormalizeRows(m.Workspace, n, m.floats(x), m.floats(scale), m.optional(shift), m.floats(y), m.optional(statistics[0]), m.optional(statistics[1]))
		}
	}
	return func(m *machine) {
		out := m.floats(y)
		norm.NormalizeRows(m.Workspace, n, m.floats(x), nil, nil, out, m.optional(statistics[0]), m.optional(statistics[1]))
		elem.Combine(m.Workspace, elem.Multiply, y.shape, out, scale.shape, m.floats(scale), out)
		if shift != nil {
			elem.Combine(m.Workspace, elem.Add, y.shape, out, shift.shape, m.floats(shift), out)
		}
	}
}

// instanceNormalizationOperator normalizes each channel of each image.
var instanceNormalizationOperator = &operator{
	minInputs: 3, maxInputs: 3, maxOutputs: 1,
	attributes: kinds{"epsilon": floatKind},
	infer: func(in *instruction) error {
		return in.inferChannelNormalization(func(channels int) []int { return []int{channels} })
	},
	build: func(in *instruction) (run, error) { return in.buildChannelNormalization(in.inputs[0].shape[1]), nil },
}

// groupNormalizationOperator normalizes groups of channels. Until opset 21 there is a scale for each group, since then
// one for each channel; a file of either has no other.
var groupNormalizationOperator = &operator{
	minInputs: 3, maxInputs: 3, maxOutputs: 1,
	attributes: kinds{"epsilon": floatKind, "num_groups": intKind, "stash_type": intKind},
	infer: func(in *instruction) error {
		if stash := in.intAttr("stash_type", stashFloat32); stash != stashFloat32 {
			return in.node.AttributeErrorf("stash_type", "%d is not supported; only %d, float32, is", stash, stashFloat32)
		}
		groups := in.intAttr("num_groups", 0)
		if x := in.inputs[0].shape; groups < 1 || len(x) > 1 && int64(x[1])%groups != 0 {
			return in.node.AttributeErrorf("num_groups", "%d does not divide the channels of shape %v", groups, x)
		}
		return in.inferChannelNormalization(func(channels int) []int { return []int{channels, int(groups)} })
	},
	build: func(in *instruction) (run, error) {
		return in.buildChannelNormalization(int(in.intAttr("num_groups", 0))), nil
	},
}

// inferChannelNormalization checks images, or signals of any number of dimensions, and their scale and shift, whose length
// is one of those that lengths returns for a number of channels.
func (in *instruction) inferChannelNormalization(lengths func(channels int) []int) error {
	if err := in.wantFloats(-1); err != nil {
		return err
	}
	x := in.inputs[0].shape
	if len(x) < 3 || slices.Contains(x, 0) {
		return in.node.Errorf("an input of shape %v is not supported; it must have at least 3 dimensions, none of them 0", x)
	}
	for i, v := range in.inputs[1:] {
		if len(v.shape) != 1 || !slices.Contains(lengths(x[1]), v.shape[0]) || !slices.Equal(v.shape, in.inputs[1].shape) {
			return in.node.Errorf("input %d has shape %v; it must have as many numbers as the input of shape %v has channels or groups", i+1, v.shape, x)
		}
	}
	return in.setOutput(0, Float32, x)
}

// buildChannelNormalization normalizes groups of channels, each by itself.
func (in *instruction) buildChannelNormalization(groups int) run {
	x, scale, shift, y := in.inputs[0], in.inputs[1], in.inputs[2], in.outputs[0]
	rows := x.shape[0] * groups
	n := norm.RowNorm{Rows: rows, Width: x.size() / rows, Groups: groups, Epsilon: in.floatAttr("epsilon", DefaultEpsilon)}
	return func(m *machine) {
		norm.NormalizeRows(m.Workspace, n, m.floats(x), m.floats(scale), m.floats(shift), m.floats(y), nil, nil)
	}
}
