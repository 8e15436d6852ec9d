// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
	"github.com/trainyard-dev/trainyard/test/peers"
)

var update = flag.Bool("update", false, "write the golden files of this package's tests")

// The tolerances of the standard's own test runner.
const (
	relativeTolerance = 1e-3
	absoluteTolerance = 1e-6
)

// The golden file lists every case of the standard's node tests whose operators are all supported, with "ok" or the
// reason for which it is refused.
const standardGolden = "testdata/standard_node_tests.txt"

// rewrittenOperators are read, but unknown to package graph.
var rewrittenOperators = []string{"Constant", "ConstantOfShape", "Dropout", "Upsample"}

// TestStandardNodeTests runs the ONNX standard's node tests: a case is computed right or refused, never wrong.
func TestStandardNodeTests(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join(peers.ONNXTestData(t), "node", "*"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no node tests: %v", err)
	}
	supported := append(graph.Operators(), rewrittenOperators...)
	var results []string
	passed, claimed := map[string]int{}, map[string]int{}
	for _, dir := range cases {
		file := readModel(t, filepath.Join(dir, "model.onnx"))
		operators := operatorsOf(file)
		if slices.ContainsFunc(operators, func(op string) bool { return !slices.Contains(supported, op) }) {
			continue
		}
		name := strings.TrimPrefix(filepath.Base(dir), "test_")
		subject := operators[0]
		if len(operators) > 1 {
			subject = "(several)"
		}
		result := "ok"
		var refusal *refusedError
		err := runStandardCase(t, file, dir)
		switch {
		case err == nil:
			passed[subject]++
			claimed[subject]++
		case errors.As(err, &refusal):
			result = "refused: " + refusal.Error()
		default:
			claimed[subject]++
			result = "WRONG: " + err.Error()
			t.Errorf("%s: %v", name, err)
		}
		results = append(results, fmt.Sprintf("%s: %s: %s", subject, name, result))
	}
	slices.Sort(results)
	for _, subject := range slices.Sorted(maps.Keys(claimed)) {
		t.Logf("%-20s %3d passed of %3d claimed", subject, passed[subject], claimed[subject])
	}
	t.Logf("%d passed of %d claimed, for %d operators; %d cases of supported operators refused", sum(passed), sum(claimed), len(claimed), len(results)-sum(claimed))
	checkGolden(t, standardGolden, strings.Join(results, "\n")+"\n")
}

func sum(counts map[string]int) (total int) {
	for _, n := range counts {
		total += n
	}
	return total
}

// checkGolden compares text with a golden file, or writes it with -update.
func checkGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); if that is intended, run the test with -update:\n%s", path, diff)
	}
}

func readModel(t *testing.T, path string) *onnxpb.ModelProto {
	t.Helper()
	file := &onnxpb.ModelProto{}
	readProto(t, path, file)
	return file
}

func readProto(t *testing.T, path string, into proto.Message) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// operatorsOf lists the operators of a model, those of subgraphs not among them.
func operatorsOf(file *onnxpb.ModelProto) []string {
	var operators []string
	for _, node := range file.GetGraph().GetNode() {
		op := node.GetOpType()
		if !standardDomain(node.GetDomain()) {
			op = node.GetDomain() + "." + op
		}
		if !slices.Contains(operators, op) {
			operators = append(operators, op)
		}
	}
	return operators
}

// refusedError is the reason for which a model is not supported.
type refusedError struct{ error }

// runStandardCase runs a case's first data set. Inputs of float32 are computed with at run time; if that is refused, all
// but the first become constants, as bounds, scales and shapes are in the files that exporters write, and then all.
func runStandardCase(t *testing.T, file *onnxpb.ModelProto, dir string) error {
	t.Helper()
	for i, value := range slices.Concat(file.Graph.Input, file.Graph.Output) {
		if value.GetType().GetTensorType() == nil {
			return &refusedError{fmt.Errorf("value %d is not a tensor", i)}
		}
	}
	inputs := readTensors(t, dir, "input", len(file.Graph.Input))
	want := readTensors(t, dir, "output", len(file.Graph.Output))
	var err error
	for _, runtime := range []int{len(inputs), 1, 0} {
		err = runStandard(file, inputs, want, runtime)
		if refusal := (*refusedError)(nil); !errors.As(err, &refusal) || !needsConstant(err) {
			break
		}
	}
	return err
}

// needsConstant reports whether a model is refused because something is not known when it is compiled.
func needsConstant(err error) bool {
	return slices.ContainsFunc([]string{"only a constant is supported", "depends on the model's input", "only supported on constants"},
		func(reason string) bool { return strings.Contains(err.Error(), reason) })
}

func readTensors(t *testing.T, dir, kind string, n int) []*onnxpb.TensorProto {
	t.Helper()
	tensors := make([]*onnxpb.TensorProto, n)
	for i := range tensors {
		tensors[i] = &onnxpb.TensorProto{}
		readProto(t, filepath.Join(dir, "test_data_set_0", fmt.Sprintf("%s_%d.pb", kind, i)), tensors[i])
	}
	return tensors
}

// runStandard makes constants of the inputs that are not float32 or from the runtime-th on, runs the model and compares
// its outputs.
func runStandard(original *onnxpb.ModelProto, inputs, want []*onnxpb.TensorProto, runtime int) error {
	file := proto.Clone(original).(*onnxpb.ModelProto)
	g := file.Graph
	var fed [][]float32
	var left []*onnxpb.ValueInfoProto
	for i, input := range g.Input {
		tensor := proto.Clone(inputs[i]).(*onnxpb.TensorProto)
		tensor.Name = input.Name
		decoded, err := DecodeTensor(tensor)
		if err != nil {
			return &refusedError{err}
		}
		if decoded.DType == graph.Float32 && i < runtime {
			fed = append(fed, decoded.Floats)
			left = append(left, input)
			continue
		}
		g.Initializer = append(g.Initializer, tensor)
	}
	if len(left) == 0 {
		fed = [][]float32{{0}}
		left = append(left, batchOf("unused", nil))
	}
	g.Input = left
	castOutputs(g)
	encoded, err := proto.Marshal(file)
	if err != nil {
		return err
	}
	model, err := Decode(encoded)
	if err != nil {
		return &refusedError{errors.Unwrap(err)}
	}
	program, err := graph.Compile(model.Graph, graph.Options{Threads: 1})
	if err != nil {
		return &refusedError{errors.Unwrap(err)}
	}
	session, err := program.NewSession(max(program.BatchSize(), 1))
	if err != nil {
		return err
	}
	for i, x := range fed {
		copy(session.Input(i), x)
	}
	session.Run()
	for i := range want {
		if err := compareStandard(session, i, want[i]); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// castOutputs has outputs of other types converted to float32.
func castOutputs(g *onnxpb.GraphProto) {
	for _, output := range g.Output {
		tensorType := output.GetType().GetTensorType()
		if dtype, err := elementType(tensorType.GetElemType()); err != nil || dtype == graph.Float32 {
			continue
		}
		g.Node = append(g.Node, &onnxpb.NodeProto{
			OpType: "Cast", Input: []string{output.Name}, Output: []string{output.Name + "/float"},
			Attribute: []*onnxpb.AttributeProto{IntAttribute("to", int64(onnxpb.TensorProto_FLOAT))},
		})
		output.Name += "/float"
		tensorType.ElemType = int32(onnxpb.TensorProto_FLOAT)
	}
}

func compareStandard(session *graph.Session, i int, tensor *onnxpb.TensorProto) error {
	want, err := DecodeTensor(tensor)
	if err != nil {
		return err
	}
	if got := session.OutputShape(i); !slices.Equal(got, want.Shape) {
		return fmt.Errorf("shape is %v, want %v", got, want.Shape)
	}
	tolerance := relativeTolerance
	if tensor.GetDataType() == int32(onnxpb.TensorProto_BFLOAT16) {
		tolerance = 1.0 / 128 // a result in float32 is more precise
	}
	for j, got := range session.Output(i) {
		var w float64
		if want.DType == graph.Float32 {
			w = float64(want.Floats[j])
		} else {
			w = float64(want.Ints[j])
		}
		if g := float64(got); g != w && !(math.Abs(g-w) <= absoluteTolerance+tolerance*math.Abs(w)) && !(math.IsNaN(g) && math.IsNaN(w)) {
			return fmt.Errorf("element %d is %v, want %v", j, g, w)
		}
	}
	return nil
}
