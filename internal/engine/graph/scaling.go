// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"math"
	"slices"
)

// foldScaling lets convolutions multiply by, and add, constants for each channel that come after them: what is left of a
// batch normalization that an exporter has spelled out.
func foldScaling(g *Graph) {
	for foldIntoConvolutions(g, scaledWeights) {
	}
}

// scaledWeights returns the weights and the bias of a convolution that does what the operator after it does too, or nil if
// that is no product with, or sum of, a constant for each channel.
func scaledWeights(g *Graph, conv, next *Node) (weights, bias *Tensor) {
	filters := g.Initializers[conv.Inputs[1]]
	if filters == nil || len(filters.Shape) != 4 || len(next.Inputs) != 2 {
		return nil, nil
	}
	constant := g.Initializers[next.Inputs[1]]
	if next.Inputs[1] == conv.Outputs[0] {
		constant = g.Initializers[next.Inputs[0]]
	}
	channels := filters.Shape[0]
	values := perChannel(constant, channels)
	if values == nil {
		return nil, nil
	}
	ones, zeros := NewFloats(slices.Repeat([]float32{1}, channels), channels), NewFloats(make([]float32, channels), channels)
	norm := batchNormalization{scale: ones, shift: zeros, mean: zeros, variance: ones}
	switch next.Op {
	case "Mul":
		norm.scale = values
	case "Add":
		norm.shift = values
	default:
		return nil, nil
	}
	return convolutionOf(nodeIn{g, conv}).with(norm)
}

// perChannel is a constant that broadcasts over the channels of images, a number for each; nil if it is another.
func perChannel(constant *Tensor, channels int) *Tensor {
	if constant == nil || constant.DType != Float32 {
		return nil
	}
	if constant.Len() == 1 && len(constant.Shape) <= imageRank {
		return NewFloats(slices.Repeat(constant.Floats, channels), channels)
	}
	shape := constant.Shape
	if len(shape) == imageRank && shape[0] == 1 {
		shape = shape[1:]
	}
	if !slices.Equal(shape, []int{channels, 1, 1}) {
		return nil
	}
	return NewFloats(constant.Floats, channels)
}

// fuseHardSwish replaces x·Clip(x+3, 0, 6)/6, which exporters write where their own framework has it so, by one node.
func fuseHardSwish(g *Graph) {
	readers, producers := onlyReader(g), map[string]*Node{}
	for _, node := range g.Nodes {
		producers[node.Outputs[0]] = node
	}
	fused, dropped := map[*Node]*Node{}, map[*Node]bool{}
	for _, product := range g.Nodes {
		sixth, x := operands(product, "Mul", func(n string) bool { return constantNear(g, producers[n], "Mul", 1./6) })
		if sixth == "" || readers[sixth] != product {
			continue
		}
		clipped, _ := operands(producers[sixth], "Mul", func(n string) bool { return isClip(g, producers[n], 0, 6) })
		if clipped == "" || readers[clipped] != producers[sixth] {
			continue
		}
		sum := producers[producers[clipped].Inputs[0]]
		if !constantNear(g, sum, "Add", 3) || readers[sum.Outputs[0]] != producers[clipped] || !slices.Contains(sum.Inputs, x) {
			continue
		}
		fused[product] = &Node{Name: product.Title(), Op: "HardSwish", Inputs: []string{x}, Outputs: product.Outputs}
		dropped[producers[sixth]], dropped[producers[clipped]], dropped[sum] = true, true, true
	}
	replace(g, fused, dropped)
}

// operands are the inputs of a node of two, the one that wanted holds for first; none if it is another operator.
func operands(node *Node, op string, wanted func(string) bool) (first, second string) {
	if node == nil || node.Op != op || len(node.Inputs) != 2 {
		return "", ""
	}
	a, b := node.Inputs[0], node.Inputs[1]
	switch {
	case wanted(a):
		return a, b
	case wanted(b):
		return b, a
	}
	return "", ""
}

// constantNear reports whether a node computes op of something and a single number near v.
func constantNear(g *Graph, node *Node, op string, v float64) bool {
	constant, _ := operands(node, op, func(n string) bool {
		t := g.Initializers[n]
		return t != nil && t.DType == Float32 && t.Len() == 1 && math.Abs(float64(t.Floats[0])-v) < 1e-6
	})
	return constant != ""
}

// isClip reports whether a node clips to the bounds given.
func isClip(g *Graph, node *Node, low, high float32) bool {
	if node == nil || node.Op != "Clip" {
		return false
	}
	a, b, err := clipBounds(node, func(i int) (*Tensor, error) { return g.constantInput(node, i) })
	return err == nil && a == low && b == high
}
