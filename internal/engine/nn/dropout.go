// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Dropout zeroes elements with probability P in training and scales the others by 1/(1-P). The mask depends on Seed,
// Step and the element's position alone, so a training that is resumed with the same Step goes on identically.
type Dropout struct {
	stateless
	P    float32 // in [0, 1)
	Seed uint64
	// Step counts the training passes so far.
	Step     uint64
	training bool
	y, dx    tensor.Tensor
}

// NewDropout returns a dropout layer with probability p in [0, 1).
func NewDropout(name string, p float32, seed uint64) *Dropout {
	return &Dropout{stateless: stateless{name}, P: p, Seed: seed}
}

// OutputShape implements Layer.
func (l *Dropout) OutputShape(in []int) ([]int, error) { return slices.Clone(in), nil }

// Forward implements Layer.
func (l *Dropout) Forward(ws *exec.Workspace, x *tensor.Tensor, training bool) *tensor.Tensor {
	l.training = training
	if !training || l.P == 0 {
		return x
	}
	l.Step++
	l.y.Resize(x.Shape...)
	elem.Dropout(ws, l.Seed, l.Step, l.P, x.Data, l.y.Data)
	return &l.y
}

// Backward implements Layer.
func (l *Dropout) Backward(ws *exec.Workspace, dy *tensor.Tensor, _ bool) *tensor.Tensor {
	if !l.training || l.P == 0 {
		return dy
	}
	l.dx.Resize(dy.Shape...)
	elem.Dropout(ws, l.Seed, l.Step, l.P, dy.Data, l.dx.Data)
	return &l.dx
}
