// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"errors"
	"fmt"
	"math"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// rewriteConstant makes the node's value a weight.
func rewriteConstant(n *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	if len(node.GetAttribute()) != 1 || len(node.GetOutput()) != 1 || len(node.GetInput()) != 0 {
		return nil, errors.New("must have one value and one output")
	}
	attribute := node.GetAttribute()[0]
	var tensor *graph.Tensor
	switch attribute.GetName() {
	case "value":
		var err error
		if tensor, err = DecodeTensor(attribute.GetT()); err != nil {
			return nil, NodeError(node, "value", err)
		}
	case "value_float":
		tensor = graph.NewFloats([]float32{attribute.GetF()})
	case "value_floats":
		tensor = graph.NewFloats(attribute.GetFloats(), len(attribute.GetFloats()))
	case "value_int":
		tensor = graph.NewInts([]int64{attribute.GetI()})
	case "value_ints":
		tensor = graph.Vector(attribute.GetInts()...)
	default:
		return nil, NodeError(node, attribute.GetName(), errors.New("is not supported"))
	}
	n.weights[node.GetOutput()[0]] = tensor
	return nil, nil
}

// rewriteConstantOfShape turns the operator into Expand of its value.
func rewriteConstantOfShape(n *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	if len(node.GetInput()) != 1 {
		return nil, errors.New("must have one input")
	}
	value := graph.NewFloats([]float32{0})
	attribute, err := take(node, "value", onnxpb.AttributeProto_TENSOR)
	if err != nil {
		return nil, err
	}
	if attribute != nil {
		if value, err = DecodeTensor(attribute.GetT()); err != nil {
			return nil, NodeError(node, "value", err)
		}
		if value.Len() != 1 {
			return nil, NodeError(node, "value", fmt.Errorf("has %d elements; it must have one", value.Len()))
		}
		value.Shape = nil
	}
	node.OpType = "Expand"
	node.Input = []string{n.constant(node.Output[0]+"/value", value), node.Input[0]}
	return node, nil
}

// rewriteDropout turns the operator into Identity, which it is but in training.
func rewriteDropout(n *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	if len(node.GetInput()) == 3 && node.GetInput()[2] != "" {
		mode, constant := n.weights[node.GetInput()[2]]
		if !constant || mode.Len() != 1 || mode.DType != graph.Bool || mode.Ints[0] != 0 {
			return nil, errors.New("is in training mode: export the model for inference")
		}
	}
	if len(node.GetOutput()) > 1 && node.GetOutput()[1] != "" {
		return nil, errors.New("the output mask is not supported: export the model for inference")
	}
	if len(node.GetInput()) == 0 {
		return nil, errors.New("has no input")
	}
	node.OpType, node.Attribute = "Identity", nil
	node.Input, node.Output = node.Input[:1], node.Output[:1]
	return node, nil
}

// rewriteBatchNormalization refuses training and drops what only matters there.
func rewriteBatchNormalization(_ *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	mode, err := take(node, "training_mode", onnxpb.AttributeProto_INT)
	if err != nil {
		return nil, err
	}
	if mode.GetI() != 0 {
		return nil, NodeError(node, "training_mode", errors.New("is set: export the model for inference"))
	}
	spatial, err := take(node, "spatial", onnxpb.AttributeProto_INT)
	if err != nil {
		return nil, err
	}
	if spatial != nil && spatial.GetI() != 1 {
		return nil, NodeError(node, "spatial", errors.New("only normalization per channel (1) is supported"))
	}
	if _, err := take(node, "momentum", onnxpb.AttributeProto_FLOAT); err != nil {
		return nil, err
	}
	for _, output := range node.GetOutput()[1:] {
		if output != "" {
			return nil, errors.New("has outputs of training: export the model for inference")
		}
	}
	node.Output = node.Output[:1]
	return node, nil
}

// rewriteCast maps the target type to one that the engine has, as DecodeTensor does.
func rewriteCast(_ *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	to, err := take(node, "to", onnxpb.AttributeProto_INT)
	if err != nil {
		return nil, err
	}
	if _, err := take(node, "saturate", onnxpb.AttributeProto_INT); err != nil { // matters for float8 only
		return nil, err
	}
	dtype, err := elementType(int32(to.GetI()))
	if err != nil {
		return nil, NodeError(node, "to", err)
	}
	node.Attribute = append(node.Attribute, stringAttribute("to", dtype.String()))
	return node, nil
}

// rewriteClip makes inputs of the bounds, which were attributes until opset 11.
func rewriteClip(n *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	return node, errors.Join(n.moveFloat(node, "min", 1), n.moveFloat(node, "max", 2))
}

// rewriteAxes makes an input of the axes.
func rewriteAxes(n *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	return node, n.moveInts(node, "axes", 1)
}

// rewriteSplit makes an input of the sizes.
func rewriteSplit(n *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	return node, n.moveInts(node, "split", 1)
}

// rewriteSlice makes inputs of starts, ends and axes.
func rewriteSlice(n *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	return node, errors.Join(n.moveInts(node, "starts", 1), n.moveInts(node, "ends", 2), n.moveInts(node, "axes", 3))
}

// rewritePad makes inputs of pads and value.
func rewritePad(n *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	return node, errors.Join(n.moveInts(node, "pads", 1), n.moveFloat(node, "value", 2))
}

// rewriteSoftmax spells out that until opset 13 the operator worked on a matrix: all dimensions from axis on are one.
func rewriteSoftmax(n *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	if len(node.GetInput()) != 1 {
		return nil, errors.New("must have one input")
	}
	axis := int64(1)
	attribute, err := take(node, "axis", onnxpb.AttributeProto_INT)
	if err != nil {
		return nil, err
	}
	if attribute != nil {
		axis = attribute.GetI()
	}
	input, output := node.Input[0], node.Output[0]
	shape, matrix, result := n.fresh(output+"/shape"), n.fresh(output+"/matrix"), n.fresh(output+"/result")
	return nil, errors.Join(
		n.emit(&onnxpb.NodeProto{Name: node.Name, OpType: "Shape", Input: []string{input}, Output: []string{shape}}),
		n.emit(&onnxpb.NodeProto{Name: node.Name, OpType: "Flatten", Input: []string{input}, Output: []string{matrix},
			Attribute: []*onnxpb.AttributeProto{IntAttribute("axis", axis)}}),
		n.emit(&onnxpb.NodeProto{Name: node.Name, OpType: node.OpType, Input: []string{matrix}, Output: []string{result},
			Attribute: append(node.Attribute, IntAttribute("axis", 1))}),
		n.emit(&onnxpb.NodeProto{Name: node.Name, OpType: "Reshape", Input: []string{result, shape}, Output: []string{output}}),
	)
}

// rewriteGelu spells out the approximation x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))).
func rewriteGelu(n *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	mode, err := take(node, "approximate", onnxpb.AttributeProto_STRING)
	if err != nil {
		return nil, err
	}
	if len(node.GetInput()) != 1 || len(node.GetOutput()) != 1 {
		return nil, errors.New("must have one input and one output")
	}
	if string(mode.GetS()) != "tanh" {
		if mode != nil {
			node.Attribute = append(node.Attribute, mode)
		}
		return node, nil
	}
	x, y := node.Input[0], node.Output[0]
	factor := func(v float64) string {
		return n.constant(y+"/factor", graph.NewFloats([]float32{float32(v)}))
	}
	step := func(op string, inputs ...string) string {
		output := n.fresh(y + "/" + op)
		err = errors.Join(err, n.emit(&onnxpb.NodeProto{Name: node.Name, OpType: op, Input: inputs, Output: []string{output}}))
		return output
	}
	cube := step("Mul", step("Mul", step("Mul", x, x), x), factor(0.044715))
	tanh := step("Tanh", step("Mul", step("Add", x, cube), factor(math.Sqrt(2/math.Pi))))
	half := step("Mul", x, factor(0.5))
	return nil, errors.Join(err, n.emit(&onnxpb.NodeProto{
		Name: node.Name, OpType: "Mul", Input: []string{half, step("Add", tanh, factor(1))}, Output: []string{y},
	}))
}

// rewriteUpsample turns the operator, which opset 10 replaced, into Resize.
func rewriteUpsample(n *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	scales, err := take(node, "scales", onnxpb.AttributeProto_FLOATS)
	if err != nil {
		return nil, err
	}
	if scales != nil {
		setInput(node, 1, n.constant(node.Output[0]+"/scales", graph.NewFloats(scales.GetFloats(), len(scales.GetFloats()))))
	}
	node.OpType = "Resize"
	return rewriteResize(n, node)
}

// rewriteResize gives Resize of opset 10 the input roi and spells out its coordinates.
func rewriteResize(_ *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error) {
	if len(node.GetInput()) != 2 {
		return nil, errors.New("must have an input and its scales")
	}
	node.Input = []string{node.Input[0], "", node.Input[1]}
	node.Attribute = append(node.Attribute,
		stringAttribute("coordinate_transformation_mode", "asymmetric"), stringAttribute("nearest_mode", "floor"))
	return node, nil
}
