// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package quantize turns a float32 model into one that computes with 8 bits, in the standard's form that every runtime
// reads: QuantizeLinear and DequantizeLinear around float32 operators ("QDQ"). [Model] does it with any samples, [WithImages]
// with those of a dataset.
//
// What is rewritten is the file itself, in the protobuf types of the standard, and not the engine's graph: a quantized model
// keeps all of the file that has nothing to do with it, in the form and the opset in which its exporter wrote it. The
// engine's graph is the file after normalization, from which that cannot be told any more. What both must agree on, the
// engine states: graph.ByteScale, graph.IsDepthwise3x3, and what graph.NormalizedConvolution folds.
package quantize

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// quantizedOpset is the first opset whose QuantizeLinear has a scale for each channel.
const quantizedOpset = 13

// ErrNotQuantizable says that there is nothing to quantize in a model, or that it cannot be.
var ErrNotQuantizable = errors.New("the model cannot be quantized")

// Model returns a float32 model with its convolutions and products in 8 bits. Weights become int8 with a scale for each
// output channel, activations uint8 with the range that they have on the samples, which are batches of the model's input
// and should look like what the model will see. Batch normalization is folded into the convolutions first. The same model
// and samples give the same bytes.
//
// Weights use 7 of their 8 bits: runtimes that add up pairs of products in 16 bits, as they do on x86-64 without VNNI, would
// otherwise cut sums off.
func Model(data []byte, samples iter.Seq2[[]float32, error]) ([]byte, error) {
	quantized, err := quantize(data, samples)
	if err != nil {
		return nil, fmt.Errorf("quantize ONNX model: %w", err)
	}
	return quantized, nil
}

func quantize(data []byte, samples iter.Seq2[[]float32, error]) ([]byte, error) {
	// All checks of what comes from outside: what follows believes inputs, attributes and shapes.
	model, err := onnx.Decode(data)
	if err != nil {
		return nil, err
	}
	if _, err := model.Compile(graph.Options{}); err != nil {
		return nil, err
	}
	file := &onnxpb.ModelProto{}
	if err := proto.Unmarshal(data, file); err != nil {
		return nil, err
	}
	if opset, err := onnx.StandardOpset(file); err != nil || opset < quantizedOpset {
		return nil, fmt.Errorf("%w: it is of opset %d: export it with opset %d or newer", ErrNotQuantizable, opset, quantizedOpset)
	}
	q := newQuantizer(file.GetGraph())
	q.foldConstants()
	q.foldBatchNormalization()
	if err := q.choose(); err != nil {
		return nil, err
	}
	if err := q.calibrate(file, samples); err != nil {
		return nil, err
	}
	if err := q.write(); err != nil {
		return nil, err
	}
	q.dropUnused()
	return proto.MarshalOptions{Deterministic: true}.Marshal(file)
}

// quantizer rewrites a graph.
type quantizer struct {
	graph   *onnxpb.GraphProto
	weights map[string]*onnxpb.TensorProto
	readers map[string][]*onnxpb.NodeProto
	outputs map[string]bool
	names   map[string]bool

	// layers are the convolutions and products that are quantized.
	layers map[*onnxpb.NodeProto]bool
	// observed are the tensors whose ranges the samples tell, in order; inherited are those that have another's range.
	observed  []string
	inherited map[string]string
	ranges    map[string]graph.ByteScale
}

func newQuantizer(g *onnxpb.GraphProto) *quantizer {
	q := &quantizer{
		graph: g, weights: map[string]*onnxpb.TensorProto{}, outputs: map[string]bool{}, names: map[string]bool{},
		layers: map[*onnxpb.NodeProto]bool{}, inherited: map[string]string{}, ranges: map[string]graph.ByteScale{},
	}
	for _, t := range g.GetInitializer() {
		q.weights[t.GetName()], q.names[t.GetName()] = t, true
	}
	for _, input := range g.GetInput() {
		q.names[input.GetName()] = true
	}
	for _, output := range g.GetOutput() {
		q.outputs[output.GetName()] = true
	}
	for _, node := range g.GetNode() {
		for _, name := range node.GetOutput() {
			q.names[name] = true
		}
	}
	q.index()
	return q
}

// index finds the readers of each value.
func (q *quantizer) index() {
	q.readers = map[string][]*onnxpb.NodeProto{}
	for _, node := range q.graph.GetNode() {
		for _, name := range node.GetInput() {
			q.readers[name] = append(q.readers[name], node)
		}
	}
}

// onlyReader returns the only reader of a value that is no output of the graph, or nil.
func (q *quantizer) onlyReader(name string) *onnxpb.NodeProto {
	if readers := q.readers[name]; len(readers) == 1 && !q.outputs[name] {
		return readers[0]
	}
	return nil
}

// floats returns the float32 tensor of a node's i-th input if it is a constant, or nil.
func (q *quantizer) floats(node *onnxpb.NodeProto, i int) *graph.Tensor {
	if i >= len(node.GetInput()) || q.weights[node.Input[i]] == nil {
		return nil
	}
	t, err := onnx.DecodeTensor(q.weights[node.Input[i]])
	if err != nil || onnxpb.TensorProto_DataType(q.weights[node.Input[i]].GetDataType()) != onnxpb.TensorProto_FLOAT {
		return nil
	}
	return t
}

// hasBias reports whether a Conv or Gemm has its third input, which may be left out.
func hasBias(node *onnxpb.NodeProto) bool {
	const bias = 2
	return bias < len(node.GetInput()) && node.Input[bias] != ""
}

// attribute returns a node's attribute, or nil.
func attribute(node *onnxpb.NodeProto, name string) *onnxpb.AttributeProto {
	for _, a := range node.GetAttribute() {
		if a.GetName() == name {
			return a
		}
	}
	return nil
}

// intAttributeOf returns an attribute's value, or what stands for it.
func intAttributeOf(node *onnxpb.NodeProto, name string, byDefault int64) int64 {
	if a := attribute(node, name); a != nil {
		return a.GetI()
	}
	return byDefault
}

// choose finds the layers and the tensors to quantize.
func (q *quantizer) choose() error {
	for _, node := range q.graph.GetNode() {
		switch node.GetOpType() {
		case "QuantizeLinear", "DequantizeLinear", "QLinearConv", "ConvInteger", "DynamicQuantizeLinear":
			return fmt.Errorf("%w: it is quantized already", ErrNotQuantizable)
		case "Conv":
			q.chooseConv(node)
		case "Gemm":
			q.chooseProduct(node)
		case "MaxPool", "Flatten":
			// The bytes stay what they are.
			if x, y := node.Input[0], node.Output[0]; q.isQuantized(x) && !q.outputs[y] && len(node.GetOutput()) == 1 {
				q.inherited[y] = x
			}
		case "Add":
			if q.isQuantized(node.Input[0]) && q.isQuantized(node.Input[1]) {
				q.observe(q.afterActivation(node.Output[0]))
			}
		case "GlobalAveragePool":
			if q.isQuantized(node.Input[0]) {
				q.observe(node.Output[0])
			}
		}
	}
	if len(q.layers) == 0 {
		return fmt.Errorf("%w: it has no convolution of one group, no depthwise 3×3 one and no Gemm with constant weights", ErrNotQuantizable)
	}
	return nil
}

// isQuantized reports whether a tensor is to be quantized.
func (q *quantizer) isQuantized(name string) bool {
	return q.inherited[name] != "" || slices.Contains(q.observed, name)
}

// observe has a tensor quantized with a range that the samples tell.
func (q *quantizer) observe(name string) {
	if !q.isQuantized(name) && !q.outputs[name] {
		q.observed = append(q.observed, name)
	}
}

// chooseConv takes a convolution with constant weights. Grouped ones that the engine doesn't compute in 8 bits would only lose
// accuracy.
func (q *quantizer) chooseConv(node *onnxpb.NodeProto) {
	w := q.floats(node, 1)
	if w == nil || len(w.Shape) != 4 || w.Len() == 0 || q.weights[node.Input[0]] != nil || hasBias(node) && q.floats(node, 2) == nil {
		return
	}
	if groups := intAttributeOf(node, "group", 1); groups != 1 && !graph.IsDepthwise3x3(int(groups), w.Shape) {
		return
	}
	q.layers[node] = true
	q.observe(node.Input[0])
	q.observe(q.afterActivation(node.Output[0]))
}

// afterActivation returns what a value becomes by the ReLU, or Clip with constant bounds, that alone reads it, or else the value.
func (q *quantizer) afterActivation(name string) string {
	next := q.onlyReader(name)
	if next == nil || next.GetOpType() != "Relu" && next.GetOpType() != "Clip" {
		return name
	}
	for _, bound := range next.GetInput()[1:] {
		if bound != "" && q.weights[bound] == nil {
			return name
		}
	}
	return next.Output[0]
}

// chooseProduct takes a Gemm with constant weights. Its result is quantized only for a layer that reads it.
func (q *quantizer) chooseProduct(node *onnxpb.NodeProto) {
	w := q.floats(node, 1)
	plain := intAttributeOf(node, "transA", 0) == 0
	for _, name := range []string{"alpha", "beta"} {
		a := attribute(node, name)
		plain = plain && (a == nil || a.GetF() == 1)
	}
	if !plain || w == nil || len(w.Shape) != 2 || w.Len() == 0 || q.weights[node.Input[0]] != nil {
		return
	}
	if hasBias(node) {
		outs := w.Shape[1]
		if intAttributeOf(node, "transB", 0) != 0 {
			outs = w.Shape[0]
		}
		bias := q.floats(node, 2)
		if bias == nil || len(bias.Floats) != outs || len(bias.Shape) == 0 || bias.Shape[len(bias.Shape)-1] != outs {
			return // it does not give each output a number
		}
	}
	q.layers[node] = true
	q.observe(node.Input[0])
}
