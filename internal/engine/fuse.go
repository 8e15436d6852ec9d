// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import "github.com/trainyard-dev/trainyard/internal/engine/kernels"

// Fuse returns the layers that compute what layers compute, with runs of batch normalisation, ReLU and 2×2 max pooling
// joined into one step that saves memory and time. The parameters and buffers are those of the given layers. A fused step
// may overwrite its input in the backward pass, so the layer before it must not need its own output for that; a
// convolution does not.
func Fuse(layers []Layer) []Layer {
	var steps []Layer
	for i := 0; i < len(layers); i++ {
		if step := fuseNormReLUPool(layers, i); step != nil {
			steps = append(steps, step)
			i += 2
			continue
		}
		steps = append(steps, layers[i])
	}
	return steps
}

// ReusesInput tells whether the backward pass of l leaves the gradient of its input in the input itself, so that it
// needs no memory of its own.
func ReusesInput(l Layer) bool {
	_, ok := l.(*normReLUPool)
	return ok
}

// fuseNormReLUPool returns one step for layers i, i+1 and i+2, or nil if they do not fit.
func fuseNormReLUPool(layers []Layer, i int) Layer {
	if i < 1 || i+2 >= len(layers) {
		return nil
	}
	_, isConv := layers[i-1].(*Conv2D)
	norm, isNorm := layers[i].(*BatchNorm2D)
	_, isReLU := layers[i+1].(*ReLU)
	pool, isPool := layers[i+2].(*MaxPool2D)
	if !isConv || !isNorm || !isReLU || !isPool || pool.Kernel != 2 || pool.Stride != 2 {
		return nil
	}
	return &normReLUPool{BatchNorm2D: norm, pool: pool}
}

// normReLUPool computes batch normalisation, ReLU and 2×2 max pooling in one.
type normReLUPool struct {
	*BatchNorm2D
	pool   *MaxPool2D
	choice []uint8
}

// OutputShape implements Layer.
func (l *normReLUPool) OutputShape(in []int) ([]int, error) {
	if _, err := l.BatchNorm2D.OutputShape(in); err != nil {
		return nil, err
	}
	return l.pool.OutputShape(in)
}

func imageShape(in []int) kernels.ImageShape {
	return kernels.ImageShape{Batch: in[0], Channels: in[1], Height: in[2], Width: in[3]}
}

// Forward implements Layer.
func (l *normReLUPool) Forward(ws *kernels.Workspace, x *Tensor, training bool) *Tensor {
	s := imageShape(x.Shape)
	l.x = x
	l.y.Resize(s.Batch, s.Channels, s.Height/2, s.Width/2)
	mean, variance := l.RunningMean.Value.Data, l.RunningVar.Value.Data
	gamma, beta := l.Weight.Value.Data, l.Bias.Value.Data
	if !training {
		ws.NormReLUPoolInference(s, x.Data, gamma, beta, mean, variance, l.Epsilon, l.y.Data)
		return &l.y
	}
	if len(l.choice) < l.y.Len() {
		l.choice = make([]uint8, l.y.Len())
	}
	ws.NormReLUPoolTraining(s, x.Data, gamma, beta, l.Epsilon, l.Momentum, l.y.Data, l.choice, l.mean, l.invStd, mean, variance)
	return &l.y
}

// Backward implements Layer. The gradient it returns replaces the layer's input.
func (l *normReLUPool) Backward(ws *kernels.Workspace, dy *Tensor, _ bool) *Tensor {
	ws.NormReLUPoolBackward(imageShape(l.x.Shape), l.x.Data, dy.Data, l.choice, l.Weight.Value.Data, l.mean, l.invStd,
		l.Weight.Grad.Data, l.Bias.Grad.Data)
	return l.x
}
