// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/engine/nn"
	"github.com/trainyard-dev/trainyard/internal/engine/tensor"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// What Encode writes.
const (
	// InputName and OutputName are the names of a written model's input and output.
	InputName  = "input"
	OutputName = "logits"

	irVersion = 8 // that of the standard's release with opset 17
	opset     = 17
	producer  = "trainyard"
	batchDim  = "N" // the symbol of the dynamic dimension
)

// Encode writes a network as a model of opset 17: input float32 [N, 3, size, size], output logits float32 [N, classes].
// The same weights and metadata give the same bytes.
func Encode(network *model.Network, metadata Metadata) ([]byte, error) {
	if len(metadata.Classes) != network.Classes() {
		return nil, fmt.Errorf("write ONNX model: the metadata names %d classes, the network has %d", len(metadata.Classes), network.Classes())
	}
	w := &writer{graph: &onnxpb.GraphProto{Name: network.Architecture()}, value: InputName}
	for _, layer := range network.Layers() {
		if err := w.layer(layer); err != nil {
			return nil, fmt.Errorf("write ONNX model: layer %s: %w", layer.Name(), err)
		}
	}
	last := w.graph.Node[len(w.graph.Node)-1]
	last.Output = []string{OutputName}
	w.graph.Input = []*onnxpb.ValueInfoProto{batchOf(InputName, network.InputShape())}
	w.graph.Output = []*onnxpb.ValueInfoProto{batchOf(OutputName, []int{network.Classes()})}

	file := &onnxpb.ModelProto{
		IrVersion: irVersion, ProducerName: producer, ProducerVersion: metadata.Version, Graph: w.graph,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: opset}},
	}
	if err := setMetadata(file, metadata); err != nil {
		return nil, fmt.Errorf("write ONNX model: %w", err)
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(file)
	if err != nil {
		return nil, fmt.Errorf("write ONNX model: %w", err)
	}
	return data, nil
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

// setMetadata replaces the properties of Trainyard and keeps others.
func setMetadata(file *onnxpb.ModelProto, metadata Metadata) error {
	properties, err := metadata.properties()
	if err != nil {
		return err
	}
	file.MetadataProps = slices.DeleteFunc(file.MetadataProps, func(p *onnxpb.StringStringEntryProto) bool {
		return strings.HasPrefix(p.GetKey(), keyPrefix)
	})
	for _, pair := range properties {
		file.MetadataProps = append(file.MetadataProps, &onnxpb.StringStringEntryProto{Key: pair[0], Value: pair[1]})
	}
	return nil
}

// writer turns a chain of layers into nodes.
type writer struct {
	graph *onnxpb.GraphProto
	// value is the output of the last layer.
	value string
}

// layer adds the node of a layer, unless it does nothing in inference.
func (w *writer) layer(layer nn.Layer) error {
	switch l := layer.(type) {
	case *nn.Conv2D:
		c := l.Config
		w.node(l, "Conv", ints("dilations", 1, 1), IntAttribute("group", int64(c.Groups)), ints("kernel_shape", c.Kernel, c.Kernel),
			ints("pads", c.Padding, c.Padding, c.Padding, c.Padding), ints("strides", c.Stride, c.Stride))
	case *nn.BatchNorm2D:
		w.node(l, "BatchNormalization", floatAttribute("epsilon", l.Epsilon))
	case *nn.ReLU:
		w.node(l, "Relu")
	case *nn.MaxPool2D:
		w.node(l, "MaxPool", ints("kernel_shape", l.Kernel, l.Kernel), ints("strides", l.Stride, l.Stride))
	case *nn.GlobalAveragePool:
		w.node(l, "GlobalAveragePool")
	case *nn.Flatten:
		w.node(l, "Flatten", IntAttribute("axis", 1))
	case *nn.Linear:
		w.node(l, "Gemm", IntAttribute("transB", 1))
	case *nn.Dropout:
		// The identity in inference.
	default:
		return fmt.Errorf("%T has no ONNX operator here", layer)
	}
	return nil
}

// node adds a node that takes the last value and the layer's parameters and buffers, whose order is ONNX's.
func (w *writer) node(layer nn.Layer, op string, attributes ...*onnxpb.AttributeProto) {
	node := &onnxpb.NodeProto{
		Name: layer.Name(), OpType: op, Input: []string{w.value}, Output: []string{layer.Name()}, Attribute: attributes,
	}
	for _, p := range layer.Params() {
		node.Input = append(node.Input, w.weight(p.Name, p.Value))
	}
	for _, b := range layer.Buffers() {
		node.Input = append(node.Input, w.weight(b.Name, b.Value))
	}
	w.graph.Node = append(w.graph.Node, node)
	w.value = layer.Name()
}

// weight adds an initializer and returns its name.
func (w *writer) weight(name string, t *tensor.Tensor) string {
	raw := make([]byte, 0, 4*t.Len())
	for _, v := range t.Data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	dims := make([]int64, len(t.Shape))
	for i, d := range t.Shape {
		dims[i] = int64(d)
	}
	w.graph.Initializer = append(w.graph.Initializer, &onnxpb.TensorProto{
		Name: name, DataType: int32(onnxpb.TensorProto_FLOAT), Dims: dims, RawData: raw,
	})
	return name
}

// batchOf describes a value whose samples have a shape.
func batchOf(name string, sample []int) *onnxpb.ValueInfoProto {
	dims := []*onnxpb.TensorShapeProto_Dimension{{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: batchDim}}}
	for _, d := range sample {
		dims = append(dims, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}})
	}
	return &onnxpb.ValueInfoProto{Name: name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{
		ElemType: int32(onnxpb.TensorProto_FLOAT), Shape: &onnxpb.TensorShapeProto{Dim: dims},
	}}}}
}

func floatAttribute(name string, v float32) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_FLOAT, F: v}
}

func ints(name string, values ...int) *onnxpb.AttributeProto {
	a := &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_INTS}
	for _, v := range values {
		a.Ints = append(a.Ints, int64(v))
	}
	return a
}
