// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// convAndPool is a convolution of an input [N, 3, 12, 12] with 8 outputs, and max pooling with the given attributes.
func convAndPool(relu bool, pooling map[string]any) *Graph {
	net := convNet()
	g := &Graph{
		Inputs:       []Value{{Name: "x", DType: Float32, Shape: []int{Dynamic, 3, 12, 12}}},
		Outputs:      []Value{{Name: "m"}},
		Initializers: map[string]*Tensor{"w": net.Initializers["w"], "b": net.Initializers["shift"]},
		Nodes: []*Node{
			{Op: "Conv", Inputs: []string{"x", "w", "b"}, Outputs: []string{"c"}, Attributes: map[string]any{"pads": []int64{1, 1, 1, 1}}},
			{Op: "MaxPool", Inputs: []string{"c"}, Outputs: []string{"m"}, Attributes: pooling},
		},
	}
	if relu {
		g.Nodes[1].Inputs = []string{"r"}
		g.Nodes = slices.Insert(g.Nodes, 1, &Node{Op: "Relu", Inputs: []string{"c"}, Outputs: []string{"r"}})
	}
	return g
}

func TestFusePooling(t *testing.T) {
	halving := map[string]any{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}
	with := func(name string, value any) map[string]any {
		m := maps.Clone(halving)
		m[name] = value
		return m
	}
	for name, tc := range map[string]struct {
		graph     *Graph
		wantFused bool
	}{
		"with ReLU":       {convAndPool(true, halving), true},
		"without":         {convAndPool(false, halving), true},
		"valid padding":   {convAndPool(true, with("auto_pad", "VALID")), true},
		"padded":          {convAndPool(true, with("pads", []int64{1, 1, 0, 0})), false},
		"overlapping":     {convAndPool(true, with("strides", []int64{1, 1})), false},
		"larger window":   {convAndPool(true, with("kernel_shape", []int64{3, 3})), false},
		"same padding":    {convAndPool(true, with("auto_pad", "SAME_UPPER")), false},
		"rounding up":     {convAndPool(true, with("ceil_mode", int64(1))), false},
		"default strides": {convAndPool(true, map[string]any{"kernel_shape": []int64{2, 2}}), false},
	} {
		t.Run(name, func(t *testing.T) {
			program := compileNet(t, tc.graph, Options{})
			fused := !slices.ContainsFunc(program.graph.Nodes, func(n *Node) bool { return n.Op == "MaxPool" })
			if fused != tc.wantFused {
				t.Fatalf("fused is %t, want %t", fused, tc.wantFused)
			}
			// As an output of its own the convolution is neither fused nor pooled.
			plain := *tc.graph
			plain.Outputs = append([]Value{{Name: "c"}}, plain.Outputs...)
			unfused := compileNet(t, &plain, Options{})
			x := images(1)[:3*12*12]
			got, want := runSession(t, program, x), runSession(t, unfused, x)
			for i := range got {
				if math.Abs(float64(got[i]-want[i])) > 1e-4 {
					t.Fatalf("output %d is %v, unfused it is %v", i, got[i], want[i])
				}
			}
		})
	}
}

// runSession returns the last output for one sample.
func runSession(t *testing.T, p *Program, x []float32) []float32 {
	t.Helper()
	s, err := p.NewSession(1)
	if err != nil {
		t.Fatal(err)
	}
	copy(s.Input(0), x)
	s.Run()
	return s.Output(len(p.graph.Outputs) - 1)
}

func TestFusedPoolingOfTooFewPixels(t *testing.T) {
	g := convAndPool(true, map[string]any{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}})
	g.Inputs[0].Shape = []int{1, 3, 1, 1}
	if _, err := Compile(g, Options{}); err == nil || !strings.Contains(err.Error(), "2×2 max pooling") {
		t.Errorf("error is %v, want one about the pooling", err)
	}
}

func TestConvolutionWithComputedWeights(t *testing.T) {
	g := convAndPool(true, map[string]any{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}})
	constant := runSession(t, compileNet(t, g, Options{}), images(1)[:3*12*12])
	w := g.Initializers["w"]
	delete(g.Initializers, "w")
	g.Inputs = append(g.Inputs, Value{Name: "w", DType: Float32, Shape: w.Shape})
	program := compileNet(t, g, Options{})
	s, err := program.NewSession(1)
	if err != nil {
		t.Fatal(err)
	}
	copy(s.Input(0), images(1)[:3*12*12])
	copy(s.Input(1), w.Floats)
	s.Run()
	for i, v := range s.Output(0) {
		if math.Abs(float64(v-constant[i])) > 1e-4 {
			t.Fatalf("output %d is %v, with constant weights it is %v", i, v, constant[i])
		}
	}
}
