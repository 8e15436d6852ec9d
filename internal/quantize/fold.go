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
		if conv.GetOpType() != "Conv" {
			continue
		}
		norm := q.onlyReader(conv.Output[0])
		if norm == nil || norm.GetOpType() != "BatchNormalization" || len(norm.GetOutput()) != 1 || !q.fold(conv, norm) {
			continue
		}
		conv.Output = norm.GetOutput()
		folded[norm] = true
	}
	q.graph.Node = slices.DeleteFunc(q.graph.Node, func(n *onnxpb.NodeProto) bool { return folded[n] })
	q.index()
}

// fold folds one batch normalization if all weights are constants of fitting shapes.
func (q *quantizer) fold(conv, norm *onnxpb.NodeProto) bool {
	c := graph.Convolution{Weights: q.floats(conv, 1)}
	if hasBias(conv) {
		c.HasBias, c.Bias = true, q.floats(conv, 2)
	}
	n := graph.BatchNormalization{
		Scale: q.floats(norm, 1), Shift: q.floats(norm, 2), Mean: q.floats(norm, 3), Variance: q.floats(norm, 4), Epsilon: graph.DefaultEpsilon,
	}
	if a := attribute(norm, "epsilon"); a != nil {
		n.Epsilon = a.GetF()
	}
	weights, bias := c.With(n)
	if weights == nil {
		return false
	}
	base := conv.Output[0]
	conv.Input = []string{
		conv.Input[0], q.addFloats(base+".weight", weights.Floats, weights.Shape...), q.addFloats(base+".bias", bias.Floats, bias.Shape...),
	}
	return true
}
