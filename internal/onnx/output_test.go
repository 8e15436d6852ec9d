// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxtest"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// outputSize is the side of the images of outputModel.
const outputSize = 4

// headWidth is the number of logits of outputModel.
const headWidth = 3

// step is a node of one input, or of more if others are named.
type step struct {
	op         string
	others     []string
	attributes map[string]any
}

// outputModel is a linear classifier of the mean color, weights × 3 × the mean plus a bias of 5, -5 and 1, followed by
// steps. The value "z" is the logits; "one" and "hundred" are constants. Width numbers are left of the logits.
func outputModel(width int, weights float32, steps ...step) *Model {
	w, bias := make([]float32, preprocess.Channels*width), []float32{5, -5, 1}[:width]
	for i := range w {
		w[i] = 3 * weights * float32(math.Sin(float64(i+1)))
	}
	g := &graph.Graph{
		Inputs:  []graph.Value{{Name: "input", DType: graph.Float32, Shape: []int{graph.Dynamic, preprocess.Channels, outputSize, outputSize}}},
		Outputs: []graph.Value{{Name: "z"}},
		Nodes: []*graph.Node{
			{Op: "GlobalAveragePool", Inputs: []string{"input"}, Outputs: []string{"pooled"}},
			{Op: "Flatten", Inputs: []string{"pooled"}, Outputs: []string{"flat"}},
			{Op: "Gemm", Inputs: []string{"flat", "w", "b"}, Outputs: []string{"z"}},
		},
		Initializers: map[string]*graph.Tensor{
			"w": graph.NewFloats(w, preprocess.Channels, width), "b": graph.NewFloats(bias, width),
			"one": graph.NewFloats([]float32{1}), "hundred": graph.NewFloats([]float32{100}),
			"last": {DType: graph.Int64, Shape: []int{1}, Ints: []int64{-1}},
			"map":  {DType: graph.Int64, Shape: []int{4}, Ints: []int64{0, -1, 1, 1}},
			"two":  {DType: graph.Int64, Shape: []int{2}, Ints: []int64{1, 2}},
			"byte": {DType: graph.Uint8, Ints: []int64{0}}, "step": graph.NewFloats([]float32{1. / 255}),
		},
	}
	for i, s := range steps {
		output := "y" + string(rune('0'+i))
		g.Nodes = append(g.Nodes, &graph.Node{
			Op: s.op, Inputs: append([]string{g.Outputs[0].Name}, s.others...), Outputs: []string{output}, Attributes: s.attributes,
		})
		g.Outputs[0].Name = output
	}
	return &Model{Graph: g}
}

// findOutput compiles a model of outputModel and finds out its output.
func findOutput(t *testing.T, model *Model, classes int, told Output) (Output, *graph.Program, error) {
	t.Helper()
	program, err := graph.Compile(model.Graph, graph.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	found, err := model.FindOutput(program, &Metadata{
		Classes: []string{"a", "b", "c", "d"}[:classes], Preprocess: preprocess.DefaultSpec(outputSize), Output: told,
	})
	return found, program, err
}

// TestFindOutput finds out what networks yield, and checks that their logits have the probabilities meant.
func TestFindOutput(t *testing.T) {
	softmax, sigmoid := step{op: "Softmax"}, step{op: "Sigmoid"}
	quantize := []step{{op: "QuantizeLinear", others: []string{"step", "byte"}}, {op: "DequantizeLinear", others: []string{"step", "byte"}}}
	normalize := []step{{op: "Exp"}, {op: "Div", others: []string{"sum"}}}
	decomposed := func() *Model {
		model := outputModel(headWidth, 1, normalize...)
		sum := &graph.Node{Op: "ReduceSum", Inputs: []string{"y0", "last"}, Outputs: []string{"sum"}}
		model.Graph.Nodes = slices.Insert(model.Graph.Nodes, len(model.Graph.Nodes)-1, sum)
		return model
	}
	logits := func(model *Model) []float64 { return softmaxOf(t, model, "z") }
	yields := func(model *Model) []float64 { return softmaxOf(t, model, model.Graph.Outputs[0].Name) }
	single := func(model *Model) []float64 {
		z := valueOf(t, model, "z")[0]
		return []float64{1 / (1 + math.Exp(z)), 1 / (1 + math.Exp(-z))}
	}
	tests := map[string]struct {
		model  *Model
		told   Output
		want   Output
		means  func(*Model) []float64
		within float64
	}{
		"logits":                    {model: outputModel(headWidth, 1), want: OutputLogits, means: logits},
		"constant logits":           {model: outputModel(headWidth, 0), want: OutputLogits, means: logits},
		"Softmax":                   {model: outputModel(headWidth, 1, softmax), want: OutputProbabilities, means: logits},
		"constant Softmax":          {model: outputModel(headWidth, 0, softmax), want: OutputProbabilities, means: logits},
		"saturated Softmax":         {model: outputModel(headWidth, 50, softmax), want: OutputProbabilities, means: logits},
		"Softmax, reshaped":         {model: outputModel(headWidth, 1, softmax, step{op: "Identity"}, step{op: "Reshape", others: []string{"map"}}), want: OutputProbabilities, means: logits},
		"Softmax of a map":          {model: outputModel(headWidth, 1, step{op: "Reshape", others: []string{"map"}}, step{op: "Softmax", attributes: map[string]any{"axis": int64(1)}}), want: OutputProbabilities, means: logits},
		"Softmax, clipped":          {model: outputModel(headWidth, 1, softmax, step{op: "Clip", others: []string{"", "one"}}), want: OutputProbabilities, means: logits},
		"Softmax, quantized":        {model: outputModel(headWidth, 1, append([]step{softmax}, quantize...)...), want: OutputProbabilities, means: logits, within: 0.01},
		"Softmax, decomposed":       {model: decomposed(), want: OutputProbabilities, means: logits},
		"Softmax as a weight":       {model: outputModel(headWidth, 1, softmax, step{op: "Mul", others: []string{"z"}}, step{op: "Add", others: []string{"z"}}), want: OutputLogits, means: yields},
		"Sigmoid as a weight":       {model: outputModel(headWidth, 1, sigmoid, step{op: "Mul", others: []string{"z"}}), want: OutputLogits, means: yields},
		"Sigmoid, clipped":          {model: outputModel(1, 1, sigmoid, step{op: "Clip", others: []string{"", "one"}}), want: OutputSigmoid, means: single},
		"Softmax, told":             {model: outputModel(headWidth, 1, softmax), told: OutputProbabilities, want: OutputProbabilities, means: logits},
		"LogSoftmax":                {model: outputModel(headWidth, 1, step{op: "LogSoftmax"}), want: OutputLogProbabilities, means: logits},
		"logarithm of Softmax":      {model: outputModel(headWidth, 1, softmax, step{op: "Log"}), want: OutputLogProbabilities, means: logits},
		"Sigmoid":                   {model: outputModel(1, 1, sigmoid), want: OutputSigmoid, means: single},
		"Sigmoid, quantized":        {model: outputModel(1, 1, append([]step{sigmoid}, quantize...)...), want: OutputSigmoid, means: single, within: 0.01},
		"Sigmoid, decomposed":       {model: outputModel(1, 1, step{op: "Neg"}, step{op: "Exp"}, step{op: "Add", others: []string{"one"}}, step{op: "Reciprocal"}), want: OutputSigmoid, means: single},
		"logit":                     {model: outputModel(1, 1), want: OutputLogit, means: single},
		"logit of two, by metadata": {model: outputModel(1, 0), told: OutputLogit, want: OutputLogit, means: single},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			classes := max(len(tc.model.Graph.Initializers["b"].Floats), 2)
			got, program, err := findOutput(t, tc.model, classes, tc.told)
			if err != nil || got != tc.want {
				t.Fatalf("FindOutput() = %q, %v, want %q", got, err, tc.want)
			}
			raw := make([]float32, program.OutputLen())
			if err := program.Run(outputImage(), 1, raw); err != nil {
				t.Fatal(err)
			}
			want := tc.means(tc.model)
			for i, p := range probabilities(got.AppendLogits(nil, raw), classes) {
				if !(math.Abs(p-want[i]) <= max(tc.within, 1e-6)) {
					t.Errorf("class %d has the probability %v, want %v", i, p, want[i])
				}
			}
		})
	}
}

func outputImage() []float32 {
	image := make([]float32, preprocess.Channels*outputSize*outputSize)
	for i := range image {
		image[i] = float32(i%7) / 7
	}
	return image
}

// valueOf computes a value of a model for outputImage.
func valueOf(t *testing.T, model *Model, name string) []float64 {
	t.Helper()
	g := *model.Graph
	g.Outputs = []graph.Value{{Name: name}}
	var values []float64
	for _, v := range onnxtest.Run(t, &g, outputImage(), 1) {
		values = append(values, float64(v))
	}
	return values
}

// softmaxOf is the softmax of a value of a model.
func softmaxOf(t *testing.T, model *Model, name string) []float64 {
	t.Helper()
	var z []float32
	for _, v := range valueOf(t, model, name) {
		z = append(z, float32(v))
	}
	return probabilities(z, len(z))
}

// TestFindOutputRefuses refuses what can't be the probabilities of one class among several, or contradicts the metadata.
func TestFindOutputRefuses(t *testing.T) {
	softmax, sigmoid := step{op: "Softmax"}, step{op: "Sigmoid"}
	tests := map[string]struct {
		model   *Model
		classes int
		told    Output
		says    string
	}{
		"one Sigmoid per class":      {model: outputModel(3, 1, sigmoid), classes: 3, says: "ends in one Sigmoid per class"},
		"Softmax of one number":      {model: outputModel(1, 1, softmax), classes: 2, says: "Softmax of a single number"},
		"Softmax along the batch":    {model: outputModel(3, 1, step{op: "Softmax", attributes: map[string]any{"axis": int64(0)}}), classes: 3, says: "apply Softmax along the classes"},
		"LogSoftmax along the batch": {model: outputModel(3, 1, step{op: "LogSoftmax", attributes: map[string]any{"axis": int64(0)}}), classes: 3, says: "apply LogSoftmax along the classes"},
		"percentages":                {model: outputModel(3, 1, softmax, step{op: "Mul", others: []string{"hundred"}}), classes: 3, says: "computes on after its Softmax"},
		"Softmax without a class":    {model: outputModel(3, 1, softmax, step{op: "Gather", others: []string{"two"}, attributes: map[string]any{"axis": int64(1)}}), classes: 2, says: "computes on after its Softmax"},
		"Sigmoids, clipped":          {model: outputModel(3, 1, sigmoid, step{op: "Clip", others: []string{"", "one"}}), classes: 3, says: "computes on after its Sigmoid"},
		"percentage of a Sigmoid":    {model: outputModel(1, 1, sigmoid, step{op: "Mul", others: []string{"hundred"}}), classes: 2, says: "computes on after its Sigmoid"},
		"another number of classes":  {model: outputModel(3, 1), classes: 4, says: "yields 3 numbers for an image, but there are names of 4 classes: name one for each"},
		"one number, three classes":  {model: outputModel(1, 1, sigmoid), classes: 3, says: "yields 1 numbers for an image, but there are names of 3 classes"},
		"a constant that may be any": {model: outputModel(1, 0, step{op: "Clip", others: []string{"one", "one"}}), classes: 2, says: `set trainyard.output to "sigmoid" or "logit"`},
		"told probabilities":         {model: outputModel(3, 1), classes: 3, told: OutputProbabilities, says: `trainyard.output is "probabilities", but`},
		"told logProbabilities":      {model: outputModel(3, 1), classes: 3, told: OutputLogProbabilities, says: `trainyard.output is "logProbabilities", but`},
		"told sigmoid of a logit":    {model: outputModel(1, 1), classes: 2, told: OutputSigmoid, says: `trainyard.output is "sigmoid", but`},
		"told sigmoid of two":        {model: outputModel(2, 1), classes: 2, told: OutputSigmoid, says: "yields 2 numbers"},
		"told logits of one number":  {model: outputModel(1, 1), classes: 2, told: OutputLogits, says: "yields 1 numbers"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			found, _, err := findOutput(t, tc.model, tc.classes, tc.told)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("FindOutput() = %q, %v, want an error that says %q", found, err, tc.says)
			}
		})
	}
}
