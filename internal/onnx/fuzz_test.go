// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// fuzzMemory bounds what a fuzzed model may take: 16 MiB.
const fuzzMemory = 16 << 20

// FuzzDecode reads damaged and hostile files: it may be an error, but neither panics nor takes much memory. A file that is
// read is compiled too.
func FuzzDecode(f *testing.F) {
	for _, file := range fuzzModels() {
		data, err := proto.Marshal(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		model, err := Decode(data)
		if err != nil {
			return
		}
		_, _ = model.Metadata()
		_, _ = graph.Compile(model.Graph, graph.Options{Threads: 1, MaxMemory: fuzzMemory})
	})
}

// fuzzModels are small models with what a file may have: attributes of all types, old opsets, constants, raw data.
func fuzzModels() []*onnxpb.ModelProto {
	small := smallModel()
	old := smallModel()
	old.OpsetImport[1].Version = 9
	old.Graph.Input = append(old.Graph.Input, batchOf("w", nil))
	old.Graph.Node = []*onnxpb.NodeProto{
		{OpType: "Constant", Output: []string{"c"}, Attribute: []*onnxpb.AttributeProto{{
			Name: "value", Type: onnxpb.AttributeProto_TENSOR, T: &onnxpb.TensorProto{DataType: 7, Dims: []int64{1}, RawData: make([]byte, 8)},
		}}},
		{OpType: "ConstantOfShape", Input: []string{"c"}, Output: []string{"empty"}},
		{OpType: "Unsqueeze", Input: []string{"x"}, Output: []string{"u"}, Attribute: []*onnxpb.AttributeProto{ints("axes", 2, 3)}},
		{OpType: "Clip", Input: []string{"u"}, Output: []string{"k"}, Attribute: []*onnxpb.AttributeProto{floatAttribute("min", -1)}},
		{OpType: "Upsample", Input: []string{"k"}, Output: []string{"up"}, Attribute: []*onnxpb.AttributeProto{
			{Name: "scales", Type: onnxpb.AttributeProto_FLOATS, Floats: []float32{1, 1, 2, 2}}, stringAttribute("mode", "nearest")}},
		{OpType: "Softmax", Input: []string{"up"}, Output: []string{"y"}},
	}
	conv := smallModel()
	conv.Graph.Input = []*onnxpb.ValueInfoProto{batchOf("x", []int{2, 5, 5})}
	conv.Graph.Initializer = []*onnxpb.TensorProto{
		floatTensor("w", make([]float32, 18), 2, 1, 3, 3), floatTensor("one", []float32{1, 1}, 2),
	}
	conv.Graph.Node = []*onnxpb.NodeProto{
		{OpType: "Conv", Input: []string{"x", "w"}, Output: []string{"s"}, Attribute: []*onnxpb.AttributeProto{
			IntAttribute("group", 2), ints("pads", 1, 1, 1, 1), stringAttribute("auto_pad", "NOTSET")}},
		{OpType: "BatchNormalization", Input: []string{"s", "one", "one", "one", "one"}, Output: []string{"n"}},
		{OpType: "Dropout", Input: []string{"n"}, Output: []string{"d"}},
		{OpType: "GlobalAveragePool", Input: []string{"d"}, Output: []string{"y"}},
	}
	return []*onnxpb.ModelProto{small, old, conv}
}
