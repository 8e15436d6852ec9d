// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/conv"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// expansion is a convolution and the depthwise one that alone reads its output, computed in one step.
type expansion struct {
	first, second             *instruction
	firstShape, secondShape   tensor.ConvShape
	firstBounds, secondBounds conv.Epilogue
	activation                activation // what the second one's epilogue does not do
}

// fuseExpansions joins depthwise convolutions with the convolution before them, as in the blocks of MobileNetV2, whose output
// is then never stored.
func (c *compiler) fuseExpansions(instructions []*instruction, outputs []*value) ([]*instruction, error) {
	producers, reads := map[*value]*instruction{}, countReads(instructions, outputs)
	dropped := map[*instruction]bool{}
	for i, second := range instructions {
		first := producers[second.input(0)]
		for _, v := range second.outputs {
			producers[v] = second
		}
		if first == nil || reads[second.inputs[0]] != 1 {
			continue
		}
		e, err := c.expansion(first, second)
		if err != nil {
			return nil, err
		}
		if e != nil {
			dropped[first] = true
			instructions[i] = &instruction{
				node: second.node, op: second.op, compiler: c, inputs: []*value{first.inputs[0]}, outputs: second.outputs, expansion: e,
			}
		}
	}
	return slices.DeleteFunc(instructions, func(in *instruction) bool { return dropped[in] }), nil
}

// countReads counts how often instructions and outputs read each value.
func countReads(instructions []*instruction, outputs []*value) map[*value]int {
	reads := map[*value]int{}
	for _, v := range outputs {
		reads[v]++
	}
	for _, in := range instructions {
		for _, v := range in.inputs {
			reads[v]++
		}
	}
	return reads
}

// expansion describes two instructions as one step, or returns nil if they cannot be one.
func (c *compiler) expansion(first, second *instruction) (*expansion, error) {
	if !first.isPlainConv() || !second.isPlainConv() {
		return nil, nil
	}
	e := &expansion{first: first, second: second, activation: second.activation()}
	if rest := first.activation(); !rest.moveTo(&e.firstBounds) {
		return nil, nil
	}
	e.activation.moveTo(&e.secondBounds)
	var err error
	if e.firstShape, err = first.convShape(first.inputs[1].shape); err != nil {
		return nil, err
	}
	if e.secondShape, err = second.convShape(second.inputs[1].shape); err != nil {
		return nil, err
	}
	ws, err := c.kernels()
	if err != nil || !conv.Expands(ws, e.firstShape, e.secondShape) {
		return nil, err
	}
	return e, nil
}

// isPlainConv reports whether an instruction is a convolution with constant weights that computes no sum and no pooling.
func (in *instruction) isPlainConv() bool {
	return in.node.Op == "Conv" && in.sum == nil && !in.node.fused.pooling &&
		!slices.ContainsFunc(in.inputs[1:], func(v *value) bool { return v != nil && v.constant == nil })
}

// buildExpansion returns what computes both convolutions of an expansion.
func buildExpansion(in *instruction) (run, error) {
	e := in.expansion
	first, err := e.first.prepare(e.firstShape, e.firstBounds)
	if err != nil {
		return nil, err
	}
	second, err := e.second.prepare(e.secondShape, e.secondBounds)
	if err != nil {
		return nil, err
	}
	ws, err := in.compiler.kernels()
	if err != nil {
		return nil, err
	}
	prepared := conv.PrepareExpansion(ws, first, second)
	x, y, activation := in.inputs[0], in.outputs[0], e.activation
	return func(m *machine) {
		conv.RunExpansion(m.Workspace, prepared, e.firstShape.Batch, m.floats(x), m.floats(y))
		activation.apply(m, y)
	}, nil
}
