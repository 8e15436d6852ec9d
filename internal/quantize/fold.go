// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantize

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// foldConstants makes tensors of Constant nodes initializers, and gives readers of constants by way of Identity, with which
// exporters write equal weights once, the constants.
func (q *quantizer) foldConstants() {
	same := map[string]string{}
	q.graph.Node = slices.DeleteFunc(q.graph.Node, func(n *onnxpb.NodeProto) bool {
		if n.GetOpType() == "Constant" && !q.outputs[n.Output[0]] {
			return q.foldConstant(n)
		}
		for i, name := range n.GetInput() {
			if constant := same[name]; constant != "" {
				n.Input[i] = constant
			}
		}
		constant := n.GetOpType() == "Identity" && q.weights[n.Input[0]] != nil && !q.outputs[n.Output[0]]
		if constant {
			same[n.Output[0]] = n.Input[0]
		}
		return constant
	})
	q.index()
}

// foldConstant makes a Constant node an initializer if it has a tensor.
func (q *quantizer) foldConstant(n *onnxpb.NodeProto) bool {
	t := attribute(n, "value").GetT()
	if t == nil {
		return false
	}
	t.Name = n.Output[0]
	q.weights[t.Name] = t
	q.graph.Initializer = append(q.graph.Initializer, t)
	return true
}

// foldBatchNormalization lets convolutions do what the batch normalizations after them would, as the engine's compiler does.
func (q *quantizer) foldBatchNormalization() {
	folded := map[*onnxpb.NodeProto]bool{}
	for _, conv := range q.graph.GetNode() {
		norm := q.onlyReader(conv.Output[0])
		if norm == nil || !q.fold(conv, norm) {
			continue
		}
		conv.Output = norm.GetOutput()
		folded[norm] = true
	}
	q.graph.Node = slices.DeleteFunc(q.graph.Node, func(n *onnxpb.NodeProto) bool { return folded[n] })
	q.index()
}

// fold folds one batch normalization into a convolution, if the two are that and can be folded.
func (q *quantizer) fold(conv, norm *onnxpb.NodeProto) bool {
	weights, bias := graph.NormalizedConvolution(nodeIn{q, conv}, nodeIn{q, norm})
	if weights == nil {
		return false
	}
	base := conv.Output[0]
	conv.Input = []string{
		conv.Input[0], q.addFloats(base+".weight", weights.Floats, weights.Shape...), q.addFloats(base+".bias", bias.Floats, bias.Shape...),
	}
	return true
}

// nodeIn is a node of a file as folding sees it.
type nodeIn struct {
	quantizer *quantizer
	node      *onnxpb.NodeProto
}

// Operator is part of graph.NodeView.
func (n nodeIn) Operator() string { return n.node.GetOpType() }

// InputNames is part of graph.NodeView.
func (n nodeIn) InputNames() []string { return n.node.GetInput() }

// OutputNames is part of graph.NodeView.
func (n nodeIn) OutputNames() []string { return n.node.GetOutput() }

// Constant is part of graph.NodeView.
func (n nodeIn) Constant(i int) *graph.Tensor { return n.quantizer.floats(n.node, i) }

// Float is part of graph.NodeView.
func (n nodeIn) Float(name string, byDefault float32) float32 {
	if a := attribute(n.node, name); a != nil {
		return a.GetF()
	}
	return byDefault
}
