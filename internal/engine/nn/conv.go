// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/conv"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Conv2DConfig describes a convolution with a square kernel.
type Conv2DConfig struct {
	InChannels, OutChannels int
	Kernel                  int // side of the kernel
	Stride                  int // 0 means 1
	Padding                 int // zeros added on each side
	Groups                  int // 0 means 1
	Bias                    bool
}

// Conv2D is a convolution of NCHW images.
type Conv2D struct {
	Config Conv2DConfig
	Weight *Param // [OutChannels, InChannels/Groups, Kernel, Kernel]
	Bias   *Param // [OutChannels], nil without bias

	name  string
	x     *tensor.Tensor
	y, dx tensor.Tensor
}

// NewConv2D returns a convolution with zero weights.
func NewConv2D(name string, config Conv2DConfig) *Conv2D {
	config.Stride, config.Groups = max(config.Stride, 1), max(config.Groups, 1)
	l := &Conv2D{Config: config, name: name}
	l.Weight = newParam(name, "weight", config.OutChannels, config.InChannels/config.Groups, config.Kernel, config.Kernel)
	if config.Bias {
		l.Bias = newParam(name, "bias", config.OutChannels)
	}
	return l
}

// Name implements Layer.
func (l *Conv2D) Name() string { return l.name }

// Params implements Layer.
func (l *Conv2D) Params() []*Param {
	if l.Bias == nil {
		return []*Param{l.Weight}
	}
	return []*Param{l.Weight, l.Bias}
}

// Buffers implements Layer.
func (l *Conv2D) Buffers() []*Buffer { return nil }

// shape returns the kernel's view of the convolution for an input shape.
func (l *Conv2D) shape(in []int) tensor.ConvShape {
	c := l.Config
	return tensor.ConvShape{
		Batch: in[0], InChannels: c.InChannels, InHeight: in[2], InWidth: in[3],
		OutChannels: c.OutChannels, KernelH: c.Kernel, KernelW: c.Kernel, StrideH: c.Stride, StrideW: c.Stride,
		PadTop: c.Padding, PadLeft: c.Padding, PadBottom: c.Padding, PadRight: c.Padding, Groups: c.Groups,
	}
}

// OutputShape implements Layer.
func (l *Conv2D) OutputShape(in []int) ([]int, error) {
	if err := wantImages(l.name, in, l.Config.InChannels); err != nil {
		return nil, err
	}
	s := l.shape(in)
	if err := s.Validate(); err != nil {
		return nil, layerError(l.name, err)
	}
	return []int{s.Batch, s.OutChannels, s.OutHeight(), s.OutWidth()}, nil
}

// Forward implements Layer.
func (l *Conv2D) Forward(ws *exec.Workspace, x *tensor.Tensor, _ bool) *tensor.Tensor {
	s := l.shape(x.Shape)
	l.x = x
	l.y.Resize(s.Batch, s.OutChannels, s.OutHeight(), s.OutWidth())
	conv.Forward(ws, s, x.Data, l.Weight.Value.Data, l.biasData(), l.y.Data)
	return &l.y
}

func (l *Conv2D) biasData() []float32 {
	if l.Bias == nil {
		return nil
	}
	return l.Bias.Value.Data
}

// Backward implements Layer.
func (l *Conv2D) Backward(ws *exec.Workspace, dy *tensor.Tensor, wantInput bool) *tensor.Tensor {
	if !wantInput {
		return l.backward(ws, dy, nil)
	}
	l.dx.Resize(l.x.Shape...)
	return l.backward(ws, dy, &l.dx)
}

// backward computes the gradients of the parameters and then, unless dx is nil, that of the input. dx may be the input.
func (l *Conv2D) backward(ws *exec.Workspace, dy, dx *tensor.Tensor) *tensor.Tensor {
	s := l.shape(l.x.Shape)
	var dbias []float32
	if l.Bias != nil {
		dbias = l.Bias.Grad.Data
	}
	conv.BackwardWeights(ws, s, l.x.Data, dy.Data, l.Weight.Grad.Data, dbias)
	if dx != nil {
		conv.BackwardData(ws, s, dy.Data, l.Weight.Value.Data, dx.Data)
	}
	return dx
}
