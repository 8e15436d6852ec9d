// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/dense"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Linear computes y = x·Wᵀ + b for rows x.
type Linear struct {
	In, Out int
	Weight  *Param // [Out, In]
	Bias    *Param // [Out]
	name    string
	x       *tensor.Tensor
	y, dx   tensor.Tensor
}

// NewLinear returns a linear layer with zero weights.
func NewLinear(name string, in, out int) *Linear {
	return &Linear{In: in, Out: out, name: name, Weight: newParam(name, "weight", out, in), Bias: newParam(name, "bias", out)}
}

// Name implements Layer.
func (l *Linear) Name() string { return l.name }

// Params implements Layer.
func (l *Linear) Params() []*Param { return []*Param{l.Weight, l.Bias} }

// Buffers implements Layer.
func (l *Linear) Buffers() []*Buffer { return nil }

// OutputShape implements Layer.
func (l *Linear) OutputShape(in []int) ([]int, error) {
	if len(in) != 2 || in[1] != l.In {
		return nil, fmt.Errorf("layer %s: input shape %v: want [N, %d]", l.name, in, l.In)
	}
	return []int{in[0], l.Out}, nil
}

// Forward implements Layer.
func (l *Linear) Forward(ws *exec.Workspace, x *tensor.Tensor, _ bool) *tensor.Tensor {
	l.x = x
	l.y.Resize(x.Shape[0], l.Out)
	dense.Linear(ws, x.Shape[0], l.In, l.Out, x.Data, l.Weight.Value.Data, l.Bias.Value.Data, l.y.Data)
	return &l.y
}

// Backward implements Layer.
func (l *Linear) Backward(ws *exec.Workspace, dy *tensor.Tensor, wantInput bool) *tensor.Tensor {
	batch := dy.Shape[0]
	dense.LinearBackwardWeights(ws, batch, l.In, l.Out, l.x.Data, dy.Data, l.Weight.Grad.Data, l.Bias.Grad.Data)
	if !wantInput {
		return nil
	}
	l.dx.Resize(batch, l.In)
	dense.LinearBackwardData(ws, batch, l.In, l.Out, dy.Data, l.Weight.Value.Data, l.dx.Data)
	return &l.dx
}
