// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/norm"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// PyTorch's defaults for batch normalization.
const (
	BatchNormEpsilon  = 1e-5
	BatchNormMomentum = 0.1
)

// BatchNorm2D normalizes each channel of NCHW images, by the batch's statistics in training and by the running ones in
// inference, then scales and shifts it (Ioffe and Szegedy 2015). The running variance is the unbiased one, as in PyTorch.
type BatchNorm2D struct {
	Channels     int
	Epsilon      float32
	Momentum     float32 // weight of the newest batch in the running statistics
	Weight, Bias *Param  // [Channels]: scale and shift
	RunningMean  *Buffer // [Channels]
	RunningVar   *Buffer // [Channels]
	name         string
	x            *tensor.Tensor
	mean, invStd []float32
	y, dx        tensor.Tensor
}

// NewBatchNorm2D returns a batch normalization with scale 1, shift 0, running mean 0 and running variance 1.
func NewBatchNorm2D(name string, channels int) *BatchNorm2D {
	l := &BatchNorm2D{
		Channels: channels, Epsilon: BatchNormEpsilon, Momentum: BatchNormMomentum, name: name,
		Weight: newParam(name, "weight", channels), Bias: newParam(name, "bias", channels),
		RunningMean: &Buffer{Name: name + ".running_mean", Value: tensor.New(channels)},
		RunningVar:  &Buffer{Name: name + ".running_var", Value: tensor.New(channels)},
		mean:        make([]float32, channels), invStd: make([]float32, channels),
	}
	for c := range channels {
		l.Weight.Value.Data[c] = 1
		l.RunningVar.Value.Data[c] = 1
	}
	return l
}

// Name implements Layer.
func (l *BatchNorm2D) Name() string { return l.name }

// Params implements Layer.
func (l *BatchNorm2D) Params() []*Param { return []*Param{l.Weight, l.Bias} }

// Buffers implements Layer.
func (l *BatchNorm2D) Buffers() []*Buffer { return []*Buffer{l.RunningMean, l.RunningVar} }

// OutputShape implements Layer.
func (l *BatchNorm2D) OutputShape(in []int) ([]int, error) {
	if err := wantImages(l.name, in, l.Channels); err != nil {
		return nil, err
	}
	return slices.Clone(in), nil
}

func (l *BatchNorm2D) shape(in []int) tensor.NormShape {
	return tensor.NormShape{Batch: in[0], Channels: in[1], Plane: in[2] * in[3]}
}

// Forward implements Layer.
func (l *BatchNorm2D) Forward(ws *exec.Workspace, x *tensor.Tensor, training bool) *tensor.Tensor {
	l.x = x
	l.y.Resize(x.Shape...)
	mean, variance := l.RunningMean.Value.Data, l.RunningVar.Value.Data
	gamma, beta := l.Weight.Value.Data, l.Bias.Value.Data
	if training {
		norm.BatchTraining(ws, l.shape(x.Shape), x.Data, gamma, beta, l.Epsilon, l.Momentum, l.y.Data, l.mean, l.invStd, mean, variance)
	} else {
		norm.BatchInference(ws, l.shape(x.Shape), x.Data, gamma, beta, mean, variance, l.Epsilon, l.y.Data)
	}
	return &l.y
}

// Backward implements Layer.
func (l *BatchNorm2D) Backward(ws *exec.Workspace, dy *tensor.Tensor, _ bool) *tensor.Tensor {
	l.dx.Resize(dy.Shape...)
	norm.BatchBackward(ws, l.shape(dy.Shape), l.x.Data, dy.Data, l.Weight.Value.Data, l.mean, l.invStd,
		l.dx.Data, l.Weight.Grad.Data, l.Bias.Grad.Data)
	return &l.dx
}
