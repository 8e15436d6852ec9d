// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/block"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Fuse returns the layers that compute what layers compute, with runs of them joined into steps that save memory and time:
// batch normalization, if there is one, ReLU and 2×2 max pooling after a convolution, and the convolution too if it is the
// first layer. The parameters and buffers are those of the given layers. A step may overwrite its input in the backward pass
// if the one before doesn't need its own output for that: a pooling step overwrites that of a convolution, a convolution
// that of a pooling step.
func Fuse(layers []Layer) []Layer {
	var steps []Layer
	for i := 0; i < len(layers); {
		var previous Layer
		if i > 0 {
			previous = steps[len(steps)-1]
		}
		step, joined := fuse(previous, layers[i:])
		steps = append(steps, step)
		i += joined
	}
	return steps
}

// fuse returns the step that begins with the first of layers and follows previous, nil at the beginning, and how many layers
// it joins.
func fuse(previous Layer, layers []Layer) (step Layer, joined int) {
	switch l := layers[0].(type) {
	case *Conv2D:
		if previous == nil && len(layers) > 1 && l.Bias == nil {
			if norm, ok := layers[1].(*BatchNorm2D); ok {
				if pool := reluAndPool(layers[2:]); pool != nil {
					return &convNormReLUPool{conv: l, rest: &normReLUPool{BatchNorm2D: norm, pool: pool}}, 4
				}
			}
		}
		if pools(previous) {
			return &convInPlace{l}, 1
		}
	case *BatchNorm2D:
		if pool := reluAndPool(layers[1:]); pool != nil && convolves(previous) {
			return &normReLUPool{BatchNorm2D: l, pool: pool}, 3
		}
	case *ReLU:
		if pool := reluAndPool(layers); pool != nil && convolves(previous) {
			return &reluPool{ReLU: l, pool: pool}, 2
		}
	}
	return layers[0], 1
}

// convolves reports whether a step is a convolution.
func convolves(step Layer) bool {
	switch step.(type) {
	case *Conv2D, *convInPlace:
		return true
	}
	return false
}

// pools reports whether a fused step ends in pooling.
func pools(step Layer) bool {
	switch step.(type) {
	case *convNormReLUPool, *normReLUPool, *reluPool:
		return true
	}
	return false
}

// reluAndPool returns the pooling if layers begin with ReLU and 2×2 max pooling, else nil.
func reluAndPool(layers []Layer) *MaxPool2D {
	if len(layers) < 2 {
		return nil
	}
	_, isReLU := layers[0].(*ReLU)
	pool, isPool := layers[1].(*MaxPool2D)
	if !isReLU || !isPool || pool.Kernel != 2 || pool.Stride != 2 {
		return nil
	}
	return pool
}

func imageShape(in []int) tensor.ImageShape {
	return tensor.ImageShape{Batch: in[0], Channels: in[1], Height: in[2], Width: in[3]}
}

// windowChoice is what a fused step keeps of its input.
type windowChoice []uint16

// of returns room for the choices of images of that shape.
func (c *windowChoice) of(s tensor.ImageShape) []uint16 {
	if n := block.ChoiceLen(s); len(*c) < n {
		*c = make([]uint16, n)
	}
	return *c
}

// normReLUPool computes batch normalization, ReLU and 2×2 max pooling in one.
type normReLUPool struct {
	*BatchNorm2D
	pool   *MaxPool2D
	choice windowChoice
}

// OutputShape implements Layer.
func (l *normReLUPool) OutputShape(in []int) ([]int, error) {
	if _, err := l.BatchNorm2D.OutputShape(in); err != nil {
		return nil, err
	}
	return l.pool.OutputShape(in)
}

// Forward implements Layer.
func (l *normReLUPool) Forward(ws *exec.Workspace, x *tensor.Tensor, training bool) *tensor.Tensor {
	s := imageShape(x.Shape)
	l.x = x
	l.y.Resize(s.Batch, s.Channels, s.Height/2, s.Width/2)
	mean, variance := l.RunningMean.Value.Data, l.RunningVar.Value.Data
	gamma, beta := l.Weight.Value.Data, l.Bias.Value.Data
	if training {
		block.NormReLUPoolTraining(ws, s, x.Data, gamma, beta, l.Epsilon, l.Momentum, l.y.Data, l.choice.of(s), l.mean, l.invStd, mean, variance)
	} else {
		block.NormReLUPoolInference(ws, s, x.Data, gamma, beta, mean, variance, l.Epsilon, l.y.Data)
	}
	return &l.y
}

// Backward implements Layer. The gradient it returns replaces the layer's input.
func (l *normReLUPool) Backward(ws *exec.Workspace, dy *tensor.Tensor, _ bool) *tensor.Tensor {
	block.NormReLUPoolBackward(ws, imageShape(l.x.Shape), l.x.Data, dy.Data, l.choice, l.Weight.Value.Data, l.mean, l.invStd,
		l.Weight.Grad.Data, l.Bias.Grad.Data)
	return l.x
}

// reluPool computes ReLU and 2×2 max pooling in one.
type reluPool struct {
	*ReLU
	pool   *MaxPool2D
	x      *tensor.Tensor
	choice windowChoice
}

// OutputShape implements Layer.
func (l *reluPool) OutputShape(in []int) ([]int, error) { return l.pool.OutputShape(in) }

// Forward implements Layer.
func (l *reluPool) Forward(ws *exec.Workspace, x *tensor.Tensor, training bool) *tensor.Tensor {
	s := imageShape(x.Shape)
	l.x = x
	l.y.Resize(s.Batch, s.Channels, s.Height/2, s.Width/2)
	var choice []uint16
	if training {
		choice = l.choice.of(s)
	}
	block.ReLUPool(ws, s, x.Data, l.y.Data, choice)
	return &l.y
}

// Backward implements Layer. The gradient it returns replaces the layer's input.
func (l *reluPool) Backward(ws *exec.Workspace, dy *tensor.Tensor, _ bool) *tensor.Tensor {
	block.ReLUPoolBackward(ws, imageShape(l.x.Shape), dy.Data, l.choice, l.x.Data)
	return l.x
}

// convInPlace is a convolution whose backward pass leaves the gradient of its input in the input itself.
type convInPlace struct{ *Conv2D }

// Backward implements Layer.
func (l *convInPlace) Backward(ws *exec.Workspace, dy *tensor.Tensor, wantInput bool) *tensor.Tensor {
	if !wantInput {
		return l.backward(ws, dy, nil)
	}
	return l.backward(ws, dy, l.x)
}
