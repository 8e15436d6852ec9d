// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// residualNet is a graph of an input x [N, 8, 6, 7] with 1×1 convolutions of 8 channels: the nodes name them w0 to w2.
func residualNet(outputs []string, nodes ...*Node) *Graph {
	numbers := numbers(1, 2)
	return netOf([]int{8, 6, 7}, map[string]*Tensor{
		"w0": numbers(8, 8, 1, 1), "w1": numbers(8, 8, 1, 1), "w2": numbers(8, 8, 1, 1), "b": numbers(8), "channel": numbers(1, 8, 1, 1),
	}, outputs, nodes)
}

func TestFuseAdditions(t *testing.T) {
	conv := func(x, w, y string) *Node {
		return &Node{Op: "Conv", Inputs: []string{x, w, "b"}, Outputs: []string{y}}
	}
	add := func(a, b, y string) *Node { return &Node{Op: "Add", Inputs: []string{a, b}, Outputs: []string{y}} }
	relu := func(x, y string) *Node { return &Node{Op: "Relu", Inputs: []string{x}, Outputs: []string{y}} }
	for name, tc := range map[string]struct {
		graph *Graph
		want  int // sums that convolutions compute
	}{
		"block": {residualNet([]string{"y"}, conv("x", "w0", "c"), relu("c", "r"), conv("r", "w1", "d"), add("d", "x", "s"), relu("s", "y")), 1},
		"two blocks": {residualNet([]string{"y"},
			conv("x", "w0", "c"), add("x", "c", "s"), relu("s", "r"), conv("r", "w1", "d"), relu("d", "e"), conv("e", "w2", "f"), add("f", "r", "y")), 2},
		"both are convolutions":    {residualNet([]string{"y"}, conv("x", "w0", "c"), conv("x", "w1", "d"), add("c", "d", "s"), relu("s", "y")), 1},
		"read afterwards":          {residualNet([]string{"y"}, relu("x", "r"), conv("x", "w0", "c"), add("c", "r", "s"), add("s", "r", "y")), 1},
		"its own input":            {residualNet([]string{"y"}, relu("x", "r"), conv("r", "w0", "c"), add("c", "r", "y")), 1},
		"an output":                {residualNet([]string{"r", "y"}, relu("x", "r"), conv("x", "w0", "c"), add("c", "r", "y")), 1},
		"in between":               {residualNet([]string{"y"}, conv("x", "w0", "c"), relu("x", "r"), add("c", "r", "y")), 1},
		"activation before":        {residualNet([]string{"y"}, conv("x", "w0", "c"), relu("c", "r"), add("r", "x", "y")), 0},
		"convolution is an output": {residualNet([]string{"c", "y"}, conv("x", "w0", "c"), add("c", "x", "y")), 0},
		"a constant":               {residualNet([]string{"y"}, conv("x", "w0", "c"), add("c", "channel", "y")), 0},
		"to itself":                {residualNet([]string{"y"}, conv("x", "w0", "c"), add("c", "c", "y")), 0},
		"broadcast": {residualNet([]string{"y"}, &Node{Op: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"p"}},
			conv("x", "w0", "c"), add("c", "p", "y")), 0},
	} {
		t.Run(name, func(t *testing.T) {
			checkFusion(t, tc.graph, func(p *Program, batch int) {
				if kernels.Names()[0] == "portable" {
					return
				}
				if got := sums(t, p, batch); got != tc.want {
					t.Errorf("convolutions compute %d sums, want %d", got, tc.want)
				}
			})
		})
	}
}

// sums is the number of sums that a program's convolutions compute.
func sums(t *testing.T, p *Program, batch int) int {
	t.Helper()
	c, instructions, outputs := specialized(t, p, batch)
	instructions, err := c.fuseAdditions(instructions, outputs)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, in := range instructions {
		if in.sum != nil {
			n++
		}
	}
	return n
}
