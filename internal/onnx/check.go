// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"errors"
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
)

// Bounds on the graph; the largest image classifiers have some thousand nodes.
const (
	maxNodes      = 100_000
	maxNodeInputs = 4096
)

// checkGraph refuses graphs that are not well-formed: every value is produced once, before it is used (which rules
// cycles out), and every operator is one of the standard's, without a subgraph.
func checkGraph(source *onnxpb.GraphProto, target *graph.Graph) error {
	if len(source.GetNode()) > maxNodes {
		return fmt.Errorf("the graph has %d nodes; at most %d are read", len(source.GetNode()), maxNodes)
	}
	if len(target.Outputs) == 0 {
		return errors.New("the graph has no output")
	}
	produced := make(map[string]bool, len(source.GetNode())+len(target.Initializers)+len(target.Inputs))
	for name := range target.Initializers {
		produced[name] = true
	}
	for _, input := range target.Inputs {
		if input.Name == "" {
			return errors.New("an input has no name")
		}
		if produced[input.Name] {
			return fmt.Errorf("input %q is there twice", input.Name)
		}
		produced[input.Name] = true
	}
	computed := map[string]bool{}
	for _, node := range source.GetNode() {
		if err := checkNode(node, produced); err != nil {
			return NodeError(node, "", err)
		}
		for _, output := range node.GetOutput() {
			if output == "" {
				continue
			}
			if produced[output] {
				return NodeError(node, "", fmt.Errorf("output %q is produced twice", output))
			}
			produced[output], computed[output] = true, true
		}
	}
	return checkOutputs(target.Outputs, computed)
}

func checkNode(node *onnxpb.NodeProto, produced map[string]bool) error {
	if !standardDomain(node.GetDomain()) {
		return fmt.Errorf("operators of domain %q are not supported", node.GetDomain())
	}
	if node.GetOpType() == "" {
		return errors.New("has no operator")
	}
	if len(node.GetInput()) > maxNodeInputs || len(node.GetOutput()) > maxNodeInputs {
		return fmt.Errorf("has more than %d inputs or outputs", maxNodeInputs)
	}
	for _, input := range node.GetInput() {
		if input != "" && !produced[input] {
			return fmt.Errorf("input %q is not produced by an earlier node: the graph is not in order, has a cycle or lacks a value", input)
		}
	}
	named := false
	for _, output := range node.GetOutput() {
		named = named || output != ""
	}
	if !named {
		return errors.New("has no output")
	}
	seen := map[string]bool{}
	for _, attribute := range node.GetAttribute() {
		if seen[attribute.GetName()] {
			return fmt.Errorf("attribute %q is there twice", attribute.GetName())
		}
		seen[attribute.GetName()] = true
	}
	return nil
}

func checkOutputs(outputs []graph.Value, computed map[string]bool) error {
	seen := map[string]bool{}
	for _, output := range outputs {
		if !computed[output.Name] {
			return fmt.Errorf("output %q is not computed by any node", output.Name)
		}
		if seen[output.Name] {
			return fmt.Errorf("output %q is there twice", output.Name)
		}
		seen[output.Name] = true
	}
	return nil
}

// NodeError says that err, about the attribute if one is given, arose at node.
func NodeError(node *onnxpb.NodeProto, attribute string, err error) error {
	n := graph.Node{Name: node.GetName(), Op: node.GetOpType(), Outputs: node.GetOutput()}
	return &graph.NodeError{Node: n.Title(), Op: n.Op, Attribute: attribute, Err: err}
}
