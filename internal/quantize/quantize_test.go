// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantize

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxtest"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// encodeAndDecode writes a network and reads it back.
func encodeAndDecode(t *testing.T, architecture string) (*onnx.Model, []byte) {
	t.Helper()
	metadata := onnx.Metadata{Classes: []string{"cat", "dog", "hund"}, Preprocess: preprocess.DefaultSpec(onnxtest.ImageSize), Run: "pets"}
	data, err := onnx.Encode(onnxtest.Trained(t, architecture), metadata)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := onnx.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return decoded, data
}

// batches yields each slice once.
func batches(list ...[]float32) iter.Seq2[[]float32, error] {
	return func(yield func([]float32, error) bool) {
		for _, b := range list {
			if !yield(b, nil) {
				return
			}
		}
	}
}

// operators counts a file's operators.
func operators(t *testing.T, data []byte) map[string]int {
	t.Helper()
	file := &onnxpb.ModelProto{}
	if err := proto.Unmarshal(data, file); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, node := range file.GetGraph().GetNode() {
		counts[node.GetOpType()]++
	}
	return counts
}

func TestQuantize(t *testing.T) {
	const (
		batch         = 8
		maxDifference = 0.05 // of the largest logit, from the model in float32
	)
	for _, architecture := range contract.Architectures() {
		t.Run(architecture, func(t *testing.T) {
			decoded, file := encodeAndDecode(t, architecture)
			x := onnxtest.Images(batch)
			half := len(x.Data) / 2
			quantized, err := Model(file, batches(x.Data[:half], x.Data[half:]))
			if err != nil {
				t.Fatal(err)
			}
			again, err := Model(file, batches(x.Data[:half], x.Data[half:]))
			if err != nil || !bytes.Equal(quantized, again) {
				t.Errorf("quantized again the bytes differ, or error %v", err)
			}
			if share := float64(len(quantized)) / float64(len(file)); share > 0.35 {
				t.Errorf("the model has %.2f of its size", share)
			}
			model, err := onnx.Decode(quantized)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decoded.Properties, model.Properties); diff != "" {
				t.Errorf("properties (-float32 +quantized):\n%s", diff)
			}
			got, exact := onnxtest.Run(t, model.Graph, x.Data, batch), onnxtest.Run(t, decoded.Graph, x.Data, batch)
			t.Logf("largest difference from float32: %.2g of the largest logit", onnxtest.LargestError(got, exact))
			if e := onnxtest.LargestError(got, exact); !(e <= maxDifference) {
				t.Errorf("logits differ from those in float32 by %.2g of the largest:\ngot  %v\nwant %v", e, got, exact)
			}
		})
	}
}

func TestQuantizeWritesQDQ(t *testing.T) {
	_, file := encodeAndDecode(t, contract.ArchitectureBaselineCNN)
	quantized, err := Model(file, batches(onnxtest.Images(1).Data))
	if err != nil {
		t.Fatal(err)
	}
	// The input, each ReLU, pooling and the flattened means are quantized; four convolutions and a product have weights and
	// a bias.
	want := map[string]int{
		"QuantizeLinear": 11, "DequantizeLinear": 11 + 10, "Conv": 4, "Relu": 4, "MaxPool": 4, "GlobalAveragePool": 1, "Flatten": 1, "Gemm": 1,
	}
	if diff := cmp.Diff(want, operators(t, quantized)); diff != "" {
		t.Errorf("operators (-want +got):\n%s", diff)
	}
}

// quantizableNetwork is a file of networkModel, of opset 13 at least. From opset 11 on, the bounds of Clip are inputs,
// which exporters write as nodes.
func quantizableNetwork(t *testing.T, name string) []byte {
	t.Helper()
	m := onnxtest.Network(t, "../onnx/testdata/networks/"+name+".onnx")
	if opset := m.OpsetImport[0]; opset.Version < quantizedOpset {
		opset.Version = quantizedOpset
		var nodes []*onnxpb.NodeProto
		for _, node := range m.Graph.Node {
			for i, bound := range []string{"min", "max"} {
				if node.GetOpType() != "Clip" {
					break
				}
				value := &onnxpb.TensorProto{DataType: int32(onnxpb.TensorProto_FLOAT), FloatData: []float32{attribute(node, bound).GetF()}}
				constant := &onnxpb.NodeProto{OpType: "Constant", Output: []string{fmt.Sprint(node.Output[0], ".", i)}, Attribute: []*onnxpb.AttributeProto{{
					Name: "value", Type: onnxpb.AttributeProto_TENSOR, T: value,
				}}}
				nodes, node.Input = append(nodes, constant), append(node.Input, constant.Output[0])
			}
			if node.GetOpType() == "Clip" {
				node.Attribute = nil
			}
			nodes = append(nodes, node)
		}
		m.Graph.Node = nodes
	}
	file, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// MobileNetV2's activations are bounded by Clip, whose bounds are nodes: what it leaves is quantized, nothing before.
func TestQuantizeActivationsAfterClip(t *testing.T) {
	file := quantizableNetwork(t, "mobilenet_v2")
	decoded, err := onnx.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	size, err := graph.Elements(decoded.Graph.Inputs[0].Shape[1:])
	if err != nil {
		t.Fatal(err)
	}
	quantized, err := Model(file, batches(make([]float32, size)))
	if err != nil {
		t.Fatal(err)
	}
	// The input, 35 Clips, the 17 convolutions and the 10 sums that have none, and the flattened means are quantized; 52
	// convolutions and a product have weights and a bias.
	const quantize = 1 + 35 + 17 + 10 + 2
	want := map[string]int{
		"QuantizeLinear": quantize, "DequantizeLinear": quantize + 2*53, "Conv": 52, "Clip": 35, "Add": 10, "GlobalAveragePool": 1, "Flatten": 1, "Gemm": 1,
	}
	if diff := cmp.Diff(want, operators(t, quantized)); diff != "" {
		t.Errorf("operators (-want +got):\n%s", diff)
	}
}

// ONNX Runtime reads what Model writes and answers the same: it computes with the same integers, up to the last bits of
// float32 where a value is rounded to its byte.
func TestQuantizeAgainstONNXRuntime(t *testing.T) {
	const batch, maxDifference = 8, 0.01
	for _, architecture := range contract.Architectures() {
		t.Run(architecture, func(t *testing.T) {
			_, file := encodeAndDecode(t, architecture)
			x := onnxtest.Images(batch)
			quantized, err := Model(file, batches(x.Data))
			if err != nil {
				t.Fatal(err)
			}
			want := peers.ONNXRuntime(t, quantized, x.Data, x.Shape...)
			decoded, err := onnx.Decode(quantized)
			if err != nil {
				t.Fatal(err)
			}
			got := onnxtest.Run(t, decoded.Graph, x.Data, batch)
			t.Logf("largest difference from ONNX Runtime: %.2g of the largest logit", onnxtest.LargestError(got, want))
			if e := onnxtest.LargestError(got, want); !(e <= maxDifference) {
				t.Errorf("logits differ from ONNX Runtime's by %.2g of the largest:\ngot  %v\nwant %v", e, got, want)
			}
		})
	}
}

// Networks of the field are quantized too, as far as they consist of what can be: ResNet-18 and MobileNetV2 as a whole,
// RegNet except for its grouped convolutions.
func TestQuantizedNetworksAgainstONNXRuntime(t *testing.T) {
	peers.Python(t) // before the work, if it is to be skipped
	const maxDifference = 0.05
	for _, name := range []string{"resnet18", "googlenet", "mobilenet_v2", "keras_mobilenetv2", "mnasnet0_5", "regnet_y_400mf"} {
		t.Run(name, func(t *testing.T) {
			file := quantizableNetwork(t, name)
			model, err := onnx.Decode(file)
			if err != nil {
				t.Fatal(err)
			}
			shape := append([]int{2}, model.Graph.Inputs[0].Shape[1:]...)
			x := make([]float32, 2*shape[1]*shape[2]*shape[3])
			random := rand.New(rand.NewPCG(8, 9))
			for i := range x {
				x[i] = float32(random.NormFloat64())
			}
			quantized, err := Model(file, batches(x))
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := onnx.Decode(quantized)
			if err != nil {
				t.Fatal(err)
			}
			got, want := onnxtest.Run(t, decoded.Graph, x, 2), peers.ONNXRuntime(t, quantized, x, shape...)
			t.Logf("largest difference from ONNX Runtime: %.2g of the largest logit", onnxtest.LargestError(got, want))
			if e := onnxtest.LargestError(got, want); !(e <= maxDifference) {
				t.Errorf("logits differ from ONNX Runtime's by %.2g of the largest", e)
			}
		})
	}
}

func TestQuantizeRefuses(t *testing.T) {
	_, file := encodeAndDecode(t, contract.ArchitectureSimpleCNN)
	x := onnxtest.Images(1)
	quantized, err := Model(file, batches(x.Data))
	if err != nil {
		t.Fatal(err)
	}
	failed := errors.New("a broken disk")
	changed := func(change func(m *onnxpb.ModelProto)) []byte {
		m := &onnxpb.ModelProto{}
		if err := proto.Unmarshal(file, m); err != nil {
			t.Fatal(err)
		}
		change(m)
		data, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, tc := range map[string]struct {
		data    []byte
		samples iter.Seq2[[]float32, error]
		want    error // nil: any
	}{
		"no model":          {[]byte("model"), batches(x.Data), nil},
		"no samples":        {file, batches(), nil},
		"half a sample":     {file, batches(x.Data[:100]), nil},
		"quantized already": {quantized, batches(x.Data), ErrNotQuantizable},
		"old opset":         {changed(func(m *onnxpb.ModelProto) { m.OpsetImport[0].Version = 12 }), batches(x.Data), ErrNotQuantizable},
		"nothing to do": {changed(func(m *onnxpb.ModelProto) {
			m.Graph.Node, m.Graph.Output[0].Name = m.Graph.Node[1:2], m.Graph.Node[1].Output[0]
			m.Graph.Node[0].Input[0] = "input"
		}), batches(x.Data), ErrNotQuantizable},
		"node without input": {changed(func(m *onnxpb.ModelProto) { m.Graph.Node[1].Input = nil }), batches(x.Data), nil},
		"bias of another shape": {changed(func(m *onnxpb.ModelProto) {
			m.Graph.Initializer[1].Dims[0]--
			m.Graph.Initializer[1].RawData = m.Graph.Initializer[1].RawData[4:]
		}), batches(x.Data), nil},
		"samples break":      {file, func(yield func([]float32, error) bool) { yield(nil, failed) }, failed},
		"weights not finite": {changed(func(m *onnxpb.ModelProto) { copy(m.Graph.Initializer[0].RawData, []byte{0, 0, 0x80, 0x7f}) }), batches(x.Data), ErrNotQuantizable},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Model(tc.data, tc.samples)
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

func TestExtremes(t *testing.T) {
	for name, tc := range map[string]struct {
		values []float32
		want   graph.ByteScale
	}{
		"both signs":   {[]float32{-51, 0, 204, 7}, graph.ByteScale{Scale: 1, Zero: 51}},
		"above zero":   {[]float32{10, 25.5}, graph.ByteScale{Scale: 0.1}},
		"below zero":   {[]float32{-10, -25.5}, graph.ByteScale{Scale: 0.1, Zero: 255}},
		"zeros":        {make([]float32, 3), graph.ByteScale{Scale: 1}},
		"not a number": {[]float32{float32(math.NaN()), 255, float32(math.Inf(1)), float32(math.Inf(-1))}, graph.ByteScale{Scale: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			e := &extremes{}
			for part := range slices.Chunk(tc.values, 2) {
				e.add(part)
			}
			if got := graph.ScaleOf(e.low, e.high); got != tc.want {
				t.Errorf("range is %+v, want %+v", got, tc.want)
			}
		})
	}
}
