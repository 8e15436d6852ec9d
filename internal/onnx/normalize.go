// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"errors"
	"fmt"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// normalizer brings operators of opsets MinOpset to MaxOpset to the one form that package graph knows. What becomes a
// constant on the way joins the weights.
type normalizer struct {
	opset   int
	weights map[string]*graph.Tensor
	taken   map[string]bool
	nodes   []*onnxpb.NodeProto
}

// rewrite brings a node to the engine's form. It may change the node, which is then emitted, or emit others in its place
// and return nil.
type rewrite func(n *normalizer, node *onnxpb.NodeProto) (*onnxpb.NodeProto, error)

// rewrites are the operators that need more than their attributes checked, with the opset from which on they don't
// (0: never).
var rewrites = map[string]struct {
	until int
	apply rewrite
}{
	"BatchNormalization": {apply: rewriteBatchNormalization},
	"Cast":               {apply: rewriteCast},
	"Clip":               {until: 11, apply: rewriteClip},
	"Constant":           {apply: rewriteConstant},
	"ConstantOfShape":    {apply: rewriteConstantOfShape},
	"Dropout":            {apply: rewriteDropout},
	"Gelu":               {apply: rewriteGelu},
	"LogSoftmax":         {until: 13, apply: rewriteSoftmax},
	"Pad":                {until: 11, apply: rewritePad},
	"ReduceL2":           {until: 18, apply: rewriteAxes},
	"ReduceMax":          {until: 18, apply: rewriteAxes},
	"ReduceMean":         {until: 18, apply: rewriteAxes},
	"ReduceMin":          {until: 18, apply: rewriteAxes},
	"ReduceProd":         {until: 18, apply: rewriteAxes},
	"ReduceSum":          {until: 13, apply: rewriteAxes},
	"ReduceSumSquare":    {until: 18, apply: rewriteAxes},
	"Resize":             {until: 11, apply: rewriteResize},
	"Slice":              {until: 10, apply: rewriteSlice},
	"Softmax":            {until: 13, apply: rewriteSoftmax},
	"Split":              {until: 13, apply: rewriteSplit},
	"Squeeze":            {until: 13, apply: rewriteAxes},
	"Unsqueeze":          {until: 13, apply: rewriteAxes},
	"Upsample":           {apply: rewriteUpsample},
}

// normalize returns the nodes in the engine's form and adds the constants among them to weights.
func normalize(nodes []*onnxpb.NodeProto, weights map[string]*graph.Tensor, opset int) ([]*onnxpb.NodeProto, error) {
	n := &normalizer{opset: opset, weights: weights, taken: map[string]bool{}}
	for _, node := range nodes {
		for _, name := range slices.Concat(node.GetInput(), node.GetOutput()) {
			n.taken[name] = true
		}
	}
	for _, node := range nodes {
		if r, ok := rewrites[node.GetOpType()]; ok && (r.until == 0 || opset < r.until) {
			rewritten, err := r.apply(n, node)
			if err != nil {
				return nil, withNode(node, err)
			}
			if rewritten == nil {
				continue
			}
			node = rewritten
		}
		if err := n.emit(node); err != nil {
			return nil, withNode(node, err)
		}
	}
	return n.nodes, nil
}

// withNode names node in err, unless it names one already.
func withNode(node *onnxpb.NodeProto, err error) error {
	if located := (*graph.NodeError)(nil); errors.As(err, &located) {
		return err
	}
	return NodeError(node, "", err)
}

// emit adds a node in its final form, after a check that onnx-go can carry it. What is left out at the end of its inputs or
// outputs goes.
func (n *normalizer) emit(node *onnxpb.NodeProto) error {
	node.Input, node.Output = trimmed(node.GetInput()), trimmed(node.GetOutput())
	if len(node.GetInput()) == 0 {
		return errors.New("operators without an input are not supported")
	}
	for _, attribute := range node.GetAttribute() {
		if attribute.GetRefAttrName() != "" {
			return NodeError(node, attribute.GetName(), errors.New("references to a function's attributes are not supported"))
		}
		switch attribute.GetType() {
		case onnxpb.AttributeProto_FLOAT, onnxpb.AttributeProto_INT, onnxpb.AttributeProto_STRING,
			onnxpb.AttributeProto_FLOATS, onnxpb.AttributeProto_INTS, onnxpb.AttributeProto_STRINGS:
		default:
			return NodeError(node, attribute.GetName(), fmt.Errorf("attributes of type %s are not supported", attribute.GetType()))
		}
	}
	n.nodes = append(n.nodes, node)
	return nil
}

// trimmed are names without the empty ones at the end.
func trimmed(names []string) []string {
	for len(names) > 0 && names[len(names)-1] == "" {
		names = names[:len(names)-1]
	}
	return names
}

// constant adds a constant and returns its name, which starts with that of the value it serves.
func (n *normalizer) constant(base string, tensor *graph.Tensor) string {
	name := n.fresh(base)
	n.weights[name] = tensor
	return name
}

// fresh returns a name that no value has.
func (n *normalizer) fresh(base string) string {
	name := base
	for i := 1; n.taken[name] || n.weights[name] != nil; i++ {
		name = fmt.Sprintf("%s#%d", base, i)
	}
	n.taken[name] = true
	return name
}

// take removes an attribute from a node and returns it, or nil if the node lacks it. It is an error if it is of another
// type.
func take(node *onnxpb.NodeProto, name string, of onnxpb.AttributeProto_AttributeType) (*onnxpb.AttributeProto, error) {
	i := slices.IndexFunc(node.GetAttribute(), func(a *onnxpb.AttributeProto) bool { return a.GetName() == name })
	if i < 0 {
		return nil, nil
	}
	attribute := node.Attribute[i]
	if attribute.GetType() != of {
		return nil, NodeError(node, name, fmt.Errorf("must be of type %s, is %s", of, attribute.GetType()))
	}
	node.Attribute = slices.Delete(node.Attribute, i, i+1)
	return attribute, nil
}

// moveInts makes the i-th input of a list of integers that was an attribute.
func (n *normalizer) moveInts(node *onnxpb.NodeProto, name string, i int) error {
	attribute, err := take(node, name, onnxpb.AttributeProto_INTS)
	if attribute != nil {
		setInput(node, i, n.constant(node.Output[0]+"/"+name, graph.Vector(attribute.GetInts()...)))
	}
	return err
}

// moveFloat makes the i-th input of a number that was an attribute.
func (n *normalizer) moveFloat(node *onnxpb.NodeProto, name string, i int) error {
	attribute, err := take(node, name, onnxpb.AttributeProto_FLOAT)
	if attribute != nil {
		setInput(node, i, n.constant(node.Output[0]+"/"+name, graph.NewFloats([]float32{attribute.GetF()})))
	}
	return err
}

// IntAttribute and stringAttribute make attributes.
func IntAttribute(name string, v int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_INT, I: v}
}

func stringAttribute(name, v string) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: name, Type: onnxpb.AttributeProto_STRING, S: []byte(v)}
}

// setInput gives a node its i-th input, leaving those in between out.
func setInput(node *onnxpb.NodeProto, i int, name string) {
	for len(node.Input) <= i {
		node.Input = append(node.Input, "")
	}
	node.Input[i] = name
}
