// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxpb"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// networkFiles are the graphs that test/peers/networks/export.py writes: torchvision's classifiers without their weights.
const networkFiles = "testdata/networks/*.onnx"

// usualLogit is the size of the largest logits.
const usualLogit = 10

// networkModel reads such a graph and fills in random weights.
func networkModel(t *testing.T, path string) *onnxpb.ModelProto {
	t.Helper()
	file := readModel(t, path)
	random := rand.New(rand.NewPCG(6, 7))
	for _, tensor := range file.Graph.Initializer {
		count, fanIn := 1, 1
		for i, d := range tensor.Dims {
			count *= int(d)
			if i > 0 {
				fanIn *= int(d)
			}
		}
		if tensor.DataType != int32(onnxpb.TensorProto_FLOAT) || len(tensor.RawData)+len(tensor.FloatData) > 0 {
			continue
		}
		tensor.FloatData = make([]float32, count)
		for i := range tensor.FloatData {
			switch {
			case len(tensor.Dims) > 1: // He's initialisation keeps the size of what flows through
				tensor.FloatData[i] = float32(random.NormFloat64() * math.Sqrt(2/float64(fanIn)))
			case strings.Contains(tensor.Name, "var"):
				tensor.FloatData[i] = 0.5 + random.Float32()
			case strings.Contains(tensor.Name, "weight"):
				tensor.FloatData[i] = 0.8 + 0.4*random.Float32()
			default:
				tensor.FloatData[i] = 0.2 * (random.Float32() - 0.5)
			}
		}
	}
	return file
}

// TestNetworksAgainstONNXRuntime compares whole networks of the field with ONNX Runtime.
func TestNetworksAgainstONNXRuntime(t *testing.T) {
	peers.Python(t) // before the work, if it is to be skipped
	paths, err := filepath.Glob(networkFiles)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no networks: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".onnx"), func(t *testing.T) {
			file, err := proto.Marshal(networkModel(t, path))
			if err != nil {
				t.Fatal(err)
			}
			model, err := Decode(file)
			if err != nil {
				t.Fatal(err)
			}
			program, err := graph.Compile(model.Graph, graph.Options{})
			if err != nil {
				t.Fatal(err)
			}
			const batch = 2
			session, err := program.NewSession(batch)
			if err != nil {
				t.Fatal(err)
			}
			random := rand.New(rand.NewPCG(8, 9))
			for i := range session.Input(0) {
				session.Input(0)[i] = float32(random.NormFloat64())
			}
			shape := append([]int{batch}, model.Graph.Inputs[0].Shape[1:]...)
			want := onnxRuntime(t, file, session.Input(0), shape...)
			session.Run()
			got := slices.Clone(session.Output(0))
			// Random weights give logits of any size. Trained networks' are of this one.
			factor := usualLogit / max(slices.Max(want), -slices.Min(want))
			for i := range want {
				got[i] *= factor
				want[i] *= factor
			}
			compare(t, got, want, session.OutputShape(0)[1])
		})
	}
}
