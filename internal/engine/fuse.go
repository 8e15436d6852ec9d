// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import "github.com/trainyard-dev/trainyard/internal/engine/kernels"

// Fuse returns the layers that compute what layers compute, with runs of them joined into steps that save memory and time:
// batch normalisation, if there is one, ReLU and 2×2 max pooling after a convolution. The parameters and buffers are those
// of the given layers. A fused step may overwrite its input in the backward pass, so the layer before it must not need its
// own output for that; a convolution does not.
func Fuse(layers []Layer) []Layer {
	var steps []Layer
	for i := 0; i < len(layers); i++ {
		step, joined := fuseAt(layers, i)
		steps = append(steps, step)
		i += joined - 1
	}
	return steps
}

// fuseAt returns the step that begins with layer i, and how many layers it joins.
func fuseAt(layers []Layer, i int) (step Layer, joined int) {
	if i == 0 {
		return layers[i], 1
	}
	if _, ok := layers[i-1].(*Conv2D); !ok {
		return layers[i], 1
	}
	switch l := layers[i].(type) {
	case *BatchNorm2D:
		if pool := reluAndPool(layers[i+1:]); pool != nil {
			return &normReLUPool{BatchNorm2D: l, pool: pool}, 3
		}
	case *ReLU:
		if pool := reluAndPool(layers[i:]); pool != nil {
			return &reluPool{ReLU: l, pool: pool}, 2
		}
	}
	return layers[i], 1
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

// ReusesInput tells whether the backward pass of l leaves the gradient of its input in the input itself, so that it
// needs no memory of its own.
func ReusesInput(l Layer) bool {
	switch l.(type) {
	case *normReLUPool, *reluPool:
		return true
	}
	return false
}

func imageShape(in []int) kernels.ImageShape {
	return kernels.ImageShape{Batch: in[0], Channels: in[1], Height: in[2], Width: in[3]}
}

// windowChoice is what a fused step keeps of its input.
type windowChoice []uint16

// of returns room for the choices of images of that shape.
func (c *windowChoice) of(s kernels.ImageShape) []uint16 {
	if n := s.ChoiceLen(); len(*c) < n {
		*c = make([]uint16, n)
	}
	return *c
}

// normReLUPool computes batch normalisation, ReLU and 2×2 max pooling in one.
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
func (l *normReLUPool) Forward(ws *kernels.Workspace, x *Tensor, training bool) *Tensor {
	s := imageShape(x.Shape)
	l.x = x
	l.y.Resize(s.Batch, s.Channels, s.Height/2, s.Width/2)
	mean, variance := l.RunningMean.Value.Data, l.RunningVar.Value.Data
	gamma, beta := l.Weight.Value.Data, l.Bias.Value.Data
	if training {
		ws.NormReLUPoolTraining(s, x.Data, gamma, beta, l.Epsilon, l.Momentum, l.y.Data, l.choice.of(s), l.mean, l.invStd, mean, variance)
	} else {
		ws.NormReLUPoolInference(s, x.Data, gamma, beta, mean, variance, l.Epsilon, l.y.Data)
	}
	return &l.y
}

// Backward implements Layer. The gradient it returns replaces the layer's input.
func (l *normReLUPool) Backward(ws *kernels.Workspace, dy *Tensor, _ bool) *Tensor {
	ws.NormReLUPoolBackward(imageShape(l.x.Shape), l.x.Data, dy.Data, l.choice, l.Weight.Value.Data, l.mean, l.invStd,
		l.Weight.Grad.Data, l.Bias.Grad.Data)
	return l.x
}

// reluPool computes ReLU and 2×2 max pooling in one.
type reluPool struct {
	*ReLU
	pool   *MaxPool2D
	x      *Tensor
	choice windowChoice
}

// OutputShape implements Layer.
func (l *reluPool) OutputShape(in []int) ([]int, error) { return l.pool.OutputShape(in) }

// Forward implements Layer.
func (l *reluPool) Forward(ws *kernels.Workspace, x *Tensor, training bool) *Tensor {
	s := imageShape(x.Shape)
	l.x = x
	l.y.Resize(s.Batch, s.Channels, s.Height/2, s.Width/2)
	var choice []uint16
	if training {
		choice = l.choice.of(s)
	}
	ws.ReLUPool(s, x.Data, l.y.Data, choice)
	return &l.y
}

// Backward implements Layer. The gradient it returns replaces the layer's input.
func (l *reluPool) Backward(ws *kernels.Workspace, dy *Tensor, _ bool) *Tensor {
	ws.ReLUPoolBackward(imageShape(l.x.Shape), dy.Data, l.choice, l.x.Data)
	return l.x
}
