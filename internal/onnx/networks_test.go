// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxtest"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// networkFiles are the graphs that test/peers/networks/export.py writes: torchvision's classifiers without their weights.
const networkFiles = "testdata/networks/*.onnx"

// usualLogit is the size of the largest logits.
const usualLogit = 10

// TestNetworksAgainstONNXRuntime compares whole networks of the field with ONNX Runtime.
func TestNetworksAgainstONNXRuntime(t *testing.T) {
	peers.Python(t) // before the work, if it is to be skipped
	paths, err := filepath.Glob(networkFiles)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no networks: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".onnx"), func(t *testing.T) {
			file, err := proto.Marshal(onnxtest.Network(t, path))
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
			want := peers.ONNXRuntime(t, file, session.Input(0), shape...)
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
