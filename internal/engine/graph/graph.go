// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/conv"
)

// Dynamic is the dimension of a shape that is known only when a batch arrives. Only the first dimension of a graph's
// inputs and outputs may be dynamic.
const Dynamic = -1

// Graph is a feed-forward network. Nodes stand in an order in which every input is produced before it is used.
type Graph struct {
	// Name appears in errors.
	Name string
	// Inputs are fed at each run; Outputs are what a run yields.
	Inputs, Outputs []Value
	Nodes           []*Node
	// Initializers are the constants, by name.
	Initializers map[string]*Tensor

	// prepared are the convolutions that plans share.
	prepared map[preparation]*conv.Prepared
}

// Value describes an input or an output of a Graph.
type Value struct {
	Name  string
	DType DType
	// Shape may have Dynamic as its first dimension. An output's shape is found by Compile and may be nil.
	Shape []int
}

// Node applies an operator.
type Node struct {
	// Name appears in errors; it may be empty.
	Name string
	// Op is the operator's name in the ONNX standard's default domain.
	Op string
	// Inputs and Outputs name values. An empty name is an optional input or output left out.
	Inputs, Outputs []string
	// Attributes hold int64, float32, string, []int64, []float32 or []string.
	Attributes map[string]any

	// fused is what optimize has the node compute beside its operator.
	fused fusion
}

// fusion is what a node computes beside its operator. The zero value is nothing: no graph from outside has another.
type fusion struct {
	// activation is applied to what the node yields.
	activation activation
	// pooling says that a convolution's output goes through 2×2 max pooling with stride 2.
	pooling bool
	// quantized is what a node of 8 bits needs; nil for others.
	quantized *quantizedNode
}

// NodeError says which node of a graph is at fault.
type NodeError struct {
	// Node is the node's name, or that of its first output.
	Node string
	// Op is the node's operator.
	Op string
	// Attribute names the attribute at fault, if it is one.
	Attribute string
	Err       error
}

func (e *NodeError) Error() string {
	if e.Attribute != "" {
		return fmt.Sprintf("node %q (%s): attribute %q: %v", e.Node, e.Op, e.Attribute, e.Err)
	}
	return fmt.Sprintf("node %q (%s): %v", e.Node, e.Op, e.Err)
}

func (e *NodeError) Unwrap() error { return e.Err }

// Title is the node's name, or that of its first output where it has none.
func (n *Node) Title() string {
	if n.Name != "" {
		return n.Name
	}
	for _, output := range n.Outputs {
		if output != "" {
			return output
		}
	}
	return ""
}

// Errorf returns a NodeError about n.
func (n *Node) Errorf(format string, args ...any) error {
	return &NodeError{Node: n.Title(), Op: n.Op, Err: fmt.Errorf(format, args...)}
}

// AttributeErrorf returns a NodeError about an attribute of n.
func (n *Node) AttributeErrorf(attribute, format string, args ...any) error {
	return &NodeError{Node: n.Title(), Op: n.Op, Attribute: attribute, Err: fmt.Errorf(format, args...)}
}
