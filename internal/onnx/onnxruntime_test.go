// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// The promise about files that we write: how far our results may be from ONNX Runtime's.
const (
	maxLogitError       = 1e-3 // relative to the largest logit
	maxProbabilityError = 1e-4
)

// onnxRuntime runs a model in ONNX Runtime.
func onnxRuntime(t *testing.T, file []byte, input []float32, shape ...int) []float32 {
	t.Helper()
	dir := t.TempDir()
	paths := []string{filepath.Join(dir, "model.onnx"), filepath.Join(dir, "input"), filepath.Join(dir, "output")}
	raw, err := binary.Append(nil, binary.NativeEndian, input)
	if err != nil {
		t.Fatal(err)
	}
	for i, content := range [][]byte{file, raw} {
		if err := os.WriteFile(paths[i], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := paths
	for _, d := range shape {
		args = append(args, strconv.Itoa(d))
	}
	peers.Run(t, "onnxruntime_run.py", args...)
	raw, err = os.ReadFile(paths[2])
	if err != nil {
		t.Fatal(err)
	}
	output := make([]float32, len(raw)/4)
	if _, err := binary.Decode(raw, binary.NativeEndian, output); err != nil {
		t.Fatal(err)
	}
	return output
}

// probabilities are the softmax of each row of logits.
func probabilities(logits []float32, classes int) []float64 {
	p := make([]float64, len(logits))
	for first := 0; first < len(logits); first += classes {
		sum, largest := 0.0, slices.Max(logits[first:first+classes])
		for i := first; i < first+classes; i++ {
			p[i] = math.Exp(float64(logits[i] - largest))
			sum += p[i]
		}
		for i := first; i < first+classes; i++ {
			p[i] /= sum
		}
	}
	return p
}

// compare checks logits against those of ONNX Runtime.
func compare(t *testing.T, got, want []float32, classes int) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d logits, ONNX Runtime has %d", len(got), len(want))
	}
	logits := largestError(got, want)
	var probability float64
	wantProbabilities := probabilities(want, classes)
	for i, p := range probabilities(got, classes) {
		probability = max(probability, math.Abs(p-wantProbabilities[i]))
	}
	t.Logf("largest difference: logits %.2g (relative), probabilities %.2g", logits, probability)
	if !(logits <= maxLogitError && probability <= maxProbabilityError) {
		t.Errorf("logits differ by %.2g (at most %.0g), probabilities by %.2g (at most %.0g)", logits, maxLogitError, probability, maxProbabilityError)
	}
}

func TestAgainstONNXRuntime(t *testing.T) {
	for _, architecture := range model.Architectures() {
		t.Run(architecture, func(t *testing.T) {
			const batch = 4
			network := testNetwork(t, architecture)
			decoded, file := encodeAndDecode(t, network)
			x := testImages(batch)
			want := onnxRuntime(t, file, x.Data, x.Shape...)

			program, err := graph.Compile(decoded.Graph, graph.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float32, batch*network.Classes())
			if err := program.Run(x.Data, batch, got); err != nil {
				t.Fatal(err)
			}
			compare(t, got, want, network.Classes())
		})
	}
}
