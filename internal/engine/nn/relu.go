// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// ReLU computes max(0, x).
type ReLU struct {
	stateless
	y, dx tensor.Tensor
}

// NewReLU returns a ReLU layer.
func NewReLU(name string) *ReLU { return &ReLU{stateless: stateless{name}} }

// OutputShape implements Layer.
func (l *ReLU) OutputShape(in []int) ([]int, error) { return slices.Clone(in), nil }

// Forward implements Layer.
func (l *ReLU) Forward(ws *exec.Workspace, x *tensor.Tensor, _ bool) *tensor.Tensor {
	l.y.Resize(x.Shape...)
	elem.Apply(ws, elem.ReLU, 0, 0, x.Data, l.y.Data)
	return &l.y
}

// Backward implements Layer.
func (l *ReLU) Backward(ws *exec.Workspace, dy *tensor.Tensor, _ bool) *tensor.Tensor {
	l.dx.Resize(dy.Shape...)
	elem.ReLUBackward(ws, l.y.Data, dy.Data, l.dx.Data)
	return &l.dx
}
