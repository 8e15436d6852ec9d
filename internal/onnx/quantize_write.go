// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// maxWeight is the largest magnitude of a quantised weight. Two products with bytes, 2·64·255, fit in 16 bits.
const maxWeight = 64

// foldConstants makes tensors of Constant nodes initializers, and gives readers of constants by way of Identity, with which
// exporters write equal weights once, the constants.
func (q *quantizer) foldConstants() {
	same := map[string]string{}
	q.graph.Node = slices.DeleteFunc(q.graph.Node, func(n *onnxpb.NodeProto) bool {
		if n.GetOpType() == "Constant" && !q.outputs[n.Output[0]] {
			return q.foldConstant(n)
		}
		for i, name := range n.GetInput() {
			if constant := same[name]; constant != "" {
				n.Input[i] = constant
			}
		}
		constant := n.GetOpType() == "Identity" && q.weights[n.Input[0]] != nil && !q.outputs[n.Output[0]]
		if constant {
			same[n.Output[0]] = n.Input[0]
		}
		return constant
	})
	q.index()
}

// foldConstant makes a Constant node an initializer if it has a tensor.
func (q *quantizer) foldConstant(n *onnxpb.NodeProto) bool {
	t := attribute(n, "value").GetT()
	if t == nil {
		return false
	}
	t.Name = n.Output[0]
	q.weights[t.Name] = t
	q.graph.Initializer = append(q.graph.Initializer, t)
	return true
}

// foldBatchNormalization lets convolutions do what the batch normalisations after them would, as the engine's compiler does.
func (q *quantizer) foldBatchNormalization() {
	folded := map[*onnxpb.NodeProto]bool{}
	for _, conv := range q.graph.GetNode() {
		if conv.GetOpType() != "Conv" {
			continue
		}
		norm := q.onlyReader(conv.Output[0])
		if norm == nil || norm.GetOpType() != "BatchNormalization" || len(norm.GetOutput()) != 1 || !q.fold(conv, norm) {
			continue
		}
		conv.Output = norm.GetOutput()
		folded[norm] = true
	}
	q.graph.Node = slices.DeleteFunc(q.graph.Node, func(n *onnxpb.NodeProto) bool { return folded[n] })
	q.index()
}

// fold folds one batch normalisation if all weights are constants of fitting shapes.
func (q *quantizer) fold(conv, norm *onnxpb.NodeProto) bool {
	w := q.floats(conv, 1)
	if w == nil || len(w.Shape) != 4 || w.Shape[0] == 0 {
		return false
	}
	channels := w.Shape[0]
	bias := make([]float32, channels)
	if hasBias(conv) {
		b := q.floats(conv, 2)
		if b == nil || len(b.Floats) != channels {
			return false
		}
		copy(bias, b.Floats)
	}
	var parameters [4][]float32
	for i := range parameters {
		t := q.floats(norm, 1+i)
		if t == nil || len(t.Floats) != channels {
			return false
		}
		parameters[i] = t.Floats
	}
	epsilon := float32(1e-5)
	if a := attribute(norm, "epsilon"); a != nil {
		epsilon = a.GetF()
	}
	graph.BatchNormalization{
		Scale: parameters[0], Shift: parameters[1], Mean: parameters[2], Variance: parameters[3], Epsilon: epsilon,
	}.Fold(w.Floats, bias)
	base := conv.Output[0]
	conv.Input = []string{conv.Input[0], q.addFloats(base+".weight", w.Floats, w.Shape...), q.addFloats(base+".bias", bias, channels)}
	return true
}

// unique returns a name made from base that is not taken.
func (q *quantizer) unique(base string) string {
	for q.names[base] {
		base += "'"
	}
	q.names[base] = true
	return base
}

// add adds an initializer and returns its name.
func (q *quantizer) add(base string, dtype onnxpb.TensorProto_DataType, raw []byte, shape ...int) string {
	t := &onnxpb.TensorProto{Name: q.unique(base), DataType: int32(dtype), RawData: raw}
	for _, d := range shape {
		t.Dims = append(t.Dims, int64(d))
	}
	q.weights[t.Name] = t
	q.graph.Initializer = append(q.graph.Initializer, t)
	return t.Name
}

func (q *quantizer) addFloats(base string, values []float32, shape ...int) string {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return q.add(base, onnxpb.TensorProto_FLOAT, raw, shape...)
}

// write puts QuantizeLinear and DequantizeLinear after the tensors that are quantised, and DequantizeLinear before weights.
func (q *quantizer) write() error {
	nodes := q.graph.GetNode()
	q.graph.Node = nil
	// What stands for a quantised tensor, for those that read it.
	dequantized := map[string]string{}
	for _, input := range q.graph.GetInput() {
		if _, ok := q.ranges[input.GetName()]; ok {
			dequantized[input.GetName()] = q.quantizeTensor(input.GetName())
		}
	}
	for _, node := range nodes {
		if q.layers[node] {
			if err := q.quantizeLayer(node); err != nil {
				return nodeError(node, "", err)
			}
		}
		for i, name := range node.GetInput() {
			if other := dequantized[name]; other != "" {
				node.Input[i] = other
			}
		}
		q.graph.Node = append(q.graph.Node, node)
		for _, name := range node.GetOutput() {
			if _, ok := q.ranges[name]; ok {
				dequantized[name] = q.quantizeTensor(name)
			}
		}
	}
	return nil
}

// quantizeTensor adds QuantizeLinear and DequantizeLinear of an activation and returns the result's name.
func (q *quantizer) quantizeTensor(name string) string {
	r := q.ranges[name]
	scale := q.addFloats(name+"_scale", []float32{r.scale})
	zero := q.add(name+"_zero_point", onnxpb.TensorProto_UINT8, []byte{r.zero})
	quantized := q.node("QuantizeLinear", name+"_quantized", name, scale, zero)
	return q.node("DequantizeLinear", name+"_dequantized", quantized, scale, zero)
}

// node adds a node and returns its output.
func (q *quantizer) node(op, output string, inputs ...string) string {
	output = q.unique(output)
	q.graph.Node = append(q.graph.Node, &onnxpb.NodeProto{Name: output, OpType: op, Input: inputs, Output: []string{output}})
	return output
}

// quantizeLayer replaces weights and bias of a layer.
func (q *quantizer) quantizeLayer(node *onnxpb.NodeProto) error {
	w := q.floats(node, 1)
	axis := 0
	if node.GetOpType() == "Gemm" && intAttributeOf(node, "transB", 0) == 0 {
		axis = 1
	}
	input := q.ranges[node.Input[0]].scale
	var bias []float32
	if hasBias(node) {
		bias = q.floats(node, 2).Floats
	}
	scales, err := weightScales(w, axis, input, bias)
	if err != nil {
		return err
	}
	raw := make([]byte, len(w.Floats))
	for i, v := range w.Floats {
		rounded := math.RoundToEven(float64(v) / float64(scales[channelOf(w, axis, i)]))
		raw[i] = byte(int8(min(max(rounded, -maxWeight), maxWeight)))
	}
	weightName := node.Input[1]
	node.Input = slices.Clone(node.Input)
	node.Input[1] = q.dequantizeChannels(weightName, onnxpb.TensorProto_INT8, raw, scales, int64(axis), w.Shape...)
	if bias == nil {
		return nil
	}
	raw = nil
	biasScales := make([]float32, len(bias))
	for i, b := range bias {
		biasScales[i] = input * scales[i]
		raw = binary.LittleEndian.AppendUint32(raw, uint32(int32(math.RoundToEven(float64(b)/float64(biasScales[i])))))
	}
	node.Input[2] = q.dequantizeChannels(node.Input[2], onnxpb.TensorProto_INT32, raw, biasScales, 0, len(bias))
	return nil
}

// channelOf returns the output channel of the i-th weight.
func channelOf(w *graph.Tensor, axis, i int) int {
	if axis == 0 {
		return i / (len(w.Floats) / w.Shape[0])
	}
	return i % w.Shape[1]
}

// weightScales returns the scale of each output channel: that of its largest weight, but not so small that the bias, whose
// scale is that of the products, would leave 32 bits.
func weightScales(w *graph.Tensor, axis int, input float32, bias []float32) ([]float32, error) {
	const biasBits, least = 1 << 24, 1e-20
	largest := make([]float64, w.Shape[axis])
	for i, v := range w.Floats {
		c := channelOf(w, axis, i)
		largest[c] = max(largest[c], math.Abs(float64(v)))
	}
	scales := make([]float32, len(largest))
	for c, most := range largest {
		scale := max(most/maxWeight, least)
		if bias != nil {
			scale = max(scale, math.Abs(float64(bias[c]))/(float64(input)*biasBits))
		}
		if scales[c] = float32(scale); !(scale <= math.MaxFloat32) {
			return nil, fmt.Errorf("%w: the weights of output channel %d are not finite", ErrNotQuantizable, c)
		}
	}
	return scales, nil
}

// dequantizeChannels adds a constant with a scale for each channel along an axis and returns its float32 form's name.
func (q *quantizer) dequantizeChannels(base string, dtype onnxpb.TensorProto_DataType, raw []byte, scales []float32, axis int64, shape ...int) string {
	zeros := make([]byte, len(scales)*len(raw)/max(elements(shape), 1))
	quantized := q.add(base+"_quantized", dtype, raw, shape...)
	scale := q.addFloats(base+"_scale", scales, len(scales))
	zero := q.add(base+"_zero_point", dtype, zeros, len(scales))
	output := q.node("DequantizeLinear", base+"_dequantized", quantized, scale, zero)
	node := q.graph.Node[len(q.graph.Node)-1]
	node.Attribute = []*onnxpb.AttributeProto{intAttribute("axis", axis)}
	return output
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// dropUnused drops weights that no node reads, and descriptions of values, which may be out of date.
func (q *quantizer) dropUnused() {
	q.index()
	q.graph.Initializer = slices.DeleteFunc(q.graph.Initializer, func(t *onnxpb.TensorProto) bool {
		return len(q.readers[t.GetName()]) == 0
	})
	q.graph.Input = slices.DeleteFunc(q.graph.Input, func(v *onnxpb.ValueInfoProto) bool {
		return q.weights[v.GetName()] != nil && len(q.readers[v.GetName()]) == 0
	})
	q.graph.ValueInfo = nil
}

// WithMetadata returns a model file with other metadata of Trainyard.
func WithMetadata(data []byte, metadata Metadata) ([]byte, error) {
	file := &onnxpb.ModelProto{}
	if err := proto.Unmarshal(data, file); err != nil {
		return nil, fmt.Errorf("write ONNX model: not an ONNX file: %w", err)
	}
	if file.GetGraph() == nil {
		return nil, errors.New("write ONNX model: the file holds no graph")
	}
	if err := setMetadata(file, metadata); err != nil {
		return nil, fmt.Errorf("write ONNX model: %w", err)
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(file)
}
