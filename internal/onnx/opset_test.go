// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxtest"
)

// TestOldOpsets reads operators in the forms that they had before the one that package graph knows. The input is
// [1, 2, 3] = 1 … 6.
func TestOldOpsets(t *testing.T) {
	const e = math.E
	floats := func(name string, values ...float32) *onnxpb.AttributeProto {
		return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_FLOATS, Floats: values}
	}
	// softmax of 1 … 6 as one row
	var row []float32
	for i := range 6 {
		row = append(row, float32(math.Exp(float64(i-5))*(1-1/e)/(1-math.Pow(e, -6))))
	}
	tests := map[string]struct {
		opset      int64
		op         string
		attributes []*onnxpb.AttributeProto
		// weights are further inputs.
		weights []*onnxpb.TensorProto
		shape   []int
		want    []float32
	}{
		"Slice with attributes": {opset: 9, op: "Slice", attributes: []*onnxpb.AttributeProto{ints("axes", 2), ints("starts", -2), ints("ends", 100)},
			shape: []int{1, 2, 2}, want: []float32{2, 3, 5, 6}},
		"Slice without axes": {opset: 9, op: "Slice", attributes: []*onnxpb.AttributeProto{ints("starts", 0, 1), ints("ends", 1, 2)},
			shape: []int{1, 1, 3}, want: []float32{4, 5, 6}},
		"Pad with attributes": {opset: 10, op: "Pad", attributes: []*onnxpb.AttributeProto{ints("pads", 0, 0, 1, 0, 0, -1), floatAttribute("value", 9)},
			shape: []int{1, 2, 3}, want: []float32{9, 1, 2, 9, 4, 5}},
		"Clip with attributes": {opset: 10, op: "Clip", attributes: []*onnxpb.AttributeProto{floatAttribute("min", 2), floatAttribute("max", 5)},
			shape: []int{1, 2, 3}, want: []float32{2, 2, 3, 4, 5, 5}},
		"Clip with one bound": {opset: 7, op: "Clip", attributes: []*onnxpb.AttributeProto{floatAttribute("max", 4)},
			shape: []int{1, 2, 3}, want: []float32{1, 2, 3, 4, 4, 4}},
		"Upsample with scales as an attribute": {opset: 7, op: "Upsample", attributes: []*onnxpb.AttributeProto{floats("scales", 1, 1, 2)},
			shape: []int{1, 2, 6}, want: []float32{1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}},
		"Upsample with scales as an input": {opset: 9, op: "Upsample", weights: []*onnxpb.TensorProto{floatTensor("scales", []float32{1, 2, 1}, 3)},
			shape: []int{1, 4, 3}, want: []float32{1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6}},
		"Resize of opset 10": {opset: 10, op: "Resize", attributes: []*onnxpb.AttributeProto{stringAttribute("mode", "linear")},
			weights: []*onnxpb.TensorProto{floatTensor("scales", []float32{1, 1, 2}, 3)},
			shape:   []int{1, 2, 6}, want: []float32{1, 1.5, 2, 2.5, 3, 3, 4, 4.5, 5, 5.5, 6, 6}},
		"Split with sizes as an attribute": {opset: 11, op: "Split", attributes: []*onnxpb.AttributeProto{IntAttribute("axis", 2), ints("split", 3)},
			shape: []int{1, 2, 3}, want: []float32{1, 2, 3, 4, 5, 6}},
		"Squeeze with axes as an attribute": {opset: 12, op: "Squeeze", attributes: []*onnxpb.AttributeProto{ints("axes", 0)},
			shape: []int{2, 3}, want: []float32{1, 2, 3, 4, 5, 6}},
		"Squeeze of all": {opset: 12, op: "Squeeze", shape: []int{2, 3}, want: []float32{1, 2, 3, 4, 5, 6}},
		"Unsqueeze with axes as an attribute": {opset: 12, op: "Unsqueeze", attributes: []*onnxpb.AttributeProto{ints("axes", 0, 4)},
			shape: []int{1, 1, 2, 3, 1}, want: []float32{1, 2, 3, 4, 5, 6}},
		"ReduceSum with axes as an attribute": {opset: 12, op: "ReduceSum", attributes: []*onnxpb.AttributeProto{ints("axes", 1), IntAttribute("keepdims", 0)},
			shape: []int{1, 3}, want: []float32{5, 7, 9}},
		"ReduceMean with axes as an attribute": {opset: 17, op: "ReduceMean", attributes: []*onnxpb.AttributeProto{ints("axes", -1)},
			shape: []int{1, 2, 1}, want: []float32{2, 5}},
		"ReduceSumSquare with axes as an attribute": {opset: 17, op: "ReduceSumSquare", attributes: []*onnxpb.AttributeProto{ints("axes", 2)},
			shape: []int{1, 2, 1}, want: []float32{14, 77}},
		"Softmax of a matrix":    {opset: 12, op: "Softmax", shape: []int{1, 2, 3}, want: row},
		"LogSoftmax of a matrix": {opset: 12, op: "LogSoftmax", attributes: []*onnxpb.AttributeProto{IntAttribute("axis", 0)}, shape: []int{1, 2, 3}, want: logs(row)},
		"Dropout": {opset: 7, op: "Dropout", attributes: []*onnxpb.AttributeProto{floatAttribute("ratio", 0.5)},
			shape: []int{1, 2, 3}, want: []float32{1, 2, 3, 4, 5, 6}},
		"BatchNormalization of opset 7": {opset: 7, op: "BatchNormalization",
			attributes: []*onnxpb.AttributeProto{IntAttribute("spatial", 1), floatAttribute("momentum", 0.9), floatAttribute("epsilon", 0)},
			weights: []*onnxpb.TensorProto{
				floatTensor("scale", []float32{1, 2}, 2), floatTensor("shift", []float32{0, 1}, 2),
				floatTensor("mean", []float32{2, 5}, 2), floatTensor("variance", []float32{1, 4}, 2),
			},
			shape: []int{1, 2, 3}, want: []float32{-1, 0, 1, 0, 1, 2}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			input := batchOf("x", []int{2, 3})
			input.Type.GetTensorType().Shape.Dim[0] = &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 1}}
			node := &onnxpb.NodeProto{OpType: tc.op, Input: []string{"x"}, Output: []string{"y"}, Attribute: tc.attributes}
			for _, w := range tc.weights {
				node.Input = append(node.Input, w.Name)
			}
			file := &onnxpb.ModelProto{
				OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: tc.opset}},
				Graph: &onnxpb.GraphProto{
					Node: []*onnxpb.NodeProto{node}, Input: []*onnxpb.ValueInfoProto{input}, Output: []*onnxpb.ValueInfoProto{{Name: "y"}}, Initializer: tc.weights,
				},
			}
			data, err := proto.Marshal(file)
			if err != nil {
				t.Fatal(err)
			}
			model, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			program, err := graph.Compile(model.Graph, graph.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			session, err := program.NewSession(1)
			if err != nil {
				t.Fatal(err)
			}
			copy(session.Input(0), []float32{1, 2, 3, 4, 5, 6})
			session.Run()
			got := session.Output(0)
			if !slices.Equal(session.OutputShape(0), tc.shape) || len(got) != len(tc.want) {
				t.Fatalf("shape is %v, want %v", session.OutputShape(0), tc.shape)
			}
			if onnxtest.LargestError(got, tc.want) > 1e-5 {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func logs(values []float32) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(math.Log(float64(v)))
	}
	return out
}
