// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import "slices"

// sinkTransposes moves transpositions behind operators that don't care about the order of dimensions, until they meet one
// that turns it back, and both go. Exporters of TensorFlow, whose images have their channels last, write a pair around each
// convolution, and one at the beginning; moved, they let convolutions take in what comes after them.
func sinkTransposes(g *Graph) {
	if !slices.ContainsFunc(g.Nodes, func(n *Node) bool { return n.Op == "Transpose" }) {
		return
	}
	s := &sinking{g: g, names: takenNames(g), ranks: map[string]int{}, sunk: map[string]transposed{}, written: map[string]bool{}}
	for _, input := range g.Inputs {
		s.ranks[input.Name] = len(input.Shape)
	}
	asTheyAre := map[string]bool{}
	for _, output := range g.Outputs {
		asTheyAre[output.Name] = true
	}
	for _, node := range g.Nodes {
		if slices.ContainsFunc(node.Outputs, func(name string) bool { return asTheyAre[name] }) || !s.sink(node) {
			s.keep(node)
		}
	}
	g.Nodes = s.nodes
}

// sinking is a graph while its transpositions are moved.
type sinking struct {
	g     *Graph
	names nameSet
	nodes []*Node
	// ranks are the numbers of dimensions of values, where they are known for sure.
	ranks map[string]int
	// sunk are values that are transpositions of others, which are computed only where something needs them.
	sunk    map[string]transposed
	written map[string]bool
}

// transposed is source with its dimensions in another order: dimension i is perm[i] of the source's.
type transposed struct {
	source string
	perm   []int
}

// identity reports whether the order is the source's own.
func (t transposed) identity() bool {
	for i, p := range t.perm {
		if i != p {
			return false
		}
	}
	return true
}

// keep takes over a node as it is, after the transpositions that it reads.
func (s *sinking) keep(node *Node) {
	kept := *node
	kept.Inputs = slices.Clone(node.Inputs)
	for i, name := range kept.Inputs {
		kept.Inputs[i] = s.write(name)
	}
	s.nodes = append(s.nodes, &kept)
	if rank := s.rankOf(node); rank > 0 {
		s.ranks[node.Outputs[0]] = rank
	}
}

// rankOf is the number of dimensions of what a node yields; 0 if it isn't known.
func (s *sinking) rankOf(node *Node) int {
	switch {
	case imageOperators[node.Op]:
		return imageRank
	case len(node.Inputs) == 0:
		return 0
	case lookup(node.Op).unary != nil, node.Op == "Pad", node.Op == "BatchNormalization":
		return s.ranks[node.Inputs[0]]
	case !broadcasting[node.Op]:
		return 0
	}
	rank := 0
	for _, name := range node.Inputs {
		known := s.ranks[name]
		if constant := s.g.Initializers[name]; constant != nil {
			known = max(len(constant.Shape), 1)
		}
		if known == 0 {
			return 0
		}
		rank = max(rank, known)
	}
	return rank
}

// imageRank is the number of dimensions of a batch of images, which imageOperators yield.
const imageRank = 4

var imageOperators = map[string]bool{
	"Conv": true, "MaxPool": true, "AveragePool": true, "GlobalAveragePool": true, "GlobalMaxPool": true,
}

// write computes a value that was sunk, if need be, and returns the name to read it by.
func (s *sinking) write(name string) string {
	value, sunk := s.sunk[name]
	switch {
	case !sunk || s.written[name]:
		return name
	case value.identity():
		return value.source
	}
	perm := make([]int64, len(value.perm))
	for i, p := range value.perm {
		perm[i] = int64(p)
	}
	s.written[name] = true
	s.nodes = append(s.nodes, &Node{Name: name, Op: "Transpose", Inputs: []string{value.source}, Outputs: []string{name}, Attributes: map[string]any{"perm": perm}})
	return name
}

// sink computes a node on the sources of transposed inputs, and reports whether that can be done.
func (s *sinking) sink(node *Node) bool {
	if node.Op == "Transpose" {
		return s.sinkTranspose(node)
	}
	if len(node.Outputs) != 1 || len(node.Inputs) == 0 {
		return false
	}
	i := slices.IndexFunc(node.Inputs, func(name string) bool { _, sunk := s.sunk[name]; return sunk })
	if i < 0 {
		return false
	}
	perm := s.sunk[node.Inputs[i]].perm
	var inputs []string
	switch {
	case i == 0 && lookup(node.Op).unary != nil:
		inputs = []string{s.sunk[node.Inputs[0]].source}
		for _, parameter := range node.Inputs[1:] {
			inputs = append(inputs, s.write(parameter))
		}
	case broadcasting[node.Op]:
		inputs = s.sources(node.Inputs, perm)
	case i == 0 && node.Op == "Pad":
		inputs = s.padInputs(node, perm)
	case i == 0 && reductions[node.Op] && node.intAttr("keepdims", 1) == 1:
		inputs = s.reductionInputs(node, perm)
	}
	if inputs == nil {
		return false
	}
	moved := *node
	moved.Name = node.Title()
	moved.Inputs = inputs
	moved.Outputs = []string{s.names.add(node.Outputs[0] + "/sunk")}
	s.nodes = append(s.nodes, &moved)
	s.ranks[moved.Outputs[0]] = len(perm)
	s.ranks[node.Outputs[0]] = len(perm)
	s.sunk[node.Outputs[0]] = transposed{source: moved.Outputs[0], perm: perm}
	return true
}

// sinkTranspose notes a transposition instead of computing it.
func (s *sinking) sinkTranspose(node *Node) bool {
	given, _ := node.Attributes["perm"].([]int64)
	rank, known := s.ranks[node.Inputs[0]]
	if !known || rank != len(given) {
		return false
	}
	if _, err := axes(given, rank); err != nil {
		return false
	}
	value := transposed{source: node.Inputs[0]}
	before, sunk := s.sunk[node.Inputs[0]]
	if sunk {
		value.source = before.source
	}
	for _, p := range given {
		from, _ := axis(p, rank) // it was checked
		if sunk {
			from = before.perm[from]
		}
		value.perm = append(value.perm, from)
	}
	s.sunk[node.Outputs[0]], s.ranks[node.Outputs[0]] = value, rank
	return true
}

// broadcasting are the elementwise operators of several inputs.
var broadcasting = map[string]bool{"Add": true, "Sub": true, "Mul": true, "Div": true, "Max": true, "Min": true, "Sum": true, "Pow": true}

// sources are the inputs of an elementwise operator in the order of dimensions before perm: sources of values that were
// transposed alike, and constants turned back. It is nil if there are others.
func (s *sinking) sources(inputs []string, perm []int) []string {
	turned := make([]string, len(inputs))
	constants := map[int]*Tensor{}
	for i, name := range inputs {
		value, sunk := s.sunk[name]
		constant := s.g.Initializers[name]
		switch {
		case sunk && slices.Equal(value.perm, perm):
			turned[i] = value.source
		case constant == nil || len(constant.Shape) > len(perm) || constant.DType != Float32:
			return nil
		case constant.Len() == 1:
			turned[i] = name
		default:
			constants[i] = constant
		}
	}
	for i, constant := range constants {
		turned[i] = s.names.add(inputs[i] + "/sunk")
		s.g.Initializers[turned[i]] = turnedBack(constant, perm)
	}
	return turned
}

// turnedBack is a constant that broadcasts to a value transposed by perm, for the value before that.
func turnedBack(constant *Tensor, perm []int) *Tensor {
	padded := slices.Concat(slices.Repeat([]int{1}, len(perm)-len(constant.Shape)), constant.Shape)
	from := strides(padded)
	shape, steps := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[p], steps[p] = padded[i], from[i]
	}
	turned := NewFloats(make([]float32, len(constant.Floats)), shape...)
	mv := denseFrom(shape, 0, steps)
	move(&mv, turned.Floats, constant.Floats)
	return turned
}

// padInputs are those of Pad before perm; nil if it can't be moved.
func (s *sinking) padInputs(node *Node, perm []int) []string {
	rank := len(perm)
	pads := s.g.Initializers[node.Inputs[1]]
	if pads == nil || len(pads.Ints) != 2*rank || len(node.Inputs) > 3 && node.Inputs[3] != "" {
		return nil
	}
	turned := make([]int64, 2*rank)
	for i, p := range perm {
		turned[p], turned[rank+p] = pads.Ints[i], pads.Ints[rank+i]
	}
	return s.withInts(node, turned)
}

// reductions are the operators that reduce axes, which their second input names.
var reductions = map[string]bool{"ReduceMean": true, "ReduceMax": true, "ReduceMin": true, "ReduceSum": true}

// reductionInputs are those of a reduction before perm; nil if it can't be moved.
func (s *sinking) reductionInputs(node *Node, perm []int) []string {
	if len(node.Inputs) != 2 {
		return nil
	}
	named := s.g.Initializers[node.Inputs[1]]
	if named == nil || len(named.Ints) == 0 {
		return nil
	}
	if _, err := axes(named.Ints, len(perm)); err != nil {
		return nil
	}
	turned := make([]int64, len(named.Ints))
	for i, v := range named.Ints {
		from, _ := axis(v, len(perm)) // it was checked
		turned[i] = int64(perm[from])
	}
	return s.withInts(node, turned)
}

// withInts are the inputs of a node with the source of the first and other integers as the second.
func (s *sinking) withInts(node *Node, ints []int64) []string {
	inputs := slices.Clone(node.Inputs)
	inputs[0] = s.sunk[node.Inputs[0]].source
	inputs[1] = s.names.add(node.Inputs[1] + "/sunk")
	s.g.Initializers[inputs[1]] = Vector(ints...)
	return inputs
}
