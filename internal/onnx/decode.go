// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// The range of versions of the standard's operator set that Decode reads.
const (
	MinOpset = 7
	MaxOpset = 24
)

// Model is a model read from a file.
type Model struct {
	// Graph is ready for graph.Compile.
	Graph *graph.Graph
	// Opset is the version of the standard's operator set that the file was written for.
	Opset int
	// Producer names the tool that wrote the file, with its version.
	Producer string
	// Properties are the file's metadata_props.
	Properties map[string]string
}

// irVersionTag is what files begin with whose tool writes fields in their order: the tag of ir_version.
const irVersionTag = 0x08

// Decode reads a model from the content of an ONNX file.
func Decode(data []byte) (*Model, error) {
	if err := checkWire(data); err != nil {
		if kind := preprocess.KindOf(data); len(data) > 0 && data[0] != irVersionTag && kind != "" {
			return nil, fmt.Errorf("read ONNX model: the file is not an ONNX file but %s", kind)
		}
		return nil, fmt.Errorf("read ONNX model: %w", err)
	}
	file := &onnxpb.ModelProto{}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, file); err != nil {
		return nil, fmt.Errorf("read ONNX model: not an ONNX file: %w", err)
	}
	opset, err := StandardOpset(file)
	if err != nil {
		return nil, fmt.Errorf("read ONNX model: %w", err)
	}
	model, err := decodeModel(file, opset)
	if err != nil {
		return nil, fmt.Errorf("read ONNX model of opset %d: %w", opset, err)
	}
	return model, nil
}

// Compile compiles the model's graph. The error says of which opset the operator at fault is.
func (m *Model) Compile(options graph.Options) (*graph.Program, error) {
	program, err := graph.Compile(m.Graph, options)
	if err != nil {
		return nil, fmt.Errorf("model of opset %d: %w", m.Opset, err)
	}
	return program, nil
}

func decodeModel(file *onnxpb.ModelProto, opset int) (*Model, error) {
	model := &Model{Opset: opset, Producer: file.GetProducerName(), Properties: map[string]string{}}
	if version := file.GetProducerVersion(); version != "" {
		model.Producer += " " + version
	}
	for _, property := range file.GetMetadataProps() {
		model.Properties[property.GetKey()] = property.GetValue()
	}

	source := file.GetGraph()
	if source == nil {
		return nil, errors.New("the file holds no graph")
	}
	var err error
	target := &graph.Graph{Name: source.GetName()}
	if target.Initializers, err = decodeInitializers(source); err != nil {
		return nil, err
	}
	if target.Inputs, err = decodeInputs(source, target.Initializers); err != nil {
		return nil, err
	}
	for _, output := range source.GetOutput() {
		target.Outputs = append(target.Outputs, graph.Value{Name: output.GetName()})
	}
	if err := checkGraph(source, target); err != nil {
		return nil, err
	}
	nodes, err := normalize(source.GetNode(), target.Initializers, opset)
	if err != nil {
		return nil, err
	}
	if target.Nodes, err = buildNodes(nodes, target); err != nil {
		return nil, err
	}
	model.Graph = target
	return model, nil
}

// StandardOpset is the version of the standard's operator set that the file imports.
func StandardOpset(file *onnxpb.ModelProto) (int, error) {
	for _, set := range file.GetOpsetImport() {
		if !standardDomain(set.GetDomain()) {
			continue
		}
		if v := set.GetVersion(); v < MinOpset || v > MaxOpset {
			return 0, fmt.Errorf("opset %d is not supported: export the model with an opset from %d to %d", v, MinOpset, MaxOpset)
		}
		return int(set.GetVersion()), nil
	}
	return 0, errors.New("the file imports no operator set of the standard's domain")
}

// standardDomain reports whether a domain is that of the ONNX standard.
func standardDomain(domain string) bool { return domain == "" || domain == "ai.onnx" }

// decodeInitializers converts the weights, by name, and lets go of the encoded data of each.
func decodeInitializers(source *onnxpb.GraphProto) (map[string]*graph.Tensor, error) {
	if len(source.GetSparseInitializer()) > 0 {
		return nil, errors.New("sparse initializers are not supported")
	}
	weights := make(map[string]*graph.Tensor, len(source.GetInitializer()))
	for i, t := range source.GetInitializer() {
		name := t.GetName()
		if name == "" {
			return nil, fmt.Errorf("initializer %d has no name", i)
		}
		if _, twice := weights[name]; twice {
			return nil, fmt.Errorf("initializer %q is there twice", name)
		}
		tensor, err := DecodeTensor(t)
		if err != nil {
			return nil, fmt.Errorf("initializer %q: %w", name, err)
		}
		weights[name] = tensor
		source.Initializer[i] = nil
	}
	source.Initializer = nil
	return weights, nil
}

// decodeInputs describes the inputs that are no initializers (until IR version 4 those were listed as inputs too).
func decodeInputs(source *onnxpb.GraphProto, weights map[string]*graph.Tensor) ([]graph.Value, error) {
	var inputs []graph.Value
	for _, input := range source.GetInput() {
		if _, constant := weights[input.GetName()]; constant {
			continue
		}
		value, err := decodeInput(input)
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", input.GetName(), err)
		}
		inputs = append(inputs, value)
	}
	return inputs, nil
}

func decodeInput(input *onnxpb.ValueInfoProto) (graph.Value, error) {
	tensorType := input.GetType().GetTensorType()
	if tensorType == nil {
		return graph.Value{}, errors.New("is not a tensor")
	}
	dtype, err := elementType(tensorType.GetElemType())
	if err != nil {
		return graph.Value{}, err
	}
	dims := tensorType.GetShape().GetDim()
	if tensorType.GetShape() == nil {
		return graph.Value{}, errors.New("has no shape: export the model with the shape of its input")
	}
	if len(dims) > maxRank {
		return graph.Value{}, fmt.Errorf("has %d dimensions; at most %d are supported", len(dims), maxRank)
	}
	shape := make([]int, len(dims))
	for i, dim := range dims {
		shape[i] = graph.Dynamic
		if v, fixed := dim.GetValue().(*onnxpb.TensorShapeProto_Dimension_DimValue); fixed {
			if v.DimValue < 0 || v.DimValue > 1<<30 {
				return graph.Value{}, fmt.Errorf("dimension %d is %d: it must be from 0 to 2³⁰", i, v.DimValue)
			}
			shape[i] = int(v.DimValue)
		}
	}
	return graph.Value{Name: input.GetName(), DType: dtype, Shape: shape}, nil
}
