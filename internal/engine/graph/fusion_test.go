// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/kernels"
)

// numbers returns a function that makes tensors of normal random numbers, the same ones for the same seeds.
func numbers(seed1, seed2 uint64) func(shape ...int) *Tensor {
	random := rand.New(rand.NewPCG(seed1, seed2))
	return func(shape ...int) *Tensor {
		n, _ := Elements(shape)
		data := make([]float32, n)
		for i := range data {
			data[i] = float32(random.NormFloat64())
		}
		return NewFloats(data, shape...)
	}
}

// netOf returns a graph of an input x [N, shape...].
func netOf(shape []int, initializers map[string]*Tensor, outputs []string, nodes []*Node) *Graph {
	g := &Graph{
		Inputs: []Value{{Name: "x", DType: Float32, Shape: slices.Concat([]int{Dynamic}, shape)}}, Nodes: nodes, Initializers: initializers,
	}
	for _, name := range outputs {
		g.Outputs = append(g.Outputs, Value{Name: name})
	}
	return g
}

// checkFusion compares the best kernel set's answers with those of the portable one, which fuses less; fused is called with the
// program of the best set.
func checkFusion(t *testing.T, g *Graph, fused func(p *Program, batch int)) {
	t.Helper()
	const batch = 2
	n, err := Elements(g.Inputs[0].Shape[1:])
	if err != nil {
		t.Fatal(err)
	}
	x := images(4)[:batch*n]
	var results [2][]float32
	for i, set := range []string{"portable", ""} {
		t.Setenv(kernels.EnvironmentVariable, set)
		program := compileNet(t, g, Options{})
		if set == "" {
			fused(program, batch)
		}
		s, err := program.NewSession(batch)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // a run leaves nothing behind that changes the next
			copy(s.Input(0), x)
			s.Run()
		}
		for j := range g.Outputs {
			results[i] = slices.Concat(results[i], s.Output(j))
		}
	}
	for i, want := range results[0] {
		if math.Abs(float64(results[1][i]-want)) > 1e-4 {
			t.Fatalf("output %d is %v, unfused it is %v", i, results[1][i], want)
		}
	}
}

// specialized returns the instructions of a program for a batch, and what they compute, before they are fused.
func specialized(t *testing.T, p *Program, batch int) (c *compiler, instructions []*instruction, outputs []*value) {
	t.Helper()
	c = newCompiler(p.options)
	x := p.graph.Inputs[0]
	c.values[x.Name] = &value{name: x.Name, dtype: x.DType, shape: slices.Concat([]int{batch}, x.Shape[1:])}
	c.addConstants(p.graph.Initializers)
	instructions, err := c.specialize(p.graph.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	for _, output := range p.graph.Outputs {
		outputs = append(outputs, c.values[output.Name])
	}
	return c, instructions, outputs
}
