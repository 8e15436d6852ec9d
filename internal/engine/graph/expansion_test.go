// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/ops/conv"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
)

// expansionNet is a graph of an input x [N, 4, 9, 10] with the weights of a 1×1 convolution to 8 channels, w0, of depthwise
// ones of those, w1 and w2, and a bias for each.
func expansionNet(outputs []string, nodes ...*Node) *Graph {
	numbers := numbers(3, 4)
	return netOf([]int{4, 9, 10}, map[string]*Tensor{
		"w0": numbers(8, 4, 1, 1), "w1": numbers(8, 1, 3, 3), "w2": numbers(8, 1, 3, 3), "b": numbers(8),
	}, outputs, nodes)
}

func TestFuseExpansions(t *testing.T) {
	pointwise := &Node{Op: "Conv", Inputs: []string{"x", "w0", "b"}, Outputs: []string{"e"}}
	depthwise := func(x, w, y string) *Node {
		return &Node{Op: "Conv", Inputs: []string{x, w, "b"}, Outputs: []string{y}, Attributes: map[string]any{
			"group": int64(8), "pads": []int64{1, 1, 1, 1},
		}}
	}
	relu := func(x, y string) *Node { return &Node{Op: "Relu", Inputs: []string{x}, Outputs: []string{y}} }
	tanh := func(x, y string) *Node { return &Node{Op: "Tanh", Inputs: []string{x}, Outputs: []string{y}} }
	for name, tc := range map[string]struct {
		graph *Graph
		want  int // expansions
	}{
		"bare":                  {expansionNet([]string{"y"}, pointwise, depthwise("e", "w1", "y")), 1},
		"with ReLU":             {expansionNet([]string{"y"}, pointwise, relu("e", "r"), depthwise("r", "w1", "d"), relu("d", "y")), 1},
		"activation afterwards": {expansionNet([]string{"y"}, pointwise, depthwise("e", "w1", "d"), tanh("d", "y")), 1},
		"activation between":    {expansionNet([]string{"y"}, pointwise, tanh("e", "r"), depthwise("r", "w1", "y")), 0},
		"read twice":            {expansionNet([]string{"y", "z"}, pointwise, depthwise("e", "w1", "y"), depthwise("e", "w2", "z")), 0},
		"an output":             {expansionNet([]string{"e", "y"}, pointwise, depthwise("e", "w1", "y")), 0},
		"two depthwise":         {expansionNet([]string{"y"}, pointwise, depthwise("e", "w1", "d"), depthwise("d", "w2", "y")), 1},
	} {
		t.Run(name, func(t *testing.T) {
			checkFusion(t, tc.graph, func(p *Program, batch int) {
				if !setExpands(t, p) {
					return
				}
				if got := len(expansionsOf(t, p, batch)); got != tc.want {
					t.Errorf("%d expansions, want %d", got, tc.want)
				}
			})
		})
	}
}

// setExpands reports whether the kernel set in use computes expansions.
func setExpands(t *testing.T, p *Program) bool {
	t.Helper()
	ws, err := newCompiler(p.options).kernels()
	if err != nil {
		t.Fatal(err)
	}
	s := tensor.ConvShape{Batch: 1, InChannels: 4, InHeight: 9, InWidth: 10, OutChannels: 8, KernelH: 1, KernelW: 1}
	d := tensor.ConvShape{
		Batch: 1, InChannels: 8, InHeight: 9, InWidth: 10, OutChannels: 8, Groups: 8, KernelH: 3, KernelW: 3,
		PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1,
	}
	return conv.Expands(ws, s, d)
}

// expansionsOf returns the expansions that a program computes.
func expansionsOf(t *testing.T, p *Program, batch int) []*expansion {
	t.Helper()
	c, instructions, outputs := specialized(t, p, batch)
	instructions, err := c.fuseExpansions(instructions, outputs)
	if err != nil {
		t.Fatal(err)
	}
	var found []*expansion
	for _, in := range instructions {
		if in.expansion != nil {
			found = append(found, in.expansion)
		}
	}
	return found
}
