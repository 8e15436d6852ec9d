// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/block"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// TrainingBytes returns how much memory steps, as Fuse returns them, take in training on an input of shape in: the input,
// each step's output and its gradient, and what a step keeps beside them. Parameters are not counted, nor the workspace's
// scratch memory, which hardly grows with the batch.
func TrainingBytes(ws *exec.Workspace, steps []Layer, in []int) (int64, error) {
	const bytesPerFloat = 4
	total := elements(in) * bytesPerFloat
	for i, step := range steps {
		out, err := step.OutputShape(in)
		if err != nil {
			return 0, err
		}
		total += elements(out)*bytesPerFloat + keptBytes(ws, step, in, out)
		if i > 0 && !reusesInput(step) {
			total += elements(in) * bytesPerFloat
		}
		in = out
	}
	return total + elements(in)*bytesPerFloat, nil
}

// reusesInput tells whether the backward pass of a step leaves the gradient of its input in the input itself, so that it
// needs no memory of its own.
func reusesInput(step Layer) bool {
	switch step.(type) {
	case *normReLUPool, *reluPool, *convInPlace:
		return true
	}
	return false
}

// keptBytes returns how much memory a step takes beside its output and the gradient of its input.
func keptBytes(ws *exec.Workspace, step Layer, in, out []int) int64 {
	const bytesPerWord, bytesPerFloat = 2, 4
	choice := func(s tensor.ImageShape) int64 { return int64(block.ChoiceLen(s)) * bytesPerWord }
	switch l := step.(type) {
	case *convNormReLUPool:
		first := block.First{Shape: l.conv.shape(in)}
		kept := choice(first.Output())
		if !block.FusesFirst(ws, first.Shape) {
			kept += int64(first.Output().Len()) * bytesPerFloat
		}
		return kept
	case *normReLUPool, *reluPool:
		return choice(imageShape(in))
	case *MaxPool2D:
		return elements(out) // argmax
	}
	return 0
}

// elements returns the number of elements of a tensor.
func elements(shape []int) int64 {
	size := int64(1)
	for _, d := range shape {
		size *= int64(d)
	}
	return size
}
