// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package nn

import (
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/engine/exec"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// Flatten joins all dimensions but the first, without copying.
type Flatten struct {
	stateless
	in    []int
	y, dx tensor.Tensor
}

// NewFlatten returns a flattening layer.
func NewFlatten(name string) *Flatten { return &Flatten{stateless: stateless{name}} }

// OutputShape implements Layer.
func (l *Flatten) OutputShape(in []int) ([]int, error) {
	if len(in) < 1 {
		return nil, fmt.Errorf("layer %s: input has no dimensions", l.name)
	}
	features := 1
	for _, d := range in[1:] {
		features *= d
	}
	return []int{in[0], features}, nil
}

// Forward implements Layer.
func (l *Flatten) Forward(_ *exec.Workspace, x *tensor.Tensor, _ bool) *tensor.Tensor {
	l.in = append(l.in[:0], x.Shape...)
	l.y.Shape = append(l.y.Shape[:0], x.Shape[0], x.Len()/x.Shape[0])
	l.y.Data = x.Data
	return &l.y
}

// Backward implements Layer.
func (l *Flatten) Backward(_ *exec.Workspace, dy *tensor.Tensor, _ bool) *tensor.Tensor {
	l.dx.Shape = append(l.dx.Shape[:0], l.in...)
	l.dx.Data = dy.Data
	return &l.dx
}
