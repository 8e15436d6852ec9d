// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/block"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// convNormReLUPool is a network's first block: convolution, batch normalization, ReLU and 2×2 max pooling. Where the kernels
// compute such a convolution in one with the rest, its output is not kept; otherwise conv and rest run one after another.
type convNormReLUPool struct {
	conv    *Conv2D
	rest    *normReLUPool
	x       *tensor.Tensor
	moments []float64
	inOne   bool // the last Forward
}

// Name implements Layer.
func (l *convNormReLUPool) Name() string { return l.conv.Name() }

// Params implements Layer.
func (l *convNormReLUPool) Params() []*Param {
	return slices.Concat(l.conv.Params(), l.rest.Params())
}

// Buffers implements Layer.
func (l *convNormReLUPool) Buffers() []*Buffer { return l.rest.Buffers() }

// OutputShape implements Layer.
func (l *convNormReLUPool) OutputShape(in []int) ([]int, error) {
	shape, err := l.conv.OutputShape(in)
	if err != nil {
		return nil, err
	}
	return l.rest.OutputShape(shape)
}

// step describes the block to the operations, for images of the shape of x.
func (l *convNormReLUPool) step(x *tensor.Tensor) block.First {
	norm := l.rest.BatchNorm2D
	return block.First{
		Shape: l.conv.shape(x.Shape), Weight: l.conv.Weight.Value.Data, Gamma: norm.Weight.Value.Data, Beta: norm.Bias.Value.Data,
		Epsilon: norm.Epsilon, Momentum: norm.Momentum, RunningMean: norm.RunningMean.Value.Data, RunningVar: norm.RunningVar.Value.Data,
		Mean: norm.mean, InvStd: norm.invStd, Choice: l.rest.choice, Moments: l.moments,
	}
}

// Forward implements Layer.
func (l *convNormReLUPool) Forward(ws *exec.Workspace, x *tensor.Tensor, training bool) *tensor.Tensor {
	if l.inOne = block.FusesFirst(ws, l.conv.shape(x.Shape)); !l.inOne {
		return l.rest.Forward(ws, l.conv.Forward(ws, x, training), training)
	}
	l.x = x
	step := l.step(x)
	images, y := step.Output(), &l.rest.y
	y.Resize(images.Batch, images.Channels, images.Height/2, images.Width/2)
	if !training {
		step.Inference(ws, x.Data, y.Data)
		return y
	}
	if l.moments == nil {
		l.moments = make([]float64, step.MomentsLen())
	}
	step.Choice, step.Moments = l.rest.choice.of(images), l.moments
	step.Training(ws, x.Data, y.Data)
	return y
}

// Backward implements Layer. The gradient of the input, which a network's first block does not need, takes the convolution's
// output, which is computed again.
func (l *convNormReLUPool) Backward(ws *exec.Workspace, dy *tensor.Tensor, wantInput bool) *tensor.Tensor {
	if l.inOne && !wantInput {
		step := l.step(l.x)
		norm := l.rest.BatchNorm2D
		step.Backward(ws, l.x.Data, dy.Data, l.conv.Weight.Grad.Data, norm.Weight.Grad.Data, norm.Bias.Grad.Data)
		return nil
	}
	if l.inOne {
		l.rest.x = l.conv.Forward(ws, l.x, true)
	}
	return l.conv.Backward(ws, l.rest.Backward(ws, dy, true), wantInput)
}
