// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/pooling"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// MaxPool2D takes the maximum of each square window.
type MaxPool2D struct {
	stateless
	Kernel, Stride int
	in             []int
	argmax         []uint8
	y, dx          tensor.Tensor
}

// NewMaxPool2D returns a max pooling without padding. kernel² is at most kernels.MaxWindow.
func NewMaxPool2D(name string, kernel, stride int) *MaxPool2D {
	return &MaxPool2D{stateless: stateless{name}, Kernel: kernel, Stride: stride}
}

func (l *MaxPool2D) shape(in []int) tensor.PoolShape {
	return tensor.PoolShape{
		Batch: in[0], Channels: in[1], InHeight: in[2], InWidth: in[3],
		KernelH: l.Kernel, KernelW: l.Kernel, StrideH: l.Stride, StrideW: l.Stride,
	}
}

// OutputShape implements Layer.
func (l *MaxPool2D) OutputShape(in []int) ([]int, error) {
	if err := wantImages(l.name, in, 0); err != nil {
		return nil, err
	}
	s := l.shape(in)
	if err := s.Validate(); err != nil {
		return nil, layerError(l.name, err)
	}
	return []int{s.Batch, s.Channels, s.OutHeight(), s.OutWidth()}, nil
}

// Forward implements Layer.
func (l *MaxPool2D) Forward(ws *exec.Workspace, x *tensor.Tensor, training bool) *tensor.Tensor {
	s := l.shape(x.Shape)
	l.in = append(l.in[:0], x.Shape...)
	l.y.Resize(s.Batch, s.Channels, s.OutHeight(), s.OutWidth())
	if !training {
		pooling.Max(ws, s, x.Data, l.y.Data, nil)
		return &l.y
	}
	if len(l.argmax) < l.y.Len() {
		l.argmax = make([]uint8, l.y.Len())
	}
	pooling.Max(ws, s, x.Data, l.y.Data, l.argmax)
	return &l.y
}

// Backward implements Layer.
func (l *MaxPool2D) Backward(ws *exec.Workspace, dy *tensor.Tensor, _ bool) *tensor.Tensor {
	l.dx.Resize(l.in...)
	pooling.MaxBackward(ws, l.shape(l.in), dy.Data, l.argmax, l.dx.Data)
	return &l.dx
}

// GlobalAveragePool takes the mean of each plane: [N, C, H, W] to [N, C, 1, 1].
type GlobalAveragePool struct {
	stateless
	in    []int
	y, dx tensor.Tensor
}

// NewGlobalAveragePool returns a global average pooling.
func NewGlobalAveragePool(name string) *GlobalAveragePool {
	return &GlobalAveragePool{stateless: stateless{name}}
}

// OutputShape implements Layer.
func (l *GlobalAveragePool) OutputShape(in []int) ([]int, error) {
	if err := wantImages(l.name, in, 0); err != nil {
		return nil, err
	}
	return []int{in[0], in[1], 1, 1}, nil
}

func (l *GlobalAveragePool) shape() tensor.NormShape {
	return tensor.NormShape{Batch: l.in[0], Channels: l.in[1], Plane: l.in[2] * l.in[3]}
}

// Forward implements Layer.
func (l *GlobalAveragePool) Forward(ws *exec.Workspace, x *tensor.Tensor, _ bool) *tensor.Tensor {
	l.in = append(l.in[:0], x.Shape...)
	l.y.Resize(x.Shape[0], x.Shape[1], 1, 1)
	pooling.GlobalAverage(ws, l.shape(), x.Data, l.y.Data)
	return &l.y
}

// Backward implements Layer.
func (l *GlobalAveragePool) Backward(ws *exec.Workspace, dy *tensor.Tensor, _ bool) *tensor.Tensor {
	l.dx.Resize(l.in...)
	pooling.GlobalAverageBackward(ws, l.shape(), dy.Data, l.dx.Data)
	return &l.dx
}
