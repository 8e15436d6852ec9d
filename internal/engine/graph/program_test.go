// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// convNet is Conv, BatchNormalization, Relu, MaxPool, GlobalAveragePool, Flatten, Gemm, Softmax on images [N, 3, 16, 16].
func convNet() *Graph {
	r := rand.New(rand.NewPCG(1, 1))
	random := func(shape ...int) *Tensor {
		n, _ := Elements(shape)
		t := NewFloats(make([]float32, n), shape...)
		for i := range t.Floats {
			t.Floats[i] = r.Float32()
		}
		return t
	}
	return &Graph{
		Name:    "net",
		Inputs:  []Value{{Name: "x", DType: Float32, Shape: []int{Dynamic, 3, 16, 16}}},
		Outputs: []Value{{Name: "p"}},
		Nodes: []*Node{
			{Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"c"}, Attributes: map[string]any{"pads": []int64{1, 1, 1, 1}}},
			{Op: "BatchNormalization", Inputs: []string{"c", "scale", "shift", "mean", "variance"}, Outputs: []string{"n"}},
			{Op: "Relu", Inputs: []string{"n"}, Outputs: []string{"r"}},
			{Op: "MaxPool", Inputs: []string{"r"}, Outputs: []string{"m"}, Attributes: map[string]any{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}},
			{Op: "GlobalAveragePool", Inputs: []string{"m"}, Outputs: []string{"g"}},
			{Op: "Flatten", Inputs: []string{"g"}, Outputs: []string{"f"}},
			{Op: "Gemm", Inputs: []string{"f", "v", "b"}, Outputs: []string{"l"}, Attributes: map[string]any{"transB": int64(1)}},
			{Op: "Softmax", Inputs: []string{"l"}, Outputs: []string{"p"}},
		},
		Initializers: map[string]*Tensor{
			"w": random(8, 3, 3, 3), "scale": random(8), "shift": random(8), "mean": random(8), "variance": random(8),
			"v": random(4, 8), "b": random(4),
		},
	}
}

func compileNet(t *testing.T, g *Graph, options Options) *Program {
	t.Helper()
	program, err := Compile(g, options)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// images are the input of a batch for convNet.
func images(batch int) []float32 {
	r := rand.New(rand.NewPCG(2, 2))
	x := make([]float32, batch*3*16*16)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func TestOptimizeFoldsAndFuses(t *testing.T) {
	program := compileNet(t, convNet(), Options{})
	var ops []string
	for _, node := range program.graph.Nodes {
		ops = append(ops, node.Op)
	}
	if diff := cmp.Diff([]string{"Conv", "GlobalAveragePool", "Flatten", "Gemm", "Softmax"}, ops); diff != "" {
		t.Errorf("operators differ (-want +got):\n%s", diff)
	}
	if _, kept := program.graph.Initializers["variance"]; kept {
		t.Error("an initializer that nothing reads is kept")
	}
	if net := convNet(); len(net.Nodes) != 8 || net.Nodes[0].Outputs[0] != "c" {
		t.Error("Compile changed the graph")
	}
}

// chain is a graph of nodes on an input x [N, 2, 4, 4], which yields y.
func chain(nodes ...*Node) *Graph {
	weights := NewFloats([]float32{0.5, -1, 2, 0.25}, 2, 2, 1, 1)
	return &Graph{
		Name: "chain", Inputs: []Value{{Name: "x", DType: Float32, Shape: []int{Dynamic, 2, 4, 4}}}, Outputs: []Value{{Name: "y"}},
		Nodes: nodes, Initializers: map[string]*Tensor{"w": weights, "low": NewFloats([]float32{-1}), "high": NewFloats([]float32{1.5})},
	}
}

func TestFusedNodes(t *testing.T) {
	conv := &Node{Name: "conv", Op: "Conv", Inputs: []string{"x", "w"}, Outputs: []string{"c"}}
	pool := func(x, y string) *Node {
		return &Node{Op: "MaxPool", Inputs: []string{x}, Outputs: []string{y}, Attributes: map[string]any{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}}
	}
	tests := map[string]struct {
		nodes []*Node
		want  []string
	}{
		"silu": {[]*Node{conv, {Op: "Sigmoid", Inputs: []string{"c"}, Outputs: []string{"s"}}, {Op: "Mul", Inputs: []string{"c", "s"}, Outputs: []string{"y"}}},
			[]string{"Conv"}},
		"silu the other way round": {[]*Node{conv, {Op: "Sigmoid", Inputs: []string{"c"}, Outputs: []string{"s"}}, {Op: "Mul", Inputs: []string{"s", "c"}, Outputs: []string{"y"}}},
			[]string{"Conv"}},
		"sigmoid times another": {[]*Node{conv, {Op: "Sigmoid", Inputs: []string{"c"}, Outputs: []string{"s"}}, {Op: "Mul", Inputs: []string{"x", "s"}, Outputs: []string{"y"}}},
			[]string{"Conv", "Mul"}},
		"clip": {[]*Node{conv, {Op: "Clip", Inputs: []string{"c", "low", "high"}, Outputs: []string{"y"}}}, []string{"Conv"}},
		"sum without an activation": {[]*Node{conv, {Op: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"g"}},
			{Op: "Add", Inputs: []string{"c", "g"}, Outputs: []string{"y"}}}, []string{"Conv", "GlobalAveragePool", "Add"}},
		"activation before a pool": {[]*Node{conv, {Op: "Clip", Inputs: []string{"c", "low", "high"}, Outputs: []string{"r"}}, pool("r", "y")},
			[]string{"Conv", "MaxPool"}},
		"activations before pools": {[]*Node{conv, {Op: "Relu", Inputs: []string{"c"}, Outputs: []string{"r"}}, pool("r", "p"),
			{Op: "Relu", Inputs: []string{"p"}, Outputs: []string{"q"}}, pool("q", "y")}, []string{"Conv", "MaxPool"}},
		"pool of an activation": {[]*Node{conv, {Op: "Relu", Inputs: []string{"c"}, Outputs: []string{"r"}}, pool("r", "y")}, []string{"Conv"}},
		"pool":                  {[]*Node{conv, pool("c", "y")}, []string{"Conv"}},
		"value read twice": {[]*Node{conv, {Op: "Relu", Inputs: []string{"c"}, Outputs: []string{"r"}}, {Op: "Add", Inputs: []string{"r", "c"}, Outputs: []string{"y"}}},
			[]string{"Conv", "Relu", "Add"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g := chain(tc.nodes...)
			g.Inputs[0].Shape = []int{Dynamic, 2, 7, 5} // pooling leaves a row and a column out
			program := compileNet(t, g, Options{Threads: 1})
			var ops []string
			for _, node := range program.graph.Nodes {
				ops = append(ops, node.Op)
			}
			if diff := cmp.Diff(tc.want, ops); diff != "" {
				t.Errorf("operators differ (-want +got):\n%s", diff)
			}
			session, err := program.NewSession(2)
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(3, 3))
			for i := range session.Input(0) {
				session.Input(0)[i] = float32(3 * r.NormFloat64())
			}
			x := slices.Clone(session.Input(0))
			session.Run()
			comparePlain(t, 0, g, x, session.Output(0))
		})
	}
}

func TestFusedOperatorsAreInternal(t *testing.T) {
	_, err := Compile(chain(&Node{Op: siluOperator, Inputs: []string{"x"}, Outputs: []string{"y"}}), Options{})
	if err == nil || !strings.Contains(err.Error(), "not supported") {
		t.Errorf("a graph with an operator of the compiler's own: error is %v", err)
	}
}

func TestRunIsTheSameForEveryBatch(t *testing.T) {
	program := compileNet(t, convNet(), Options{Threads: 2})
	const n = 7
	x := images(n)
	whole := make([]float32, n*4)
	if err := program.Run(x, n, whole); err != nil {
		t.Fatal(err)
	}
	single := make([]float32, 4)
	for i := range n {
		if err := program.Run(x[i*768:(i+1)*768], 1, single); err != nil {
			t.Fatal(err)
		}
		for j, want := range whole[i*4 : i*4+4] {
			if math.Abs(float64(single[j]-want)) > 1e-6 {
				t.Errorf("image %d, class %d: alone %v, in a batch %v", i, j, single[j], want)
			}
		}
	}
}

func TestFixedBatchRunsInParts(t *testing.T) {
	program := compileNet(t, convNet(), Options{})
	fixed := convNet()
	fixed.Inputs[0].Shape[0] = 3
	parts := compileNet(t, fixed, Options{})
	if program.BatchSize() != Dynamic || parts.BatchSize() != 3 {
		t.Errorf("batch sizes are %d and %d", program.BatchSize(), parts.BatchSize())
	}
	x := images(7)
	want, got := make([]float32, 28), make([]float32, 28)
	if err := program.Run(x, 7, want); err != nil {
		t.Fatal(err)
	}
	if err := parts.Run(x, 7, got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(want, got) {
		t.Errorf("a graph for batches of 3 yields\n%v, want\n%v", got, want)
	}
	if _, err := parts.NewSession(2); err == nil {
		t.Error("a session for another batch size was made")
	}
}

func TestRunAllocatesNothing(t *testing.T) {
	for _, threads := range []int{1, 2} {
		program := compileNet(t, convNet(), Options{Threads: threads})
		x, y := images(2), make([]float32, 8)
		run := func() {
			if err := program.Run(x, 2, y); err != nil {
				t.Fatal(err)
			}
		}
		run()
		if n := testing.AllocsPerRun(20, run); n > 0 {
			t.Errorf("%d threads: %v allocations for an inference", threads, n)
		}
	}
}

func TestConcurrentRuns(t *testing.T) {
	program := compileNet(t, convNet(), Options{Threads: 1})
	x := images(12)
	want := make([]float32, 48)
	if err := program.Run(x, 12, want); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for batch := 1; batch <= 12; batch++ { // more sizes than plans are kept for
		wait.Go(func() {
			got := make([]float32, batch*4)
			for range 5 {
				if err := program.Run(x[:batch*768], batch, got); err != nil {
					t.Error(err)
				}
				for i := range got {
					if math.Abs(float64(got[i]-want[i])) > 1e-6 {
						t.Errorf("batch %d: element %d is %v, want %v", batch, i, got[i], want[i])
						return
					}
				}
			}
		})
	}
	wait.Wait()
	if len(program.plans) > maxPlans {
		t.Errorf("%d plans are kept, more than %d", len(program.plans), maxPlans)
	}
}

func TestRunErrors(t *testing.T) {
	program := compileNet(t, convNet(), Options{})
	tests := map[string]struct {
		input, batch, output int
		want                 string
	}{
		"no batch":     {0, 0, 0, "at least 1"},
		"short input":  {767, 1, 4, "768"},
		"long output":  {768, 1, 5, "4"},
		"huge batches": {768, 1 << 40, 4, "elements"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := program.Run(make([]float32, tc.input), tc.batch, make([]float32, tc.output))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestMemoryIsBounded(t *testing.T) {
	// Two values of 16·16·8 floats are alive at a time.
	program := compileNet(t, convNet(), Options{MaxMemory: 100_000})
	if _, err := program.NewSession(1); err != nil {
		t.Error(err)
	}
	if _, err := program.NewSession(100); err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("a batch beyond the bound on memory: error is %v", err)
	}
	if _, err := Compile(convNet(), Options{MaxMemory: 1000}); err == nil || !strings.Contains(err.Error(), "memory") {
		t.Errorf("a graph beyond the bound on memory: error is %v", err)
	}
}

func TestCompileErrors(t *testing.T) {
	tests := map[string]struct {
		change func(*Graph)
		want   []string
	}{
		"no input":  {func(g *Graph) { g.Inputs = nil }, []string{"no input"}},
		"no output": {func(g *Graph) { g.Outputs = nil }, []string{"no output"}},
		"unknown output": {func(g *Graph) { g.Outputs[0].Name = "z" },
			[]string{`"z"`}},
		"unknown operator": {func(g *Graph) { g.Nodes[2].Op = "Fancy"; g.Nodes[2].Name = "act" },
			[]string{`"act"`, "Fancy", "not supported"}},
		"unknown attribute": {func(g *Graph) { g.Nodes[0].Attributes["fancy"] = int64(1) }, []string{`"c"`, "Conv", `"fancy"`}},
		"type of attribute": {func(g *Graph) { g.Nodes[0].Attributes["group"] = "one" }, []string{`"c"`, "Conv", `"group"`, "int"}},
		"unknown auto_pad":  {func(g *Graph) { g.Nodes[0].Attributes["auto_pad"] = "FANCY" }, []string{`"c"`, "Conv", `"auto_pad"`, "FANCY"}},
		"missing input":     {func(g *Graph) { g.Nodes[0].Inputs = g.Nodes[0].Inputs[:1] }, []string{`"c"`, "Conv", "input 1"}},
		"too many inputs":   {func(g *Graph) { g.Nodes[2].Inputs = []string{"n", "n"} }, []string{`"r"`, "Relu", "2 inputs"}},
		"input not produced": {func(g *Graph) { g.Nodes[2].Inputs[0] = "later" },
			[]string{`"r"`, "Relu", `"later"`}},
		"produced twice":      {func(g *Graph) { g.Nodes[2].Outputs[0] = "c" }, []string{`"c"`, "Relu", "twice"}},
		"data and shape":      {func(g *Graph) { g.Initializers["b"].Shape = []int{5} }, []string{`"b"`, "4 elements"}},
		"channels":            {func(g *Graph) { g.Inputs[0].Shape[1] = 4 }, []string{`"c"`, "Conv", "4 channels"}},
		"kernel too large":    {func(g *Graph) { g.Inputs[0].Shape[2] = 1; g.Nodes[0].Attributes = nil }, []string{`"c"`, "Conv", "kernel"}},
		"dynamic height":      {func(g *Graph) { g.Inputs[0].Shape[2] = Dynamic }, []string{`"x"`, "dimension 2"}},
		"empty input":         {func(g *Graph) { g.Inputs[0].Shape[1] = 0 }, []string{`"x"`, "empty"}},
		"input that is int64": {func(g *Graph) { g.Inputs[0].DType = Int64 }, []string{`"x"`, "int64"}},
		"matrix":              {func(g *Graph) { g.Initializers["v"] = NewFloats(make([]float32, 36), 4, 9) }, []string{`"l"`, "Gemm", "multiplied"}},
		"int at run time": {func(g *Graph) {
			g.Nodes[7] = &Node{Op: "Cast", Inputs: []string{"l"}, Outputs: []string{"p"}, Attributes: map[string]any{"to": "int64"}}
		}, []string{`"p"`, "Cast", "int64"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g := convNet()
			tc.change(g)
			_, err := Compile(g, Options{})
			if err == nil {
				t.Fatal("the graph was accepted")
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
		})
	}
}

// Whatever the batch sizes, and in any order, one memory serves them all, and what one leaves in it changes no other's bits.
func TestBatchSizesShareMemory(t *testing.T) {
	program := compileNet(t, convNet(), Options{Threads: 1})
	for _, batch := range []int{1, 8, 3, 5, 8, 1} {
		got, want := make([]float32, 4*batch), make([]float32, 4*batch)
		if err := program.Run(images(batch), batch, got); err != nil {
			t.Fatal(err)
		}
		if err := compileNet(t, convNet(), Options{Threads: 1}).Run(images(batch), batch, want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("batch of %d after others (-alone +shared):\n%s", batch, diff)
		}
	}
	if idle := program.sessions.idle; len(idle) != 1 || cap(idle[0].machine.memory) != program.plans[8].memory {
		t.Errorf("%d sessions are kept, want one of %d floats, those of the largest batch", len(idle), program.plans[8].memory)
	}
}

func TestBatchLimit(t *testing.T) {
	cases := map[string]struct {
		memory  int64
		threads int
		batch   int
		want    int
	}{
		"small images":           {memory: threadMemory / 64, threads: 2, batch: Dynamic, want: 128},
		"large images":           {memory: threadMemory / 5 * 2, threads: 2, batch: Dynamic, want: 4},
		"images for each thread": {memory: 10 * threadMemory, threads: 4, batch: Dynamic, want: 8},
		"a fixed batch":          {memory: 10 * threadMemory, threads: 1, batch: 16, want: 16},
	}
	for name, tc := range cases {
		p := &Program{options: Options{Threads: tc.threads}, batch: tc.batch, sampleMemory: tc.memory}
		if got := p.BatchLimit(); got != tc.want {
			t.Errorf("%s: BatchLimit() = %d, want %d", name, got, tc.want)
		}
	}
}
