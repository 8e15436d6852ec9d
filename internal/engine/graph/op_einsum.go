// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/dense"
)

// einsumOperator multiplies two arrays, or transposes one, as an equation says: "bhid,bhjd->bhij". Every label of an input
// is in the output or in both inputs, and in each of them once, so that it is a stack of matrix products.
var einsumOperator = &operator{
	minInputs: 1, maxInputs: 2, maxOutputs: 1, heavy: true,
	attributes: kinds{"equation": stringKind},
	infer: func(in *instruction) error {
		e, err := in.einsum()
		if err != nil {
			return err
		}
		in.scratch = &value{dtype: Float32, shape: []int{e.scratch()}}
		return in.setOutput(0, Float32, e.shape(e.output))
	},
	build: func(in *instruction) (run, error) {
		e, err := in.einsum()
		if err != nil {
			return nil, err
		}
		return e.build(in), nil
	},
}

// einsum is an equation with the sizes of its labels.
type einsum struct {
	// inputs and output are the labels of each array, a byte a dimension.
	inputs []string
	output string
	sizes  map[byte]int
	// stack, rows, columns and inner are the labels that both inputs and the output have, the first and the output, the
	// second and the output, and both inputs.
	stack, rows, columns, inner string
}

// einsum reads the equation and checks it against the inputs.
func (in *instruction) einsum() (*einsum, error) {
	if err := in.wantFloats(-1); err != nil {
		return nil, err
	}
	text := in.stringAttr("equation", "")
	e := &einsum{sizes: map[byte]int{}}
	left, right, explicit := strings.Cut(strings.ReplaceAll(text, " ", ""), "->")
	e.inputs = strings.Split(left, ",")
	if len(e.inputs) != len(in.inputs) || slices.Contains(in.inputs, nil) {
		return nil, in.node.AttributeErrorf("equation", "%q is for %d inputs; the node has %d", text, len(e.inputs), len(in.inputs))
	}
	if e.output = right; !explicit {
		e.output = implicitOutput(e.inputs)
	}
	for _, labels := range append(slices.Clone(e.inputs), e.output) {
		if !distinctLetters(labels) {
			return nil, in.node.AttributeErrorf("equation", "%q is not supported; only letters are, each once in an input", text)
		}
	}
	for i, labels := range e.inputs {
		if err := in.wantRank(i, len(labels)); err != nil {
			return nil, err
		}
		for d, size := range in.inputs[i].shape {
			if known, ok := e.sizes[labels[d]]; ok && known != size {
				return nil, in.node.Errorf("label %q of equation %q stands for %d and for %d", labels[d], text, known, size)
			}
			e.sizes[labels[d]] = size
		}
	}
	if !e.classify() {
		return nil, in.node.AttributeErrorf("equation", "%q is not supported; every label must be in the output or in both inputs", text)
	}
	if volume(e.shape(e.stack)) > maxCopies {
		return nil, in.node.Errorf("consists of %d products; at most %d are supported", volume(e.shape(e.stack)), maxCopies)
	}
	return e, nil
}

// implicitOutput are the labels that stand once in all inputs, in alphabetical order.
func implicitOutput(inputs []string) string {
	all := strings.Join(inputs, "")
	var labels []byte
	for _, label := range []byte(all) {
		if strings.Count(all, string(label)) == 1 {
			labels = append(labels, label)
		}
	}
	slices.Sort(labels)
	return string(labels)
}

// distinctLetters reports whether labels are letters, none of them twice.
func distinctLetters(labels string) bool {
	for i, label := range []byte(labels) {
		if (label|0x20 < 'a' || label|0x20 > 'z') || strings.IndexByte(labels[:i], label) >= 0 {
			return false
		}
	}
	return true
}

// classify sorts the labels by where they stand and reports whether that makes a stack of products.
func (e *einsum) classify() bool {
	first, second := e.inputs[0], ""
	if len(e.inputs) == 2 {
		second = e.inputs[1]
	}
	has := func(labels string, label byte) bool { return strings.IndexByte(labels, label) >= 0 }
	for _, label := range []byte(first) {
		switch {
		case has(second, label) && has(e.output, label):
			e.stack += string(label)
		case has(e.output, label):
			e.rows += string(label)
		case has(second, label):
			e.inner += string(label)
		default:
			return false
		}
	}
	for _, label := range []byte(second) {
		if !has(first, label) {
			if !has(e.output, label) {
				return false
			}
			e.columns += string(label)
		}
	}
	return len(e.output) == len(e.stack)+len(e.rows)+len(e.columns)
}

// shape are the sizes of labels.
func (e *einsum) shape(labels string) []int {
	shape := make([]int, len(labels))
	for i, label := range []byte(labels) {
		shape[i] = e.sizes[label]
	}
	return shape
}

// arrangement moves an array of some labels into one of others.
func (e *einsum) arrangement(from, to string) movement {
	steps := strides(e.shape(from))
	source := make([]int, len(to))
	for i, label := range []byte(to) {
		source[i] = steps[strings.IndexByte(from, label)]
	}
	return denseFrom(e.shape(to), 0, source)
}

// scratch is the memory for both inputs and the output in the order of the products, or less where that is their own.
func (e *einsum) scratch() int {
	if len(e.inputs) == 1 {
		return 0
	}
	size := 0
	for _, pair := range e.arrangements() {
		if pair[0] != pair[1] {
			size += volume(e.shape(pair[0]))
		}
	}
	return size
}

// arrangements are the labels of both inputs and the output as they are and as the products take them. The right-hand
// matrices may be transposed.
func (e *einsum) arrangements() [3][2]string {
	right := e.stack + e.inner + e.columns
	if transposed := e.stack + e.columns + e.inner; e.inputs[1] == transposed {
		right = transposed
	}
	return [3][2]string{
		{e.inputs[0], e.stack + e.rows + e.inner}, {e.inputs[1], right}, {e.output, e.stack + e.rows + e.columns},
	}
}

func (e *einsum) build(in *instruction) run {
	y := in.outputs[0]
	if len(e.inputs) == 1 {
		x, mv := in.inputs[0], e.arrangement(e.inputs[0], e.output)
		return func(m *machine) { move(&mv, m.floats(y), m.floats(x)) }
	}
	count, rows, columns, inner := volume(e.shape(e.stack)), volume(e.shape(e.rows)), volume(e.shape(e.columns)), volume(e.shape(e.inner))
	places := e.arrangements()
	transposed := places[1][1] == e.stack+e.columns+e.inner
	var moves [3]movement
	for i, place := range places[:2] {
		moves[i] = e.arrangement(place[0], place[1])
	}
	moves[2] = e.arrangement(places[2][1], places[2][0])
	scratch := in.scratch
	return func(m *machine) {
		free := m.floats(scratch)
		take := func(size int) []float32 {
			taken := free[:size]
			free = free[size:]
			return taken
		}
		var operands [2][]float32
		for i := range operands {
			operands[i] = m.floats(in.inputs[i])
			if places[i][0] != places[i][1] {
				arranged := take(len(operands[i]))
				move(&moves[i], arranged, operands[i])
				operands[i] = arranged
			}
		}
		product := m.floats(y)
		if places[2][0] != places[2][1] {
			product = take(len(product))
		}
		for i := range count {
			right := dense.RowMajor(operands[1][i*inner*columns:], columns)
			if transposed {
				right = dense.RowMajor(operands[1][i*inner*columns:], inner).T()
			}
			dense.Gemm(m.Workspace, rows, columns, inner, dense.RowMajor(operands[0][i*rows*inner:], inner), right, product[i*rows*columns:], columns, false)
		}
		if places[2][0] != places[2][1] {
			move(&moves[2], m.floats(y), product)
		}
	}
}
