// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	onnxgo "github.com/owulveryck/onnx-go"
	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/iterator"
	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// buildNodes has onnx-go decode the normalized nodes into a Backend and gives the operators that it yields their names
// back, which onnx-go does not carry.
//
// The nodes were decoded before, into our own types, and are encoded for onnx-go to decode them again. There is no shorter
// way to it: its types are internal and its only entry takes bytes. Nor could it have the file's own bytes, for opset, names,
// weights and inputs that are left out must be read, checked and normalized before it, in types that carry them. What
// goes this way is the nodes alone, without weights: 30 kB for ResNet-50, whose file has 100 MB.
func buildNodes(nodes []*onnxpb.NodeProto, target *graph.Graph) ([]*graph.Node, error) {
	if len(nodes) == 0 {
		return nil, errors.New("the graph has no nodes")
	}
	bare := &onnxpb.ModelProto{Graph: &onnxpb.GraphProto{Node: nodes}}
	for _, input := range target.Inputs {
		bare.Graph.Input = append(bare.Graph.Input, &onnxpb.ValueInfoProto{Name: input.Name})
	}
	for _, output := range target.Outputs {
		bare.Graph.Output = append(bare.Graph.Output, &onnxpb.ValueInfoProto{Name: output.Name})
	}
	encoded, err := proto.Marshal(bare)
	if err != nil {
		return nil, fmt.Errorf("encode the normalized graph: %w", err)
	}
	backend := NewBackend()
	if err := unmarshal(onnxgo.NewModel(backend), encoded); err != nil {
		return nil, err
	}
	operations := backend.Operations()
	for i, operation := range operations {
		operation.Name = nodes[i].GetName()
	}
	return operations, nil
}

// unmarshal runs onnx-go's decoder. What reaches it has been checked; should it panic all the same, that is an error.
func unmarshal(model *onnxgo.Model, encoded []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("onnx-go cannot decode the graph: %v", r)
		}
	}()
	if err := model.UnmarshalBinary(encoded); err != nil {
		return fmt.Errorf("onnx-go cannot decode the graph: %w", err)
	}
	return nil
}

// Backend is where the engine plugs into onnx-go: its decoder builds the model's graph here, a node for each value and
// an edge from each output of an operator to each of its inputs, and names the operators by ApplyOperation.
//
// Unlike gonum's own graphs, a Backend keeps parallel edges, so that an operator may use one value twice, and takes the
// value named "" for what ONNX means by it: an optional input or output left out.
type Backend struct {
	values     []*value
	operations []*graph.Node
}

var _ onnxgo.Backend = (*Backend)(nil)

// NewBackend returns an empty Backend for one model.
func NewBackend() *Backend { return &Backend{} }

// Operations are the operators applied so far, in the order of the model.
func (b *Backend) Operations() []*graph.Node { return b.operations }

// ApplyOperation records that operation computes outputs from the values that they have edges to.
func (b *Backend) ApplyOperation(operation onnxgo.Operation, outputs ...gonum.Node) error {
	node := &graph.Node{Op: operation.Name, Attributes: operation.Attributes}
	for _, output := range outputs {
		v, err := b.value(output)
		if err != nil {
			return fmt.Errorf("operator %s: %w", operation.Name, err)
		}
		node.Outputs = append(node.Outputs, v.name)
		if v.name != "" && node.Inputs == nil {
			slices.SortStableFunc(v.edges, func(a, b edge) int { return cmp.Compare(a.weight, b.weight) })
			for _, e := range v.edges {
				node.Inputs = append(node.Inputs, e.to.name)
			}
		}
	}
	b.operations = append(b.operations, node)
	return nil
}

// value is n as a node of this Backend.
func (b *Backend) value(n gonum.Node) (*value, error) {
	v, ok := n.(*value)
	if !ok || b.Node(v.id) != n {
		return nil, fmt.Errorf("node %v belongs to another graph", n)
	}
	return v, nil
}

// value is a tensor of the model, as a node of the graph.
type value struct {
	id    int64
	name  string
	edges []edge
}

var _ onnxgo.Namer = (*value)(nil)

func (v *value) ID() int64           { return v.id }
func (v *value) SetName(name string) { v.name = name }
func (v *value) GetName() string     { return v.name }

// edge leads from an output of an operator to the input whose position is its weight.
type edge struct {
	from, to *value
	weight   float64
}

func (e edge) From() gonum.Node         { return e.from }
func (e edge) To() gonum.Node           { return e.to }
func (e edge) Weight() float64          { return e.weight }
func (e edge) ReversedEdge() gonum.Edge { return edge{from: e.to, to: e.from, weight: e.weight} }

// What follows makes a Backend a gonum graph.DirectedWeightedBuilder.

// NewNode returns a node that is not yet in the graph.
func (b *Backend) NewNode() gonum.Node { return &value{id: int64(len(b.values))} }

// AddNode adds a node that NewNode returned last.
func (b *Backend) AddNode(n gonum.Node) {
	v, ok := n.(*value)
	if !ok || v.id != int64(len(b.values)) {
		panic(fmt.Sprintf("onnx: node %v was not made by NewNode of this Backend", n))
	}
	b.values = append(b.values, v)
}

// NewWeightedEdge returns an edge that is not yet in the graph.
func (b *Backend) NewWeightedEdge(from, to gonum.Node, weight float64) gonum.WeightedEdge {
	return edge{from: from.(*value), to: to.(*value), weight: weight}
}

// SetWeightedEdge adds an edge, beside those that join the same nodes already.
func (b *Backend) SetWeightedEdge(e gonum.WeightedEdge) {
	from := e.From().(*value)
	from.edges = append(from.edges, edge{from: from, to: e.To().(*value), weight: e.Weight()})
}

// Node returns the node with the given ID, or nil.
func (b *Backend) Node(id int64) gonum.Node {
	if id < 0 || id >= int64(len(b.values)) {
		return nil
	}
	return b.values[id]
}

// Nodes returns all nodes.
func (b *Backend) Nodes() gonum.Nodes {
	nodes := make([]gonum.Node, len(b.values))
	for i, v := range b.values {
		nodes[i] = v
	}
	return iterator.NewOrderedNodes(nodes)
}

// From returns the inputs of the operator that yields the node, each once.
func (b *Backend) From(id int64) gonum.Nodes {
	return b.neighbors(func(v *value) bool { return b.HasEdgeFromTo(id, v.id) })
}

// To returns the outputs of the operators that use the node.
func (b *Backend) To(id int64) gonum.Nodes {
	return b.neighbors(func(v *value) bool { return b.HasEdgeFromTo(v.id, id) })
}

func (b *Backend) neighbors(of func(*value) bool) gonum.Nodes {
	var nodes []gonum.Node
	for _, v := range b.values {
		if of(v) {
			nodes = append(nodes, v)
		}
	}
	return iterator.NewOrderedNodes(nodes)
}

// HasEdgeBetween reports whether an edge joins the nodes, in either direction.
func (b *Backend) HasEdgeBetween(x, y int64) bool {
	return b.HasEdgeFromTo(x, y) || b.HasEdgeFromTo(y, x)
}

// HasEdgeFromTo reports whether an edge leads from one node to the other.
func (b *Backend) HasEdgeFromTo(from, to int64) bool { return b.Edge(from, to) != nil }

// Edge returns the first edge from one node to the other, or nil.
func (b *Backend) Edge(from, to int64) gonum.Edge {
	if b.Node(from) == nil {
		return nil
	}
	for _, e := range b.values[from].edges {
		if e.to.id == to {
			return e
		}
	}
	return nil
}
