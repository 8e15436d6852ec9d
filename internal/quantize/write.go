// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantize

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// maxWeight is the largest magnitude of a quantized weight. Two products with bytes, 2·64·255, fit in 16 bits.
const maxWeight = 64

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

// write puts QuantizeLinear and DequantizeLinear after the tensors that are quantized, and DequantizeLinear before weights.
func (q *quantizer) write() error {
	nodes := q.graph.GetNode()
	q.graph.Node = nil
	// What stands for a quantized tensor, for those that read it.
	dequantized := map[string]string{}
	for _, input := range q.graph.GetInput() {
		if _, ok := q.ranges[input.GetName()]; ok {
			dequantized[input.GetName()] = q.quantizeTensor(input.GetName())
		}
	}
	for _, node := range nodes {
		if q.layers[node] {
			if err := q.quantizeLayer(node); err != nil {
				return onnx.NodeError(node, "", err)
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
	scale := q.addFloats(name+"_scale", []float32{r.Scale})
	zero := q.add(name+"_zero_point", onnxpb.TensorProto_UINT8, []byte{r.Zero})
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
	input := q.ranges[node.Input[0]].Scale
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
	node.Attribute = []*onnxpb.AttributeProto{onnx.IntAttribute("axis", axis)}
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
