// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// fuzzMemory bounds the memory of a random graph: 1 MiB.
const fuzzMemory = 1 << 20

// FuzzCompile compiles and runs random graphs of all operators, hostile attributes and constants among them: it may be an
// error, but neither panics nor takes more memory than allowed.
func FuzzCompile(f *testing.F) {
	for seed := range uint64(64) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { tryRandomGraph(t, seed) })
}

// TestRandomGraphs does what FuzzCompile does, for many seeds, and checks that the graphs are worth it.
func TestRandomGraphs(t *testing.T) {
	n := 60_000
	if testing.Short() {
		n = 3_000
	}
	compiled := map[string]int{}
	for seed := range uint64(n) {
		g, ok := tryRandomGraph(t, seed)
		for _, node := range g.Nodes {
			if ok {
				compiled[node.Op]++
			}
		}
	}
	for _, op := range Operators() {
		if compiled[op] == 0 && !testing.Short() {
			t.Errorf("no random graph with %s was valid", op)
		}
	}
}

// tryRandomGraph compiles and runs a graph and reports whether it is valid.
func tryRandomGraph(t *testing.T, seed uint64) (*Graph, bool) {
	t.Helper()
	g := randomGraph(rand.New(rand.NewPCG(seed, 1)))
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("seed %d: panic: %v\n%s", seed, r, describe(g))
			panic(r)
		}
	}()
	program, err := Compile(g, Options{Threads: 1, MaxMemory: fuzzMemory})
	if err != nil {
		return g, false
	}
	session, err := program.NewSession(2)
	if err != nil {
		return g, false
	}
	input := rand.New(rand.NewPCG(seed, 2))
	for i := range session.Input(0) {
		session.Input(0)[i] = randomFloat(input)
	}
	x := slices.Clone(session.Input(0))
	session.Run()
	comparePlain(t, seed, g, x, session.Output(0))
	return g, true
}

// comparePlain computes a graph all of whose values are outputs, so that none is fused away and no memory is shared, and
// compares the result.
func comparePlain(t *testing.T, seed uint64, g *Graph, x, got []float32) {
	t.Helper()
	plain := *g
	for _, node := range g.Nodes {
		for _, name := range node.Outputs {
			plain.Outputs = append(plain.Outputs, Value{Name: name})
		}
	}
	program, err := Compile(&plain, Options{Threads: 1})
	if err != nil {
		return // an integer that is no output of the graph otherwise
	}
	session, err := program.NewSession(2)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	copy(session.Input(0), x)
	session.Run()
	for i, want := range session.Output(0) {
		w, g := float64(want), float64(got[i])
		if w != g && !(math.Abs(w-g) <= 1e-5*max(1, math.Abs(w))) && !(math.IsNaN(w) && math.IsNaN(g)) {
			t.Fatalf("seed %d: element %d is %v, without optimization %v\n%s", seed, i, got[i], want, describe(&plain))
		}
	}
}

func describe(g *Graph) string {
	var text strings.Builder
	fmt.Fprintf(&text, "inputs %+v\n", g.Inputs)
	for _, name := range slices.Sorted(maps.Keys(g.Initializers)) {
		fmt.Fprintf(&text, "%s: %+v\n", name, *g.Initializers[name])
	}
	for _, node := range g.Nodes {
		fmt.Fprintf(&text, "%+v\n", *node)
	}
	return text.String()
}

// randomGraph is a chain of one to four operators over an input of random rank.
func randomGraph(r *rand.Rand) *Graph {
	g := &Graph{Name: "random", Initializers: map[string]*Tensor{}}
	shape := []int{Dynamic}
	for range r.IntN(4) {
		shape = append(shape, 1+r.IntN(5))
	}
	if r.IntN(2) == 0 {
		shape = []int{Dynamic, 1 + r.IntN(4), 1 + r.IntN(6), 1 + r.IntN(6)}
	}
	g.Inputs = []Value{{Name: "x", DType: Float32, Shape: shape}}
	values := []string{"x"}
	names := Operators()
	for i := range 1 + r.IntN(4) {
		node := randomNode(r, g, names[r.IntN(len(names))], i, values)
		g.Nodes = append(g.Nodes, node)
		values = append(values, node.Outputs...)
	}
	last := g.Nodes[len(g.Nodes)-1].Outputs[0]
	g.Nodes = append(g.Nodes, &Node{Op: "Cast", Inputs: []string{last}, Outputs: []string{"floats"}, Attributes: map[string]any{"to": "float32"}})
	g.Outputs = []Value{{Name: "floats"}}
	return g
}

func randomNode(r *rand.Rand, g *Graph, op string, i int, values []string) *Node {
	o := operators[op]
	node := &Node{Op: op, Outputs: []string{fmt.Sprintf("y%d", i)}, Attributes: map[string]any{}}
	if o.maxOutputs == 0 {
		for j := range r.IntN(3) {
			node.Outputs = append(node.Outputs, fmt.Sprintf("y%d.%d", i, j))
		}
	}
	inputs := o.minInputs
	if most := max(o.maxInputs, o.minInputs+2); most > inputs {
		inputs += r.IntN(most - inputs + 1)
	}
	if o.maxInputs > 0 {
		inputs = min(inputs, o.maxInputs)
	}
	for j := range inputs {
		switch {
		case j == 0 && !constantsOnly[op] && r.IntN(8) > 0:
			node.Inputs = append(node.Inputs, values[len(values)-1])
		case r.IntN(4) == 0:
			node.Inputs = append(node.Inputs, values[r.IntN(len(values))])
		case j >= o.minInputs && r.IntN(4) == 0:
			node.Inputs = append(node.Inputs, "")
		default:
			name := fmt.Sprintf("c%d.%d", i, j)
			if g.Initializers[name] = fittingTensor(r, op, j, g.Inputs[0].Shape); g.Initializers[name] == nil || r.IntN(4) == 0 {
				g.Initializers[name] = randomTensor(r)
			}
			node.Inputs = append(node.Inputs, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.attributes)) {
		if r.IntN(2) == 0 {
			node.Attributes[name] = randomAttribute(r, name, o.attributes[name])
		}
	}
	return node
}

// constantsOnly are operators whose first input must be constant.
var constantsOnly = map[string]bool{
	"And": true, "Equal": true, "Greater": true, "GreaterOrEqual": true, "Less": true, "LessOrEqual": true, "Mod": true,
	"Not": true, "Or": true, "Range": true, "Where": true, "Xor": true,
}

// fittingTensor is a constant that an operator may well take as its j-th input if the first is of a shape, or nil.
func fittingTensor(r *rand.Rand, op string, j int, shape []int) *Tensor {
	channels := 1
	if len(shape) > 1 {
		channels = shape[1]
	}
	floats := func(shape ...int) *Tensor {
		n, _ := Elements(shape)
		t := NewFloats(make([]float32, n), shape...)
		for i := range t.Floats {
			t.Floats[i] = randomFloat(r)
		}
		return t
	}
	switch op {
	case "And", "Not", "Or", "Xor":
		return cast(Vector(randomInts(r, 3)...), Bool)
	case "Where":
		if j == 0 {
			return cast(Vector(randomInts(r, 3)...), Bool)
		}
		return Vector(randomInts(r, 3)...)
	case "Mod", "Range":
		return NewInts(randomInts(r, 1))
	case "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual":
		return floats(2)
	case "Attention":
		if j == 3 {
			return floats(1)
		}
		return floats(2, max(channels, 1), 2, 3)
	case "BatchNormalization", "GroupNormalization", "InstanceNormalization":
		return floats(channels)
	case "LayerNormalization", "RMSNormalization":
		return floats(max(shape[len(shape)-1], 1))
	case "Einsum":
		return floats(channels, 2)
	case "GatherND":
		return NewInts([]int64{int64(r.IntN(3)), 0, -1, 1}, 2, 2)
	case "ScatterND":
		if j == 2 {
			return floats(slices.Concat([]int{1}, shape[1:])...)
		}
		return NewInts([]int64{int64(r.IntN(2))}, 1, 1)
	case "Conv":
		if j == 1 {
			return floats(2, channels, 1+r.IntN(3), 1+r.IntN(3))
		}
		return floats(2)
	case "Pad":
		if j == 1 {
			return Vector(randomInts(r, 2*len(shape))...)
		}
		return floats()
	case "Resize":
		if j == 2 {
			return floats(len(shape))
		}
		return Vector(randomInts(r, len(shape))...)
	default:
		return nil
	}
}

// randomInts are mostly small, sometimes hostile.
func randomInt(r *rand.Rand) int64 {
	if r.IntN(12) == 0 {
		hostile := []int64{math.MinInt64, math.MaxInt64, math.MinInt32, math.MaxInt32, 1 << 30, 1 << 20, -1 << 40, 1 << 40}
		return hostile[r.IntN(len(hostile))]
	}
	return int64(r.IntN(8) - 2)
}

func randomInts(r *rand.Rand, n int) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = randomInt(r)
		if r.IntN(2) == 0 {
			list[i] = 1
		}
	}
	return list
}

func randomFloat(r *rand.Rand) float32 {
	if r.IntN(12) == 0 {
		hostile := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, -1, 0}
		return hostile[r.IntN(len(hostile))]
	}
	return r.Float32()*4 - 1
}

func randomTensor(r *rand.Rand) *Tensor {
	var shape []int
	for range r.IntN(5) {
		shape = append(shape, r.IntN(5))
	}
	if r.IntN(2) == 0 {
		shape = []int{1 + r.IntN(4)}
	}
	n, _ := Elements(shape)
	if r.IntN(2) == 0 {
		t := NewFloats(make([]float32, n), shape...)
		for i := range t.Floats {
			t.Floats[i] = randomFloat(r)
		}
		return t
	}
	t := NewInts(randomInts(r, n), shape...)
	if r.IntN(4) == 0 {
		return cast(t, []DType{Int32, Uint8, Int8, Bool}[r.IntN(4)])
	}
	return t
}

func randomAttribute(r *rand.Rand, name string, kind kind) any {
	switch kind {
	case intKind:
		return randomInt(r)
	case floatKind:
		return randomFloat(r)
	case stringKind:
		known := map[string][]string{
			"auto_pad": {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}, "to": slices.Collect(maps.Values(dtypeNames)),
			"mode": {"constant", "DCR", "CRD", "nearest", "linear"}, "approximate": {"none"}, "reduction": {"none"},
			"equation":                       {"ij->ji", "ij,jk->ik", "ij,jk", "bijk->kjib", "bc,cd->bd", "bcij,cd->bdij", "ij,jk->k"},
			"coordinate_transformation_mode": {"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"},
			"nearest_mode":                   {"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"},
		}[name]
		slices.Sort(known)
		return append(known, "other")[r.IntN(len(known)+1)]
	case intsKind:
		return randomInts(r, 1+r.IntN(4))
	default:
		return []float32{randomFloat(r), randomFloat(r)}
	}
}
