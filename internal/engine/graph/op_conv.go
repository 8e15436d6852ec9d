// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/conv"
	"github.com/trainyard-dev/trainyard/internal/engine/ops/elem"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// buildConv returns what computes a convolution; its weights are prepared if they are constant.
func buildConv(in *instruction, s tensor.ConvShape) (run, error) {
	x, w, bias, y := in.input(0), in.input(1), in.input(2), in.outputs[0]
	activation := in.activation()
	if w.constant == nil || bias != nil && bias.constant == nil {
		return func(m *machine) {
			conv.Forward(m.Workspace, s, m.floats(x), m.floats(w), m.optional(bias), m.floats(y))
			activation.apply(m, y)
		}, nil
	}
	e := conv.Epilogue{MaxPool: in.node.fused.pooling, Add: in.sum != nil}
	var addend *value
	if in.sum != nil {
		addend, activation = in.inputs[addendInput], in.sum.activation()
	}
	activation.moveTo(&e)
	prepared, err := in.prepare(s, e)
	if err != nil {
		return nil, err
	}
	return func(m *machine) {
		if addend != nil && addend.owner() != y.owner() {
			copy(m.floats(y), m.floats(addend))
		}
		conv.Run(m.Workspace, prepared, s.Batch, m.floats(x), m.floats(y))
		activation.apply(m, y)
	}, nil
}

// moveTo moves the function to the epilogue of what computes its input, if that can do it, and reports whether none is left.
func (a *activation) moveTo(e *conv.Epilogue) bool {
	switch {
	case a.set && a.op == elem.ReLU:
		e.ReLU, a.set = true, false
	case a.set && a.op == elem.Clip && a.alpha == 0 && a.beta > 0:
		e.ReLU, e.Ceiling, a.set = true, a.beta, false
	}
	return !a.set
}

// preparation is a convolution that is prepared.
type preparation struct {
	conv     *Node
	epilogue conv.Epilogue
}

// prepare returns the prepared convolution of a node, which all plans of a graph share.
func (in *instruction) prepare(s tensor.ConvShape, e conv.Epilogue) (*conv.Prepared, error) {
	c := in.compiler
	key := preparation{conv: in.node, epilogue: e}
	if p := c.prepared[key]; p != nil {
		return p, nil
	}
	ws, err := c.kernels()
	if err != nil {
		return nil, err
	}
	var bias []float32
	if b := in.input(2); b != nil {
		bias = b.constant.Floats
	}
	p := conv.Prepare(ws, s, in.inputs[1].constant.Floats, bias, e)
	if c.prepared != nil {
		c.prepared[key] = p
	}
	return p, nil
}

// fusePooling lets a convolution with constant weights compute the 2×2 max pooling after it, and the ReLU after that.
func fusePooling(g *Graph) {
	readers := onlyReader(g)
	fused := map[*Node]*Node{}
	dropped := map[*Node]bool{}
	for _, conv := range g.Nodes {
		if conv.Op != "Conv" || !constantWeights(g, conv) {
			continue
		}
		pool := readers[conv.Outputs[0]]
		if pool == nil || !isHalving(pool) || !onlyReLU(conv) || !onlyReLU(pool) {
			continue
		}
		node := *conv
		node.Name, node.Outputs = conv.Title(), pool.Outputs
		node.fused.pooling = true
		if pool.fused.activation.set {
			node.fused.activation = pool.fused.activation
		}
		fused[conv], dropped[pool] = &node, true
	}
	replace(g, fused, dropped)
}

// constantWeights reports whether weights and bias of a convolution are constants.
func constantWeights(g *Graph, conv *Node) bool {
	for _, name := range conv.Inputs[1:] {
		if name != "" && g.Initializers[name] == nil {
			return false
		}
	}
	return true
}

// onlyReLU reports whether a node has no fused activation, or ReLU.
func onlyReLU(n *Node) bool {
	return !n.fused.activation.set || n.fused.activation.op == elem.ReLU
}

// isHalving reports whether a node is max pooling of 2×2 pixels with stride 2 and nothing else.
func isHalving(n *Node) bool {
	if n.Op != "MaxPool" {
		return false
	}
	wants := func(name string, byDefault int64, want int64) bool {
		list, given := n.Attributes[name].([]int64)
		if !given {
			return byDefault == want
		}
		return !slices.ContainsFunc(list, func(v int64) bool { return v != want })
	}
	mode := n.stringAttr("auto_pad", "NOTSET")
	return len(n.Outputs) == 1 && wants("kernel_shape", 0, 2) && wants("strides", 1, 2) && wants("pads", 0, 0) &&
		wants("dilations", 1, 1) && n.intAttr("ceil_mode", 0) == 0 && (mode == "NOTSET" || mode == "VALID")
}
