// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package classifier_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// foreign is the network as another tool would write it: without metadata, and changed.
func foreign(t *testing.T, changes ...func(*onnxpb.ModelProto)) []byte {
	t.Helper()
	return encoded(t, func(m *onnxpb.ModelProto) {
		m.MetadataProps = nil
		for _, change := range changes {
			change(m)
		}
	})
}

// before puts a node between the input and what reads it.
func before(m *onnxpb.ModelProto, op string, attributes ...*onnxpb.AttributeProto) {
	name := m.Graph.Input[0].Name + "/before"
	node := &onnxpb.NodeProto{OpType: op, Input: []string{name}, Output: []string{m.Graph.Input[0].Name}, Attribute: attributes}
	m.Graph.Node = slices.Concat([]*onnxpb.NodeProto{node}, m.Graph.Node)
	m.Graph.Input[0].Name = name
}

func channelsLast(m *onnxpb.ModelProto) {
	before(m, "Transpose", &onnxpb.AttributeProto{Name: "perm", Type: onnxpb.AttributeProto_INTS, Ints: []int64{0, 3, 1, 2}})
	dims := m.Graph.Input[0].Type.GetTensorType().Shape.Dim
	dims[1], dims[2], dims[3] = dims[2], dims[3], dims[1]
}

func bytes(m *onnxpb.ModelProto) {
	before(m, "Cast", &onnxpb.AttributeProto{Name: "to", Type: onnxpb.AttributeProto_INT, I: int64(onnxpb.TensorProto_FLOAT)})
	m.Graph.Input[0].Type.GetTensorType().ElemType = int32(onnxpb.TensorProto_UINT8)
}

func bytesAgain(m *onnxpb.ModelProto) {
	before(m, "Cast", &onnxpb.AttributeProto{Name: "to", Type: onnxpb.AttributeProto_INT, I: int64(onnxpb.TensorProto_UINT8)})
}

func openSize(m *onnxpb.ModelProto) {
	dims := m.Graph.Input[0].Type.GetTensorType().Shape.Dim
	for _, dim := range dims {
		if dim.GetDimValue() == networkSize {
			dim.Value = nil
		}
	}
}

func rescaling(m *onnxpb.ModelProto) {
	before(m, "Mul")
	m.Graph.Node[0].Input = append(m.Graph.Node[0].Input, "scale")
	m.Graph.Initializer = append(m.Graph.Initializer, &onnxpb.TensorProto{Name: "scale", DataType: int32(onnxpb.TensorProto_FLOAT), FloatData: []float32{1. / 255}})
}

func auxiliary(m *onnxpb.ModelProto) {
	m.Graph.Output = append(m.Graph.Output, &onnxpb.ValueInfoProto{Name: m.Graph.Node[0].Output[0]})
}

func property(key, value string) func(*onnxpb.ModelProto) {
	return func(m *onnxpb.ModelProto) {
		m.MetadataProps = append(m.MetadataProps, &onnxpb.StringStringEntryProto{Key: key, Value: value})
	}
}

var threeClasses = []string{"a", "b", "c"}

func TestForeignModels(t *testing.T) {
	torchvision := preprocess.DefaultSpec(networkSize)
	torchvision.Decode = "" // whole, as others do
	torchvision.Resize, torchvision.ShorterSide = preprocess.ResizeCrop, 18
	keras := preprocess.Spec{Size: networkSize, Resize: preprocess.ResizeBilinear, Scale: 1 / 127.5, Mean: [3]float32{1, 1, 1}, Std: [3]float32{1, 1, 1}}
	pixels := preprocess.Spec{Size: networkSize, Resize: preprocess.ResizeBilinear, Scale: 1, Std: [3]float32{1, 1, 1}}
	ultralytics := preprocess.Spec{Size: networkSize, Resize: preprocess.ResizeCrop, ShorterSide: networkSize, Std: [3]float32{1, 1, 1}}
	told := classifier.Told{Classes: threeClasses}
	all := classifier.Input{
		Size: networkSize, Resize: preprocess.ResizeBilinear, Filter: preprocess.FilterBicubic, ChannelOrder: preprocess.ChannelsBGR, Scale: 1, Mean: &[3]float32{103.939, 116.779, 123.68},
	}
	caffe := preprocess.Spec{
		Size: networkSize, Resize: preprocess.ResizeBilinear, Filter: preprocess.FilterBicubic, Scale: 1, Mean: *all.Mean, Std: [3]float32{1, 1, 1}, ChannelOrder: preprocess.ChannelsBGR,
	}
	resized := torchvision
	resized.ShorterSide = 20
	retold := caffe
	retold.Decode = preprocess.DecodeReduced // of which nothing can be told
	cases := map[string]struct {
		data    []byte
		told    classifier.Told
		want    preprocess.Spec
		assumed []string // the fields
	}{
		"torchvision": {data: foreign(t), told: told, want: torchvision, assumed: []string{"input.resize", "input.scale, mean, std", "input.channelOrder"}},
		"Keras":       {data: foreign(t, channelsLast), told: told, want: keras, assumed: []string{"input.resize", "input.scale, mean, std", "input.channelOrder"}},
		"Keras, bytes": {
			data: foreign(t, channelsLast, bytes), told: told, want: pixels, assumed: []string{"input.resize", "input.channelOrder"},
		},
		"Keras by PyTorch, bytes": {
			data: foreign(t, channelsLast, bytes, bytesAgain, bytesAgain), told: told, want: pixels, assumed: []string{"input.resize", "input.channelOrder"},
		},
		"Keras, rescaling": {
			data: foreign(t, rescaling, channelsLast), told: told, want: pixels, assumed: []string{"input.resize", "input.channelOrder"},
		},
		"everything told": {data: foreign(t), told: classifier.Told{Classes: threeClasses, Input: all}, want: caffe},
		"size told": {
			data: foreign(t, openSize), told: classifier.Told{Classes: threeClasses, Input: classifier.Input{Size: networkSize, ShorterSide: 20}}, want: resized,
			assumed: []string{"input.scale, mean, std", "input.channelOrder"},
		},
		"Ultralytics": {
			data: foreign(t, property("author", "Ultralytics"), property("task", "classify"), property("names", `{0: 'a', 1: "b", 2: 'c'}`)), want: ultralytics,
		},
		"id2label": {
			data: foreign(t, property("id2label", `{"0": "a", "1": "b", "2": "c"}`)), want: torchvision,
			assumed: []string{"input.resize", "input.scale, mean, std", "input.channelOrder"},
		},
		"several outputs": {
			data: foreign(t, auxiliary), told: classifier.Told{Classes: threeClasses, OutputName: "logits", Input: all}, want: caffe,
		},
		"metadata, told otherwise": {data: encoded(t, nil), told: classifier.Told{Input: all}, want: retold},
	}
	original, err := classifier.Read(encoded(t, nil), classifier.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	images := make([]float32, 2*original.Preprocess.TensorLen())
	for i := range images {
		images[i] = float32(i%13) / 6
	}
	logits, err := original.Logits(images, 2)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			model, err := classifier.Read(tc.data, classifier.Options{Told: tc.told, Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, model.Preprocess); diff != "" {
				t.Errorf("preprocessing (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(threeClasses, model.Classes); diff != "" {
				t.Errorf("classes (-want +got):\n%s", diff)
			}
			var fields []string
			for _, assumed := range model.Assumed {
				field, _, _ := strings.Cut(assumed, ": ")
				fields = append(fields, field)
			}
			if diff := cmp.Diff(tc.assumed, fields); diff != "" {
				t.Errorf("assumed %q (-want +got):\n%s", model.Assumed, diff)
			}
			if strings.Contains(name, "rescaling") {
				return // other numbers, of the same images
			}
			got, err := model.Logits(images, 2)
			if diff := cmp.Diff(logits, got); diff != "" || err != nil {
				t.Errorf("error %v, logits (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestForeignModelsRefused(t *testing.T) {
	gray := func(m *onnxpb.ModelProto) {
		m.Graph.Input[0].Type.GetTensorType().Shape.Dim[1].Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 1}
	}
	oblong := func(m *onnxpb.ModelProto) {
		m.Graph.Input[0].Type.GetTensorType().Shape.Dim[3].Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 24}
	}
	second := func(m *onnxpb.ModelProto) {
		m.Graph.Input = append(m.Graph.Input, &onnxpb.ValueInfoProto{Name: "temperature", Type: m.Graph.Input[0].Type})
	}
	cases := map[string]struct {
		data []byte
		told classifier.Told
		says string
	}{
		"no classes":        {data: foreign(t), says: "say them by classes"},
		"a class too few":   {data: foreign(t), told: classifier.Told{Classes: []string{"a", "b"}}, says: "yields 3 numbers for an image, but there are names of 2 classes: if one more stands for the background"},
		"gray images":       {data: foreign(t, gray), told: classifier.Told{Classes: threeClasses}, says: "of shape [? 1 16 16]: color images"},
		"oblong images":     {data: foreign(t, oblong), told: classifier.Told{Classes: threeClasses}, says: "images of 24×16 pixels: only squares"},
		"two inputs":        {data: foreign(t, second), told: classifier.Told{Classes: threeClasses}, says: `has 2 inputs ("input", "temperature")`},
		"two outputs":       {data: foreign(t, auxiliary), told: classifier.Told{Classes: threeClasses}, says: "has 2 outputs: set output.name"},
		"another output":    {data: foreign(t), told: classifier.Told{Classes: threeClasses, OutputName: "scores"}, says: `output.name is "scores", but the graph's outputs are "logits"`},
		"another layout":    {data: foreign(t), told: classifier.Told{Classes: threeClasses, Input: classifier.Input{Layout: "NHWC"}}, says: "input.layout is NHWC, but the input"},
		"another size":      {data: foreign(t), told: classifier.Told{Classes: threeClasses, Input: classifier.Input{Size: 32}}, says: "16 pixels a side, not of the size 32"},
		"mean of other":     {data: foreign(t), told: classifier.Told{Classes: threeClasses, Input: classifier.Input{Mean: &[3]float32{124, 117, 104}}}, says: "set scale to 1"},
		"unreadable names":  {data: foreign(t, property("names", "{0: 'a'")), says: `the file's property "names"`},
		"unreadable output": {data: foreign(t, property("trainyard.output", "softmax")), told: classifier.Told{Classes: threeClasses}, says: `trainyard.output: "softmax" is not known`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := classifier.Read(tc.data, classifier.Options{Told: tc.told, Threads: 1})
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("Read() error = %v, want one that says %q", err, tc.says)
			}
		})
	}
}
