// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tensor

import (
	"fmt"
	"slices"
)

// Tensor is a dense float32 array in row-major order; activations are NCHW.
type Tensor struct {
	Shape []int
	Data  []float32
}

// New returns a zero tensor of the given shape.
func New(shape ...int) *Tensor {
	t := &Tensor{}
	t.Resize(shape...)
	return t
}

// Resize gives t a shape, reusing its memory where that is large enough. The contents are then arbitrary.
func (t *Tensor) Resize(shape ...int) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	t.Shape = append(t.Shape[:0], shape...)
	if cap(t.Data) < n {
		t.Data = make([]float32, n)
	}
	t.Data = t.Data[:n]
}

// Len returns the number of elements.
func (t *Tensor) Len() int { return len(t.Data) }

// Clone returns a copy that shares no memory with t.
func (t *Tensor) Clone() *Tensor {
	return &Tensor{Shape: slices.Clone(t.Shape), Data: slices.Clone(t.Data)}
}

// CopyFrom overwrites t with the contents of src, which has the same shape.
func (t *Tensor) CopyFrom(src *Tensor) error {
	if !slices.Equal(t.Shape, src.Shape) || len(t.Data) != len(src.Data) {
		return fmt.Errorf("shape is %v with %d elements, want %v with %d", src.Shape, len(src.Data), t.Shape, len(t.Data))
	}
	copy(t.Data, src.Data)
	return nil
}
