// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// qdq builds graphs of quantized operators. Values are float32 between a DequantizeLinear and a QuantizeLinear.
type qdq struct {
	*Graph
	dtype  DType // of activations
	random *rand.Rand
}

func newQDQ(dtype DType, input ...int) *qdq {
	return &qdq{dtype: dtype, random: rand.New(rand.NewPCG(1, 9)), Graph: &Graph{
		Name: "quantized", Inputs: []Value{{Name: "x", DType: Float32, Shape: input}}, Initializers: map[string]*Tensor{},
	}}
}

func (b *qdq) constant(t *Tensor) string {
	name := fmt.Sprint("constant", len(b.Initializers))
	b.Initializers[name] = t
	return name
}

// node adds a node with one output and returns that.
func (b *qdq) node(op string, attributes map[string]any, inputs ...string) string {
	output := fmt.Sprint(op, len(b.Nodes))
	b.Nodes = append(b.Nodes, &Node{Op: op, Inputs: inputs, Outputs: []string{output}, Attributes: attributes})
	return output
}

// quantize adds QuantizeLinear and DequantizeLinear.
func (b *qdq) quantize(x string, scale float32, zero int64) string {
	s, z := b.constant(NewFloats([]float32{scale})), b.constant(&Tensor{DType: b.dtype, Ints: []int64{zero}})
	return b.node("DequantizeLinear", nil, b.node("QuantizeLinear", nil, x, s, z), s, z)
}

// weights adds int8 weights with a scale for each position along an axis.
func (b *qdq) weights(axis int, shape ...int) string {
	n, _ := Elements(shape)
	w := &Tensor{DType: Int8, Shape: shape, Ints: make([]int64, n)}
	for i := range w.Ints {
		w.Ints[i] = int64(b.random.IntN(256) - 128)
	}
	return b.node("DequantizeLinear", map[string]any{"axis": int64(axis)}, b.constant(w), b.scales(shape[axis]))
}

// scales are about 1/1000.
func (b *qdq) scales(n int) string {
	s := make([]float32, n)
	for i := range s {
		s[i] = (0.5 + b.random.Float32()) / 1000
	}
	return b.constant(NewFloats(s, n))
}

// clip adds Clip with constant bounds.
func (b *qdq) clip(x string, low, high float32) string {
	return b.node("Clip", nil, x, b.constant(NewFloats([]float32{low})), b.constant(NewFloats([]float32{high})))
}

func (b *qdq) floats(n int) string {
	f := make([]float32, n)
	for i := range f {
		f[i] = b.random.Float32()
	}
	return b.constant(NewFloats(f, n))
}

// bias adds an int32 bias in steps of the scales given.
func (b *qdq) bias(n int) string {
	t := &Tensor{DType: Int32, Shape: []int{n}, Ints: make([]int64, n)}
	for i := range t.Ints {
		t.Ints[i] = int64(b.random.IntN(2001) - 1000)
	}
	return b.node("DequantizeLinear", map[string]any{"axis": int64(0)}, b.constant(t), b.scales(n))
}

func (b *qdq) output(names ...string) *Graph {
	for _, name := range names {
		b.Outputs = append(b.Outputs, Value{Name: name})
	}
	return b.Graph
}

var (
	padded  = map[string]any{"pads": []int64{1, 1, 1, 1}}
	halving = map[string]any{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}
	turned  = map[string]any{"transB": int64(1)}
)

// grouped are a convolution's groups and padding on each side.
func grouped(groups, padding int64) map[string]any {
	return map[string]any{"group": groups, "pads": []int64{padding, padding, padding, padding}}
}

// quantizedGraphs are graphs and the operators that they are compiled to.
var quantizedGraphs = map[string]struct {
	build func(b *qdq) *Graph
	want  []string
}{
	"conv": {func(b *qdq) *Graph {
		y := b.node("Conv", padded, b.quantize("x", 0.02, 3), b.weights(0, 8, 3, 3, 3), b.bias(8))
		return b.output(b.quantize(y, 0.01, 5))
	}, []string{packOperator, quantizedConvOperator, unpackOperator}},
	"conv with a float bias, ReLU and pooling": {func(b *qdq) *Graph {
		y := b.node("Conv", padded, b.quantize("x", 0.02, 3), b.weights(0, 8, 3, 3, 3), b.floats(8))
		return b.output(b.quantize(b.node("MaxPool", halving, b.node("Relu", nil, y)), 0.01, 5))
	}, []string{packOperator, quantizedConvOperator, unpackOperator}},
	"pooling with its own quantization": {func(b *qdq) *Graph {
		y := b.node("Relu", nil, b.node("Conv", padded, b.quantize("x", 0.02, 3), b.weights(0, 8, 3, 3, 3)))
		return b.output(b.quantize(b.node("MaxPool", halving, b.quantize(y, 0.01, 5)), 0.01, 5))
	}, []string{packOperator, quantizedConvOperator, unpackOperator}},
	"pooling to another scale": {func(b *qdq) *Graph {
		y := b.node("Conv", padded, b.quantize("x", 0.02, 3), b.weights(0, 8, 3, 3, 3))
		return b.output(b.quantize(b.node("MaxPool", halving, b.quantize(y, 0.01, 5)), 0.02, 5))
	}, []string{packOperator, quantizedConvOperator, unpackOperator, "MaxPool", "QuantizeLinear", "DequantizeLinear"}},
	"overlapping pooling": {func(b *qdq) *Graph {
		y := b.quantize(b.node("Conv", padded, b.quantize("x", 0.02, 3), b.weights(0, 8, 3, 3, 3)), 0.01, 5)
		pool := map[string]any{"kernel_shape": []int64{3, 3}, "strides": []int64{2, 2}, "pads": []int64{1, 1, 1, 1}}
		return b.output(b.quantize(b.node("MaxPool", pool, y), 0.01, 5))
	}, []string{packOperator, quantizedConvOperator, quantizedMaxPoolOperator, unpackOperator}},
	"network": {func(b *qdq) *Graph {
		y := b.quantize(b.node("Relu", nil, b.node("Conv", padded, b.quantize("x", 0.02, 3), b.weights(0, 16, 3, 3, 3), b.bias(16))), 0.02, 1)
		y = b.quantize(b.node("MaxPool", halving, y), 0.02, 1)
		y = b.quantize(b.node("Relu", nil, b.node("Conv", padded, y, b.weights(0, 32, 16, 3, 3), b.bias(32))), 0.05, 2)
		y = b.quantize(b.node("GlobalAveragePool", nil, y), 0.02, 0)
		y = b.quantize(b.node("Flatten", nil, y), 0.02, 0)
		return b.output(b.node("Gemm", turned, y, b.weights(0, 5, 32), b.floats(5)))
	}, []string{packOperator, quantizedConvOperator, quantizedConvOperator, quantizedGlobalAverageOperator, quantizedFlattenOperator, quantizedProductOperator}},
	"product, quantized": {func(b *qdq) *Graph {
		y := b.quantize(b.node("Flatten", nil, "x"), 0.02, 3)
		return b.output(b.quantize(b.node("Relu", nil, b.node("Gemm", nil, y, b.weights(1, 3*12*10, 5), b.bias(5))), 0.02, 7))
	}, []string{"Flatten", packOperator, quantizedProductOperator, unpackOperator}},
	"product of matrices": {func(b *qdq) *Graph {
		y := b.quantize(b.node("Flatten", nil, "x"), 0.02, 3)
		return b.output(b.node("MatMul", nil, y, b.weights(1, 3*12*10, 5)))
	}, []string{"Flatten", packOperator, quantizedProductOperator}},
	"residual": {func(b *qdq) *Graph {
		x := b.quantize("x", 0.02, 3)
		y := b.quantize(b.node("Conv", padded, x, b.weights(0, 3, 3, 3, 3)), 0.02, 5)
		return b.output(b.node("Add", nil, x, y))
	}, []string{packOperator, unpackOperator, quantizedConvOperator, unpackOperator, "Add"}},
	// Scales that are no simple fractions of each other: halves would round either way.
	"residual block": {func(b *qdq) *Graph {
		x := b.quantize(b.node("Conv", padded, b.quantize("x", 0.02, 3), b.weights(0, 8, 3, 3, 3), b.node("Identity", nil, b.bias(8))), 0.0213, 4)
		y := b.quantize(b.node("Conv", padded, x, b.weights(0, 8, 8, 3, 3)), 0.0307, 5)
		y = b.quantize(b.node("Relu", nil, b.node("Add", nil, y, x)), 0.0239, 1)
		return b.output(b.quantize(b.node("Add", nil, x, y), 0.0411, 7))
	}, []string{packOperator, quantizedConvOperator, quantizedConvOperator, quantizedSumOperator, quantizedSumOperator, unpackOperator}},
	"sums of unlike shapes": {func(b *qdq) *Graph {
		x := b.quantize(b.node("Conv", padded, b.quantize("x", 0.02, 3), b.weights(0, 8, 3, 3, 3)), 0.0213, 4)
		mean := b.quantize(b.node("GlobalAveragePool", nil, x), 0.0107, 9)
		plane := b.quantize(b.node("Conv", nil, x, b.weights(0, 1, 8, 1, 1)), 0.0197, 30)
		y := b.quantize(b.node("Add", nil, mean, plane), 0.0239, 40)
		return b.output(b.quantize(b.node("Add", nil, y, mean), 0.0331, 50))
	}, []string{packOperator, quantizedConvOperator, quantizedGlobalAverageOperator, quantizedConvOperator, quantizedSumOperator, quantizedSumOperator, unpackOperator}},
	"depthwise": {func(b *qdq) *Graph {
		y := b.node("Conv", grouped(3, 1), b.quantize("x", 0.02, 3), b.weights(0, 3, 1, 3, 3))
		return b.output(b.quantize(y, 0.001, 5))
	}, []string{packOperator, quantizedConvOperator, unpackOperator}},
	"depthwise 5×5": {func(b *qdq) *Graph {
		y := b.node("Conv", grouped(3, 2), b.quantize("x", 0.02, 3), b.weights(0, 3, 1, 5, 5))
		return b.output(b.quantize(y, 0.01, 5))
	}, []string{"QuantizeLinear", "DequantizeLinear", "Conv", "QuantizeLinear", "DequantizeLinear"}},
	"groups of several channels": {func(b *qdq) *Graph {
		y := b.node("Conv", grouped(3, 1), b.quantize("x", 0.02, 3), b.weights(0, 6, 1, 3, 3))
		return b.output(b.quantize(y, 0.01, 5))
	}, []string{"QuantizeLinear", "DequantizeLinear", "Conv", "QuantizeLinear", "DequantizeLinear"}},
	"depthwise and pooling": {func(b *qdq) *Graph {
		y := b.node("Conv", grouped(3, 1), b.quantize("x", 0.02, 3), b.weights(0, 3, 1, 3, 3))
		return b.output(b.quantize(b.node("MaxPool", halving, y), 0.01, 5))
	}, []string{"QuantizeLinear", "DequantizeLinear", "Conv", "QuantizeLinear", "DequantizeLinear"}},
	"inverted residual": {func(b *qdq) *Graph {
		x := b.quantize(b.clip(b.node("Conv", padded, b.quantize("x", 0.02, 3), b.weights(0, 8, 3, 3, 3)), 0, 6), 0.0213, 1)
		y := b.quantize(b.clip(b.node("Conv", nil, x, b.weights(0, 24, 8, 1, 1)), 0, 6), 0.019, 0)
		y = b.quantize(b.clip(b.node("Conv", grouped(24, 1), y, b.weights(0, 24, 1, 3, 3)), 0, 1.7), 0.0101, 7)
		y = b.quantize(b.node("Conv", nil, y, b.weights(0, 8, 24, 1, 1)), 0.03, 90)
		return b.output(b.quantize(b.clip(b.node("Add", nil, x, y), -1, 2), 0.0417, 100))
	}, []string{packOperator, quantizedConvOperator, quantizedConvOperator, quantizedConvOperator, quantizedConvOperator, quantizedSumOperator, unpackOperator}},
	"bounds that cross, and one alone": {func(b *qdq) *Graph {
		x := b.quantize("x", 0.02, 3)
		y := b.quantize(b.clip(b.node("Conv", padded, x, b.weights(0, 8, 3, 3, 3)), 0.7, 0.31), 0.0213, 1)
		z := b.quantize(b.node("Clip", nil, b.node("Conv", padded, x, b.weights(0, 8, 3, 3, 3)), "", b.constant(NewFloats([]float32{0.2}))), 0.0213, 100)
		return b.output(y, z)
	}, []string{packOperator, quantizedConvOperator, unpackOperator, quantizedConvOperator, unpackOperator}},
	"conv that stays float32": {func(b *qdq) *Graph {
		return b.output(b.node("Conv", padded, b.quantize("x", 0.02, 3), b.weights(0, 8, 3, 3, 3)))
	}, []string{"QuantizeLinear", "DequantizeLinear", "Conv"}},
	"scale that float32 cannot compute with": {func(b *qdq) *Graph {
		y := b.node("Conv", padded, b.quantize("x", 0.02, 3), b.weights(0, 8, 3, 3, 3))
		return b.output(b.quantize(y, 1e-38, 5))
	}, []string{"QuantizeLinear", "DequantizeLinear", "Conv", "QuantizeLinear", "DequantizeLinear"}},
	"bias beyond 32 bits": {func(b *qdq) *Graph {
		huge := b.constant(NewFloats([]float32{1e9, 0, 0, 0, 0, 0, 0, 0}, 8))
		y := b.node("Conv", padded, b.quantize("x", 0.02, 3), b.weights(0, 8, 3, 3, 3), huge)
		return b.output(b.quantize(y, 0.01, 5))
	}, []string{"QuantizeLinear", "DequantizeLinear", "Conv", "QuantizeLinear", "DequantizeLinear"}},
	"weights with a zero point": {func(b *qdq) *Graph {
		w := &Tensor{DType: Int8, Shape: []int{2, 3, 1, 1}, Ints: []int64{1, 2, 3, 4, 5, 6}}
		zero := b.constant(&Tensor{DType: Int8, Ints: []int64{1}})
		weights := b.node("DequantizeLinear", nil, b.constant(w), b.constant(NewFloats([]float32{0.1})), zero)
		return b.output(b.quantize(b.node("Conv", nil, b.quantize("x", 0.02, 3), weights), 0.01, 5))
	}, []string{"QuantizeLinear", "DequantizeLinear", "Conv", "QuantizeLinear", "DequantizeLinear"}},
}

// unfused computes a graph all of whose float32 values are outputs, so that nothing is fused.
func unfused(t *testing.T, g *Graph, x []float32, batch int) []float32 {
	t.Helper()
	plain := *g
	plain.Outputs = slices.Clone(g.Outputs)
	for _, node := range g.Nodes {
		if node.Op != "QuantizeLinear" {
			plain.Outputs = append(plain.Outputs, Value{Name: node.Outputs[0]})
		}
	}
	program := compileNet(t, &plain, Options{Threads: 1})
	for _, node := range program.graph.Nodes {
		if node.Op == quantizedConvOperator {
			t.Fatalf("%s is fused all the same", node.Title())
		}
	}
	session, err := program.NewSession(batch)
	if err != nil {
		t.Fatal(err)
	}
	copy(session.Input(0), x)
	session.Run()
	return slices.Clone(session.Output(0))
}

// Fused operators compute what the standard says: the float32 operators between dequantization and quantization. Where
// rounding differs in the last bit of a float32, a value between two steps may end on either.
func TestQuantizedGraphs(t *testing.T) {
	const batch = 3
	for name, tc := range quantizedGraphs {
		for _, dtype := range []DType{Uint8, Int8} {
			t.Run(name+"/"+dtype.String(), func(t *testing.T) {
				g := tc.build(newQDQ(dtype, Dynamic, 3, 12, 10))
				program := compileNet(t, g, Options{Threads: 2})
				var ops []string
				for _, node := range program.graph.Nodes {
					ops = append(ops, node.Op)
				}
				if diff := cmp.Diff(tc.want, ops); diff != "" {
					t.Fatalf("operators differ (-want +got):\n%s", diff)
				}
				session, err := program.NewSession(batch)
				if err != nil {
					t.Fatal(err)
				}
				x := make([]float32, len(session.Input(0)))
				r := rand.New(rand.NewPCG(2, 2))
				for i := range x {
					x[i] = float32(r.NormFloat64())
				}
				run := func() {
					copy(session.Input(0), x)
					session.Run()
				}
				run()
				if n := testing.AllocsPerRun(20, run); n > 0 {
					t.Errorf("%v allocations for an inference", n)
				}
				want := unfused(t, g, x, batch)
				// The largest step of the graphs, as one that went the other way shows in the output.
				const step, few = 0.051, 50
				others := 0
				for i, got := range session.Output(0) {
					difference := math.Abs(float64(got - want[i]))
					if !(difference <= step) {
						t.Fatalf("element %d is %v, unfused %v", i, got, want[i])
					}
					if difference > 1e-4*max(1, math.Abs(float64(want[i]))) {
						others++
					}
				}
				// A mean that is a step off shows in all results of its image.
				if others > len(want)/few && name != "network" {
					t.Errorf("%d of %d elements are a step off", others, len(want))
				}
			})
		}
	}
}

func TestQuantizedShapesAreChecked(t *testing.T) {
	for name, build := range map[string]func(b *qdq) *Graph{
		"channels of a convolution": func(b *qdq) *Graph {
			return b.output(b.quantize(b.node("Conv", nil, b.quantize("x", 0.02, 3), b.weights(0, 8, 4, 3, 3)), 1, 0))
		},
		"columns of a product": func(b *qdq) *Graph {
			return b.output(b.node("Gemm", turned, b.quantize(b.node("Flatten", nil, "x"), 0.02, 3), b.weights(0, 5, 7)))
		},
		"rank of a product": func(b *qdq) *Graph {
			return b.output(b.node("Gemm", turned, b.quantize("x", 0.02, 3), b.weights(0, 5, 10)))
		},
		"pooling of nothing": func(b *qdq) *Graph {
			kernel := b.weights(0, 2, 3, 12, 10)
			return b.output(b.quantize(b.node("MaxPool", halving, b.node("Conv", nil, b.quantize("x", 0.02, 3), kernel)), 1, 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Compile(build(newQDQ(Uint8, Dynamic, 3, 12, 10)), Options{}); err == nil {
				t.Error("the graph was accepted")
			}
		})
	}
}
