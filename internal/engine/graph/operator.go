// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/quantized"
)

// operator is what the compiler knows of an operator.
type operator struct {
	// minInputs of at most maxInputs inputs are required; maxInputs 0 means any number.
	minInputs, maxInputs int
	// maxOutputs is the number of outputs; 0 means any number, each required.
	maxOutputs int
	attributes kinds
	// infer checks an instruction and describes its outputs. It may give an output its value, which folds the
	// instruction away, or declare it a view of the first input.
	infer func(*instruction) error
	// fold computes the outputs when all inputs are constant and build cannot: there is none, or the first input or an
	// output is not float32.
	fold func(*instruction) error
	// build returns what computes the outputs at run time; nil if the operator is only supported on constants, or always
	// a view.
	build func(*instruction) (run, error)
	// fill is the value of the elements that a mover does not copy; nil if it copies all.
	fill func(*instruction) (float32, error)
	// heavy marks operators that are not computed at compile time when all inputs are constant.
	heavy bool
	// unary is the function of an elementwise operator of one input, or nil.
	unary *unary
	// quantized marks the operator whose output is of 8 bits at run time.
	quantized bool
}

// run does an instruction's work on the buffers of m.
type run func(m *machine)

// kind is the type of an attribute.
type kind uint8

const (
	intKind kind = iota + 1
	floatKind
	stringKind
	intsKind
	floatsKind
)

var kindNames = map[kind]string{
	intKind: "int", floatKind: "float", stringKind: "string", intsKind: "ints", floatsKind: "floats",
}

// kinds are the attributes that an operator may have.
type kinds map[string]kind

func kindOf(attribute any) kind {
	switch attribute.(type) {
	case int64:
		return intKind
	case float32:
		return floatKind
	case string:
		return stringKind
	case []int64:
		return intsKind
	case []float32:
		return floatsKind
	default:
		return 0
	}
}

// Operators lists the operators that Compile supports, in alphabetical order.
func Operators() []string {
	names := make([]string, 0, len(operators))
	for name := range operators {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// lookup returns the operator of a node, or nil.
func lookup(name string) *operator {
	if op := operators[name]; op != nil {
		return op
	}
	return fusedOperators[name]
}

// checkNode checks a node's operator, its number of inputs and outputs, and its attributes' names and types.
func checkNode(node *Node) error {
	op, ok := operators[node.Op]
	if !ok {
		return node.Errorf("the operator is not supported")
	}
	if n := len(node.Inputs); op.maxInputs > 0 && n > op.maxInputs {
		return node.Errorf("has %d inputs; at most %d are supported", n, op.maxInputs)
	}
	for i := range op.minInputs {
		if i >= len(node.Inputs) || node.Inputs[i] == "" {
			return node.Errorf("input %d is missing", i)
		}
	}
	if len(node.Outputs) == 0 || op.maxOutputs > 0 && len(node.Outputs) > op.maxOutputs {
		return node.Errorf("has %d outputs; from 1 to %d are supported", len(node.Outputs), op.maxOutputs)
	}
	if slices.Contains(node.Outputs, "") {
		return node.Errorf("an output has no name")
	}
	for _, name := range slices.Sorted(maps.Keys(node.Attributes)) {
		attribute := node.Attributes[name]
		want, known := op.attributes[name]
		if !known {
			return node.AttributeErrorf(name, "is not supported")
		}
		if kindOf(attribute) != want {
			return node.AttributeErrorf(name, "must be of type %s, is %T", kindNames[want], attribute)
		}
	}
	return nil
}

// instruction is a node in a plan: its inputs have known shapes.
type instruction struct {
	node *Node
	op   *operator
	// compiler is the one that compiles the instruction.
	compiler *compiler
	// inputs and outputs are in the node's order; an input left out is nil.
	inputs, outputs []*value
	// scratch is memory that the instruction needs beside its outputs, or nil.
	scratch *value
	// view says that the output is the first input's buffer under another shape.
	view bool
	// sum is the Add that a convolution computes too, or nil.
	sum *instruction
	// expansion is what the instruction computes if it is two convolutions, or nil; the first input is the first one's.
	expansion *expansion
}

// value is a tensor of a plan.
type value struct {
	name  string
	dtype DType
	shape []int
	// constant is the tensor's content if the compiler knows it.
	constant *Tensor
	// viewOf is the value whose buffer this one shares.
	viewOf *value
	// offset is the place in the machine's memory, of the value that owns the buffer.
	offset int
	// lastUse is the position of the last instruction that reads the buffer.
	lastUse int
}

// owner is the value whose buffer holds v.
func (v *value) owner() *value {
	for v.viewOf != nil {
		v = v.viewOf
	}
	return v
}

// size is the number of elements; of a packed value, that of the floats it takes.
func (v *value) size() int {
	if v.dtype == packed {
		return quantized.ImageLen(imageShape(v.shape)) / floatBytes
	}
	n := 1
	for _, d := range v.shape {
		n *= d
	}
	return n
}

// written are the values that the instruction writes.
func (in *instruction) written() []*value {
	if in.scratch == nil {
		return in.outputs
	}
	return slices.Concat(in.outputs, []*value{in.scratch})
}

// buffers are the values that the instruction reads or writes.
func (in *instruction) buffers() []*value {
	return slices.DeleteFunc(slices.Concat(in.inputs, in.written()), func(v *value) bool { return v == nil })
}

// input is the i-th input, or nil if it is left out.
func (in *instruction) input(i int) *value {
	if i >= len(in.inputs) {
		return nil
	}
	return in.inputs[i]
}

// setOutput describes the i-th output.
func (in *instruction) setOutput(i int, dtype DType, shape []int) error {
	if _, err := Elements(shape); err != nil {
		return in.node.Errorf("output: %w", err)
	}
	in.outputs[i].dtype, in.outputs[i].shape = dtype, shape
	return nil
}

// setConstant gives the i-th output its value.
func (in *instruction) setConstant(i int, t *Tensor) error {
	in.outputs[i].constant = t
	return in.setOutput(i, t.DType, t.Shape)
}

// setView declares the output to be the first input under another shape.
func (in *instruction) setView(shape []int) error {
	x := in.inputs[0]
	n, err := Elements(shape)
	if err != nil {
		return in.node.Errorf("output: %w", err)
	}
	if n != x.size() {
		return in.node.Errorf("shape %v does not hold the %d elements of shape %v", shape, x.size(), x.shape)
	}
	if x.constant != nil {
		return in.setConstant(0, &Tensor{DType: x.dtype, Shape: shape, Floats: x.constant.Floats, Ints: x.constant.Ints})
	}
	in.view = true
	in.outputs[0].viewOf = x
	return in.setOutput(0, x.dtype, shape)
}

// wantFloats checks that the first n inputs that are not left out are float32 tensors; n < 0 means all.
func (in *instruction) wantFloats(n int) error {
	for i, x := range in.inputs {
		if x != nil && (n < 0 || i < n) && x.dtype != Float32 {
			return in.node.Errorf("input %d is %s; only float32 is supported", i, x.dtype)
		}
	}
	return nil
}

// wantRank checks the number of dimensions of the i-th input.
func (in *instruction) wantRank(i, rank int) error {
	if got := len(in.inputs[i].shape); got != rank {
		return in.node.Errorf("input %d has %d dimensions; only %d are supported", i, got, rank)
	}
	return nil
}

// constantInput is the content of the i-th input, which must be known when the model is compiled; nil if it is left out.
func (in *instruction) constantInput(i int) (*Tensor, error) {
	x := in.input(i)
	if x == nil {
		return nil, nil
	}
	if x.constant == nil {
		return nil, in.node.Errorf("input %d is computed from the model's input; only a constant is supported", i)
	}
	return x.constant, nil
}

// constantInts is the content of the i-th input, a list of integers; nil if it is left out.
func (in *instruction) constantInts(i int) ([]int64, error) {
	t, err := in.constantInput(i)
	if t == nil || err != nil {
		return nil, err
	}
	if t.DType == Float32 {
		return nil, in.node.Errorf("input %d is float32; it must be a list of integers", i)
	}
	return t.Ints, nil
}

// Attributes of an instruction's node.

func (in *instruction) intAttr(name string, byDefault int64) int64 {
	return in.node.intAttr(name, byDefault)
}

func (in *instruction) floatAttr(name string, byDefault float32) float32 {
	return in.node.floatAttr(name, byDefault)
}

func (in *instruction) stringAttr(name, byDefault string) string {
	return in.node.stringAttr(name, byDefault)
}

func (in *instruction) intsAttr(name string, n, byDefault int) ([]int, error) {
	return in.node.intsAttr(name, n, byDefault)
}

// axis brings an axis, which counts from the end if it is negative, into [0, rank).
func axis(v int64, rank int) (int, error) {
	if v < 0 {
		v += int64(rank)
	}
	if v < 0 || v >= int64(rank) {
		return 0, fmt.Errorf("axis is out of range for %d dimensions", rank)
	}
	return int(v), nil
}

// axes brings several axes, each named once, into [0, rank).
func axes(list []int64, rank int) ([]bool, error) {
	set := make([]bool, rank)
	for _, v := range list {
		i, err := axis(v, rank)
		if err != nil {
			return nil, err
		}
		if set[i] {
			return nil, errors.New("an axis is named twice")
		}
		set[i] = true
	}
	return set, nil
}
