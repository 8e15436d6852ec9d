// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"slices"
	"testing"
)

// toFirst and toLast are the permutations between [N H W C] and [N C H W].
var (
	toFirst = map[string]any{"perm": []int64{0, 3, 1, 2}}
	toLast  = map[string]any{"perm": []int64{0, 2, 3, 1}}
)

// scalar is a constant without dimensions.
func scalar(v float32) *Tensor { return NewFloats([]float32{v}) }

// chained is a graph whose nodes, of one output each, are computed one after the other: an empty input is the value before.
func chained(initializers map[string]*Tensor, outputs []string, nodes ...*Node) *Graph {
	previous := "x"
	for _, node := range nodes {
		for i, name := range node.Inputs {
			if name == "" {
				node.Inputs[i] = previous
			}
		}
		previous = node.Outputs[0]
	}
	return netOf([]int{16, 16, 3}, initializers, outputs, nodes)
}

func op(name, output string, attributes map[string]any, inputs ...string) *Node {
	return &Node{Op: name, Inputs: append([]string{""}, inputs...), Outputs: []string{output}, Attributes: attributes}
}

// optimized are the operators that are left of a graph, after it was checked that it computes what it did.
func optimized(t *testing.T, g *Graph) []string {
	t.Helper()
	n, _ := Elements(g.Inputs[0].Shape[1:])
	x := images(4)[:2*n]
	program := compileNet(t, g, Options{Threads: 1})
	session, err := program.NewSession(2)
	if err != nil {
		t.Fatal(err)
	}
	copy(session.Input(0), x)
	session.Run()
	comparePlain(t, 0, g, x, session.Output(0))
	var ops []string
	for _, node := range program.graph.Nodes {
		ops = append(ops, node.Op)
	}
	return ops
}

func TestTransposesSink(t *testing.T) {
	random := numbers(7, 8)
	conv := func(channels int) *Tensor { return random(channels, 3, 3, 3) }
	pads := map[string]any{"pads": []int64{1, 1, 1, 1}}
	cases := map[string]struct {
		g    *Graph
		want []string
	}{
		"around a convolution": {
			g: chained(map[string]*Tensor{"w": conv(4), "b": random(4), "s": random(1, 1, 1, 4)}, []string{"y"},
				op("Transpose", "a", toFirst), op("Conv", "c", pads, "w"), op("Transpose", "l", toLast),
				op("Mul", "m", nil, "s"), op("Add", "n", nil, "b"), op("Relu", "r", nil), op("Transpose", "z", toFirst), op("Neg", "y", nil)),
			want: []string{"Transpose", "Conv", "Neg"},
		},
		"past padding and reduction": {
			g: chained(map[string]*Tensor{
				"w": conv(4), "p": Vector(0, 1, 2, 0, 0, 3, 0, 0), "axes": Vector(1, -2), "v": random(4, 4, 1, 1),
			}, []string{"y"},
				op("Transpose", "a", toFirst), op("Conv", "c", pads, "w"), op("Transpose", "l", toLast), op("Pad", "d", nil, "p"),
				op("ReduceMean", "m", nil, "axes"), op("Transpose", "f", toFirst), op("Conv", "z", nil, "v"), op("Neg", "y", nil)),
			want: []string{"Transpose", "Conv", "Pad", "ReduceMean", "Conv", "Neg"},
		},
		"of a sum": {
			g: chained(map[string]*Tensor{"w": conv(3)}, []string{"y"},
				op("Transpose", "a", toFirst), op("Conv", "c", pads, "w"), op("Transpose", "l", toLast),
				op("Add", "n", nil, "x"), op("Transpose", "z", toFirst), op("Neg", "y", nil)),
			want: []string{"Transpose", "Conv", "Transpose", "Add", "Transpose", "Neg"}, // the input itself isn't transposed
		},
		"of a sum of convolutions": {
			g: chained(map[string]*Tensor{"w": conv(3), "v": conv(3)}, []string{"y"},
				op("Transpose", "a", toFirst), op("Conv", "c", pads, "w"), op("Transpose", "l", toLast), op("Transpose", "f", toFirst),
				op("Conv", "d", pads, "v"), op("Transpose", "k", toLast), op("Add", "n", nil, "l"), op("Transpose", "z", toFirst), op("Neg", "y", nil)),
			want: []string{"Transpose", "Conv", "Conv", "Add", "Neg"},
		},
		"read by others too": {
			g: chained(map[string]*Tensor{"w": conv(3)}, []string{"l", "y"},
				op("Transpose", "a", toFirst), op("Conv", "c", pads, "w"), op("Transpose", "l", toLast), op("Softmax", "s", nil), op("Mul", "y", nil, "l")),
			want: []string{"Transpose", "Conv", "Transpose", "Softmax", "Mul"},
		},
		"back to where it was": {
			g:    chained(nil, []string{"y"}, op("Transpose", "a", toFirst), op("Transpose", "z", toLast), op("Neg", "y", nil)),
			want: []string{"Neg"},
		},
		"with bounds": {
			g: chained(map[string]*Tensor{"six": scalar(6)}, []string{"y"},
				op("Transpose", "a", toFirst), op("Clip", "b", nil, "", "six"), op("Transpose", "z", toLast), op("Neg", "y", nil)),
			want: []string{"Clip", "Neg"},
		},
	}
	cases["with bounds"].g.Nodes[1].Inputs[1] = "" // no lower one
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := optimized(t, tc.g); !slices.Equal(got, tc.want) {
				t.Errorf("computes %v, want %v", got, tc.want)
			}
		})
	}
}

func TestScalingFolds(t *testing.T) {
	random := numbers(9, 10)
	first := map[string]any{"perm": []int64{0, 3, 1, 2}}
	cases := map[string]struct {
		nodes []*Node
		want  []string
	}{
		"each channel":        {nodes: []*Node{op("Mul", "m", nil, "s"), op("Add", "y", nil, "b")}, want: []string{"Transpose", "Conv"}},
		"one number":          {nodes: []*Node{op("Mul", "m", nil, "three"), op("Add", "y", nil, "b")}, want: []string{"Transpose", "Conv"}},
		"each row":            {nodes: []*Node{op("Mul", "y", nil, "rows")}, want: []string{"Transpose", "Conv", "Mul"}},
		"subtraction":         {nodes: []*Node{op("Sub", "y", nil, "b")}, want: []string{"Transpose", "Conv", "Sub"}},
		"hard swish":          {nodes: []*Node{op("Add", "a", nil, "three"), op("Clip", "k", nil, "zero", "six"), op("Mul", "t", nil, "sixth"), op("Mul", "y", nil, "c")}, want: []string{"Transpose", "Conv"}},
		"swish of other size": {nodes: []*Node{op("Add", "a", nil, "three"), op("Clip", "k", nil, "zero", "three"), op("Mul", "t", nil, "sixth"), op("Mul", "y", nil, "c")}, want: []string{"Transpose", "Conv", "Add", "Mul", "Mul"}},
		"swish read by another": {
			nodes: []*Node{op("Add", "a", nil, "three"), op("Clip", "k", nil, "zero", "six"), op("Mul", "t", nil, "sixth"), op("Mul", "u", nil, "c"), op("Add", "y", nil, "t")},
			want:  []string{"Transpose", "Conv", "Add", "Mul", "Mul", "Add"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			g := chained(map[string]*Tensor{
				"w": random(4, 3, 3, 3), "s": random(1, 4, 1, 1), "b": random(4, 1, 1), "rows": random(14, 1),
				"three": scalar(3), "zero": scalar(0), "six": scalar(6), "sixth": scalar(1. / 6),
			}, []string{"y"}, slices.Concat([]*Node{op("Transpose", "f", first), op("Conv", "c", nil, "w")}, tc.nodes)...)
			if got := optimized(t, g); !slices.Equal(got, tc.want) {
				t.Errorf("computes %v, want %v", got, tc.want)
			}
		})
	}
}
