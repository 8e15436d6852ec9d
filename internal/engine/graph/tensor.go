// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"fmt"
	"math"
	"slices"
)

// DType is the type of a tensor's elements.
type DType uint8

// The element types of constants. What is computed at run time is Float32; the others appear in shape arithmetic, masks
// and quantized weights, which Compile folds away.
const (
	Float32 DType = iota + 1
	Int64
	Int32
	Uint8
	Int8
	Bool
)

var dtypeNames = map[DType]string{
	Float32: "float32", Int64: "int64", Int32: "int32", Uint8: "uint8", Int8: "int8", Bool: "bool",
}

func (t DType) String() string {
	if name, ok := dtypeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("DType(%d)", uint8(t))
}

// Tensor is a constant array in row-major order. A scalar has an empty shape.
type Tensor struct {
	DType DType
	Shape []int
	// Floats holds the elements of a Float32 tensor, Ints those of any other (a Bool is 0 or 1).
	Floats []float32
	Ints   []int64
}

// NewFloats returns a Float32 tensor over data.
func NewFloats(data []float32, shape ...int) *Tensor {
	return &Tensor{DType: Float32, Shape: shape, Floats: data}
}

// NewInts returns an Int64 tensor over data.
func NewInts(data []int64, shape ...int) *Tensor {
	return &Tensor{DType: Int64, Shape: shape, Ints: data}
}

// Vector returns a one-dimensional Int64 tensor of values.
func Vector(values ...int64) *Tensor { return NewInts(values, len(values)) }

// Len is the number of elements.
func (t *Tensor) Len() int {
	if t.DType == Float32 {
		return len(t.Floats)
	}
	return len(t.Ints)
}

// validate reports whether the data fits the shape.
func (t *Tensor) validate() error {
	if _, ok := dtypeNames[t.DType]; !ok {
		return fmt.Errorf("element type %s is not supported", t.DType)
	}
	n, err := Elements(t.Shape)
	if err != nil {
		return err
	}
	if n != t.Len() {
		return fmt.Errorf("has %d elements; its shape %v needs %d", t.Len(), t.Shape, n)
	}
	return nil
}

// maxElements bounds a single tensor: 2³⁰ elements are 4 GiB of float32.
const maxElements = 1 << 30

// Elements is the number of elements of a shape: 1 for a scalar. It is an error if a dimension is negative or the
// product is out of bounds.
func Elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative dimension", shape)
		}
		if d > math.MaxInt32 || n*d > maxElements {
			// A zero elsewhere makes the product zero, but no dimension is believed beyond the bound.
			return 0, fmt.Errorf("shape %v has more than %d elements", shape, maxElements)
		}
		n *= d
	}
	return n, nil
}

// strides are the distances between neighbors along each dimension, in elements, of a row-major array.
func strides(shape []int) []int {
	s := make([]int, len(shape))
	step := 1
	for i, d := range slices.Backward(shape) {
		s[i] = step
		step *= d
	}
	return s
}
