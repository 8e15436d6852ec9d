// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/conv"
)

// addendInput is the input of a convolution that computes an Add too which the other summand becomes.
const addendInput = 3

// fuseAdditions lets a convolution add its result to the other summand of the Add that alone reads it, as it ends the
// branches of residual networks. The two must be of one shape, which is known only now.
func (c *compiler) fuseAdditions(instructions []*instruction, outputs []*value) ([]*instruction, error) {
	producers, reads := map[*value]*instruction{}, countReads(instructions, outputs)
	dropped := map[*instruction]bool{}
	for i, add := range instructions {
		// The summand computed last, which usually is the second, leaves the other's memory free earlier.
		for _, summand := range []int{1, 0} {
			if add.node.Op != "Add" || len(add.inputs) != 2 {
				break
			}
			conv, other := producers[add.inputs[summand]], add.inputs[1-summand]
			if conv == nil || reads[add.inputs[summand]] != 1 || other.constant != nil || !slices.Equal(other.shape, add.outputs[0].shape) {
				continue
			}
			if adds, err := conv.adds(); err != nil {
				return nil, err
			} else if !adds {
				continue
			}
			dropped[conv] = true
			fused := &instruction{node: conv.node, op: conv.op, compiler: c, inputs: slices.Clone(conv.inputs), outputs: add.outputs, sum: add}
			for len(fused.inputs) < addendInput {
				fused.inputs = append(fused.inputs, nil)
			}
			fused.inputs = append(fused.inputs, other)
			instructions[i] = fused
			break
		}
		for _, v := range instructions[i].outputs {
			producers[v] = instructions[i]
		}
	}
	return slices.DeleteFunc(instructions, func(in *instruction) bool { return dropped[in] }), nil
}

// adds reports whether an instruction is a convolution that can add its result to something.
func (in *instruction) adds() (bool, error) {
	if !in.isPlainConv() || in.activation().set {
		return false, nil
	}
	s, err := in.convShape(in.inputs[1].shape)
	if err != nil {
		return false, err
	}
	ws, err := in.compiler.kernels()
	if err != nil {
		return false, err
	}
	return conv.Adds(ws, s), nil
}

// reuseAddends lets convolutions that add to a value write to its buffer, where nothing reads it afterwards.
func reuseAddends(instructions []*instruction, outputs []*value) {
	markLastUses(instructions, outputs)
	for i, in := range instructions {
		if in.sum == nil {
			continue
		}
		x, addend, y := in.inputs[0], in.inputs[addendInput], in.outputs[0]
		if owner := addend.owner(); owner.lastUse == i && owner.constant == nil && owner != x.owner() {
			y.viewOf, owner.lastUse = addend, y.lastUse
		}
	}
}
