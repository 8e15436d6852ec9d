// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxtest"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// TestOperatorsAgainstONNXRuntime compares operators, each alone or with those that it is exported with, with ONNX Runtime.
func TestOperatorsAgainstONNXRuntime(t *testing.T) {
	dir := t.TempDir()
	peers.Run(t, "onnxruntime_operators.py", filepath.Join("testdata", "operators.txt"), dir)
	paths, err := filepath.Glob(filepath.Join(dir, "*.onnx"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, path := range paths {
		base := strings.TrimSuffix(path, ".onnx")
		t.Run(filepath.Base(base), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			model, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			program, err := model.Compile(graph.Options{Threads: 2})
			if err != nil {
				t.Fatal(err)
			}
			session, err := program.NewSession(2)
			if err != nil {
				t.Fatal(err)
			}
			copy(session.Input(0), readFloats(t, base+".input"))
			session.Run()
			got, want := session.Output(0), readFloats(t, base+".output")
			if len(got) != len(want) {
				t.Fatalf("%d numbers, ONNX Runtime has %d", len(got), len(want))
			}
			const tolerance = 1e-5
			if e := onnxtest.LargestError(got, want); !(e <= tolerance) {
				t.Errorf("differs by %.2g of the largest number:\ngot  %v\nwant %v", e, got, want)
			}
		})
	}
}

func readFloats(t *testing.T, path string) []float32 {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	values := make([]float32, len(raw)/4)
	if _, err := binary.Decode(raw, binary.NativeEndian, values); err != nil {
		t.Fatal(err)
	}
	return values
}

// TestRefusedOperators names the node, its operator and the opset of what is not computed.
func TestRefusedOperators(t *testing.T) {
	tests := map[string]struct {
		op         string
		attributes []*onnxpb.AttributeProto
		// inputs is the number of further inputs, all of them "x".
		inputs, outputs int
		says            string
	}{
		"unknown operator":       {op: "RoiAlign", says: "the operator is not supported"},
		"norm in 16 bits":        {op: "LayerNormalization", attributes: []*onnxpb.AttributeProto{IntAttribute("stash_type", 10)}, inputs: 1, says: `attribute "stash_type": 10 is not supported`},
		"norm's unfit scale":     {op: "LayerNormalization", attributes: []*onnxpb.AttributeProto{IntAttribute("axis", 9)}, inputs: 1, says: `attribute "axis"`},
		"groups do not divide":   {op: "GroupNormalization", attributes: []*onnxpb.AttributeProto{IntAttribute("num_groups", 2)}, inputs: 2, says: `attribute "num_groups": 2 does not divide`},
		"scale of no channel":    {op: "InstanceNormalization", inputs: 2, says: "input 1 has shape"},
		"diagonal":               {op: "Einsum", attributes: []*onnxpb.AttributeProto{stringAttribute("equation", "iijk->jk")}, says: `attribute "equation": "iijk->jk" is not supported`},
		"summed label":           {op: "Einsum", attributes: []*onnxpb.AttributeProto{stringAttribute("equation", "bijk->bi")}, says: `attribute "equation": "bijk->bi" is not supported`},
		"ellipsis":               {op: "Einsum", attributes: []*onnxpb.AttributeProto{stringAttribute("equation", "...i->...i")}, says: "is not supported"},
		"positions from images":  {op: "GatherND", inputs: 1, says: "input 1 is computed from the model's input"},
		"added where it is put":  {op: "ScatterND", attributes: []*onnxpb.AttributeProto{stringAttribute("reduction", "add")}, inputs: 2, says: `attribute "reduction": "add" is not supported`},
		"keys of the past":       {op: "Attention", inputs: 4, says: "has 5 inputs; at most 4 are supported"},
		"products of attention":  {op: "Attention", inputs: 2, outputs: 3, says: "has 4 outputs"},
		"softmax in 16 bits":     {op: "Attention", attributes: []*onnxpb.AttributeProto{IntAttribute("softmax_precision", 10)}, inputs: 2, says: `attribute "softmax_precision": 10 is not supported`},
		"cap of what is masked":  {op: "Attention", attributes: []*onnxpb.AttributeProto{IntAttribute("is_causal", 1), floatAttribute("softcap", 2)}, inputs: 2, says: `attribute "softcap": is not supported together with a mask`},
		"approximation by other": {op: "Gelu", attributes: []*onnxpb.AttributeProto{stringAttribute("approximate", "sigmoid")}, says: `attribute "approximate": "sigmoid" is not supported`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			node := &onnxpb.NodeProto{
				Name: "/block/odd", OpType: tc.op, Input: slices.Repeat([]string{"x"}, 1+tc.inputs), Output: []string{"y", "y1", "y2", "y3"}[:1+tc.outputs], Attribute: tc.attributes,
			}
			data, err := proto.Marshal(&onnxpb.ModelProto{
				OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: 23}},
				Graph: &onnxpb.GraphProto{
					Node: []*onnxpb.NodeProto{node}, Input: []*onnxpb.ValueInfoProto{batchOf("x", []int{3, 4, 4})}, Output: []*onnxpb.ValueInfoProto{{Name: "y"}},
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			model, err := Decode(data)
			if err == nil {
				_, err = model.Compile(graph.Options{Threads: 1})
			}
			for _, want := range []string{`node "/block/odd" (` + tc.op + ")", "opset 23", tc.says} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("the error is %v, want one that says %s", err, want)
				}
			}
		})
	}
}
