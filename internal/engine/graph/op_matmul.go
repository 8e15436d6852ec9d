// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/dense"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
)

// matMulOperator multiplies stacks of matrices as NumPy's matmul does.
var matMulOperator = &operator{
	minInputs: 2, maxInputs: 2, maxOutputs: 1, heavy: true,
	infer: func(in *instruction) error {
		s, err := in.stacks()
		if err != nil {
			return err
		}
		return in.setOutput(0, Float32, s.out)
	},
	build: func(in *instruction) (run, error) {
		s, err := in.stacks()
		if err != nil {
			return nil, err
		}
		a, b, y := in.inputs[0], in.inputs[1], in.outputs[0]
		return func(m *machine) {
			left, right, out := m.floats(a), m.floats(b), m.floats(y)
			for i := range s.left {
				x, w := left[s.left[i]:], right[s.right[i]:]
				dense.Gemm(m.Workspace, s.m, s.n, s.k, dense.RowMajor(x, s.k), dense.RowMajor(w, s.n), out[i*s.m*s.n:], s.n, false)
			}
		}, nil
	},
}

// stacks are the products that MatMul consists of: m×k matrices at the offsets left times k×n matrices at the offsets
// right.
type stacks struct {
	m, n, k     int
	left, right []int
	out         []int
}

func (in *instruction) stacks() (stacks, error) {
	var s stacks
	if err := in.wantFloats(-1); err != nil {
		return s, err
	}
	a, b := in.inputs[0].shape, in.inputs[1].shape
	if len(a) == 0 || len(b) == 0 {
		return s, in.node.Errorf("a scalar cannot be multiplied")
	}
	// A vector on the left is a row, one on the right a column; neither leaves a dimension behind.
	row, column := len(a) == 1, len(b) == 1
	if row {
		a = []int{1, a[0]}
	}
	if column {
		b = []int{b[0], 1}
	}
	s.m, s.k, s.n = a[len(a)-2], a[len(a)-1], b[len(b)-1]
	if b[len(b)-2] != s.k {
		return s, in.node.Errorf("matrices of shapes %v and %v cannot be multiplied", in.inputs[0].shape, in.inputs[1].shape)
	}
	outerA, outerB := a[:len(a)-2], b[:len(b)-2]
	outer, err := elem.BroadcastShape(outerA, outerB)
	if err != nil {
		return s, in.node.Errorf("matrices of shapes %v and %v cannot be multiplied", in.inputs[0].shape, in.inputs[1].shape)
	}
	s.out = slices.Clone(outer)
	if !row {
		s.out = append(s.out, s.m)
	}
	if !column {
		s.out = append(s.out, s.n)
	}
	count, err := Elements(outer)
	if err != nil {
		return s, err
	}
	if len(outerB) == 0 {
		// One matrix on the right: the rows of all on the left are one matrix.
		s.m *= count
		count, outer, outerA = 1, nil, nil
	}
	if count > maxCopies {
		return s, in.node.Errorf("consists of %d products; at most %d are supported", count, maxCopies)
	}
	s.left = offsets(outerA, outer, s.m*s.k)
	s.right = offsets(outerB, outer, s.k*s.n)
	return s, nil
}

// offsets are the places of the matrices, of size elements each, of a stack of a shape that is read as one of the shape
// that it broadcasts to.
func offsets(shape, to []int, size int) []int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	list := make([]int, n)
	for i := range list {
		list[i] = i * size
	}
	return spread(list, shape, to)
}
