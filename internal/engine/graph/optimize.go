// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"maps"
	"slices"
)

// optimize rewrites a checked graph, before its batch size is known, so that all plans share what it yields: nodes whose
// inputs are all constant become constants, batch normalization moves into the convolution before it, and activations
// behind max pooling and into what computes their input. Before that, what can compute with 8 bits is fused. Initializers that are no longer needed go.
func optimize(g *Graph, options Options) error {
	fuseQuantized(g)
	if err := foldConstants(g, options); err != nil {
		return err
	}
	sinkTransposes(g)
	foldBatchNormalization(g)
	fuseHardSwish(g)
	foldScaling(g)
	fuseSiLU(g)
	delayActivations(g)
	fuseActivations(g)
	fusePooling(g)
	keepUsed(g)
	return nil
}

// foldConstants replaces nodes that do not depend on an input by their results.
func foldConstants(g *Graph, options Options) error {
	c := newCompiler(options)
	c.addConstants(g.Initializers)
	var left []*Node
	for _, node := range g.Nodes {
		if lookup(node.Op).heavy || slices.ContainsFunc(node.Inputs, func(name string) bool { return name != "" && c.values[name] == nil }) {
			left = append(left, node)
			continue
		}
		in, err := c.instruction(node)
		if err != nil {
			return err
		}
		for _, output := range in.outputs {
			g.Initializers[output.name] = output.constant
		}
	}
	g.Nodes = left
	return nil
}

// keepUsed drops initializers that no node reads.
func keepUsed(g *Graph) {
	used := map[string]bool{}
	for _, node := range g.Nodes {
		for _, name := range node.Inputs {
			used[name] = true
		}
	}
	for _, output := range g.Outputs {
		used[output.Name] = true
	}
	maps.DeleteFunc(g.Initializers, func(name string, _ *Tensor) bool { return !used[name] })
}

// onlyReader returns for each value that exactly one node reads, and that is no output of the graph, that node.
func onlyReader(g *Graph) map[string]*Node {
	readers := map[string]*Node{}
	counts := map[string]int{}
	for _, node := range g.Nodes {
		for _, name := range node.Inputs {
			readers[name] = node
			counts[name]++
		}
	}
	for _, output := range g.Outputs {
		delete(readers, output.Name)
	}
	maps.DeleteFunc(readers, func(name string, _ *Node) bool { return counts[name] != 1 })
	return readers
}

// foldBatchNormalization lets convolutions do what the batch normalizations after them would.
func foldBatchNormalization(g *Graph) {
	foldIntoConvolutions(g, func(g *Graph, conv, next *Node) (weights, bias *Tensor) {
		return NormalizedConvolution(nodeIn{g, conv}, nodeIn{g, next})
	})
}

// nodeIn is a node of a graph as folding sees it.
type nodeIn struct {
	graph *Graph
	node  *Node
}

// Operator is part of NodeView.
func (n nodeIn) Operator() string { return n.node.Op }

// InputNames is part of NodeView.
func (n nodeIn) InputNames() []string { return n.node.Inputs }

// OutputNames is part of NodeView.
func (n nodeIn) OutputNames() []string { return n.node.Outputs }

// Constant is part of NodeView.
func (n nodeIn) Constant(i int) *Tensor {
	if i >= len(n.node.Inputs) {
		return nil
	}
	return n.graph.Initializers[n.node.Inputs[i]]
}

// Float is part of NodeView.
func (n nodeIn) Float(name string, byDefault float32) float32 {
	return n.node.floatAttr(name, byDefault)
}

// foldIntoConvolutions folds into each convolution the one operator that reads it, where weightsOf returns the weights and
// the bias of a convolution that does both, and reports whether it has folded any.
func foldIntoConvolutions(g *Graph, weightsOf func(g *Graph, conv, next *Node) (weights, bias *Tensor)) bool {
	readers, names := onlyReader(g), takenNames(g)
	fused, dropped := map[*Node]*Node{}, map[*Node]bool{}
	for _, conv := range g.Nodes {
		if conv.Op != "Conv" {
			continue
		}
		next := readers[conv.Outputs[0]]
		if next == nil {
			continue
		}
		weights, bias := weightsOf(g, conv, next)
		if weights == nil {
			continue
		}
		folded := *conv
		folded.Name = conv.Title()
		folded.Inputs = []string{conv.Inputs[0], names.add(next.Outputs[0] + ".weights"), names.add(next.Outputs[0] + ".bias")}
		g.Initializers[folded.Inputs[1]], g.Initializers[folded.Inputs[2]] = weights, bias
		folded.Outputs = next.Outputs
		fused[conv], dropped[next] = &folded, true
	}
	replace(g, fused, dropped)
	return len(fused) > 0
}

// fuseSiLU replaces x·Sigmoid(x), which exporters write for SiLU, by one node.
func fuseSiLU(g *Graph) {
	readers := onlyReader(g)
	fused := map[*Node]*Node{}
	dropped := map[*Node]bool{}
	for _, sigmoid := range g.Nodes {
		if sigmoid.Op != "Sigmoid" {
			continue
		}
		x, y := sigmoid.Inputs[0], sigmoid.Outputs[0]
		mul := readers[y]
		if mul == nil || mul.Op != "Mul" || !slices.Equal(mul.Inputs, []string{x, y}) && !slices.Equal(mul.Inputs, []string{y, x}) {
			continue
		}
		fused[mul] = &Node{Name: mul.Title(), Op: siluOperator, Inputs: []string{x}, Outputs: mul.Outputs}
		dropped[sigmoid] = true
	}
	replace(g, fused, dropped)
}

// delayActivations lets max pooling come before an activation that never falls as its input grows: the result is the same
// and the activation has fewer elements to work on.
func delayActivations(g *Graph) {
	readers := onlyReader(g)
	replaced := map[*Node]*Node{}
	for _, act := range g.Nodes {
		pool := readers[act.Outputs[0]]
		if pool == nil || pool.Op != "MaxPool" || act.Op != "Relu" && act.Op != "Clip" {
			continue
		}
		first, second := *pool, *act
		first.Name, second.Name = pool.Title(), act.Title()
		first.Inputs, first.Outputs = act.Inputs[:1], act.Outputs
		second.Inputs, second.Outputs = slices.Concat(act.Outputs, act.Inputs[1:]), pool.Outputs
		replaced[act], replaced[pool] = &first, &second
	}
	replace(g, replaced, nil)
}

// replace puts other nodes in the place of some and drops others.
func replace(g *Graph, others map[*Node]*Node, dropped map[*Node]bool) {
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *Node) bool { return dropped[n] })
	for i, node := range g.Nodes {
		if other := others[node]; other != nil {
			g.Nodes[i] = other
		}
	}
}

// fusible are the operators that apply an activation to their output in place.
var fusible = map[string]bool{"Add": true, "Conv": true, "Gemm": true, "MaxPool": true}

// fuseActivations lets the node that computes an activation's input apply it in place.
func fuseActivations(g *Graph) {
	readers := onlyReader(g)
	fusedNodes := map[*Node]*Node{}
	dropped := map[*Node]bool{}
	for _, node := range g.Nodes {
		reader := readers[node.Outputs[0]]
		if !fusible[node.Op] || reader == nil {
			continue
		}
		a := activationOf(g, reader)
		if !a.set {
			continue
		}
		fused := *node
		fused.Name = node.Title()
		fused.fused.activation = a
		fused.Outputs = reader.Outputs
		fusedNodes[node], dropped[reader] = &fused, true
	}
	replace(g, fusedNodes, dropped)
}

// activationOf is the activation that a node applies to its first input, if it is one.
func activationOf(g *Graph, node *Node) activation {
	function := lookup(node.Op).unary
	if function == nil {
		return activation{}
	}
	alpha, beta, err := function.parameters(node, func(i int) (*Tensor, error) { return g.constantInput(node, i) })
	if err != nil {
		return activation{} // what is wrong with it is said when it is compiled
	}
	return activation{set: true, op: function.op, alpha: alpha, beta: beta}
}

// constantInput is the content of a node's i-th input; nil if it is left out, an error if it is no constant.
func (g *Graph) constantInput(node *Node, i int) (*Tensor, error) {
	if i >= len(node.Inputs) || node.Inputs[i] == "" {
		return nil, nil
	}
	t := g.Initializers[node.Inputs[i]]
	if t == nil {
		return nil, node.Errorf("input %d is no constant", i)
	}
	return t, nil
}

// nameSet are the names of a graph's values.
type nameSet map[string]bool

func takenNames(g *Graph) nameSet {
	names := nameSet{}
	for name := range g.Initializers {
		names[name] = true
	}
	for _, input := range g.Inputs {
		names[input.Name] = true
	}
	for _, node := range g.Nodes {
		for _, output := range node.Outputs {
			names[output] = true
		}
	}
	return names
}

// add adds a name made from base that was not in the set, and returns it.
func (s nameSet) add(base string) string {
	for s[base] {
		base += "'"
	}
	s[base] = true
	return base
}
