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

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/engine/graph"
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
	raw := runPeer(t, "onnxruntime_run.py", file, input, shape...)
	output := make([]float32, len(raw)/4)
	if _, err := binary.Decode(raw, binary.NativeEndian, output); err != nil {
		t.Fatal(err)
	}
	return output
}

// runPeer gives a script a model and an input as files and returns the content of the file that it writes.
func runPeer(t *testing.T, script string, file []byte, input []float32, shape ...int) []byte {
	t.Helper()
	dir := t.TempDir()
	args := []string{filepath.Join(dir, "model.onnx"), filepath.Join(dir, "input"), filepath.Join(dir, "output")}
	raw, err := binary.Append(nil, binary.NativeEndian, input)
	if err != nil {
		t.Fatal(err)
	}
	for i, content := range [][]byte{file, raw} {
		if err := os.WriteFile(args[i], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	result := args[2]
	for _, d := range shape {
		args = append(args, strconv.Itoa(d))
	}
	peers.Run(t, script, args...)
	content, err := os.ReadFile(result)
	if err != nil {
		t.Fatal(err)
	}
	return content
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
	for _, architecture := range contract.Architectures() {
		t.Run(architecture, func(t *testing.T) {
			const batch = 4
			network := testNetwork(t, architecture)
			decoded, file := encodeAndDecode(t, network)
			x := testImages(batch)
			want := onnxRuntime(t, file, x.Data, x.Shape...)

			compare(t, runGraph(t, decoded.Graph, x.Data, batch), want, network.Classes())
		})
	}
}

// TestQuantizedAgainstONNXRuntime reads a model that ONNX Runtime has quantized to 8 bits. Sums of 8-bit products differ in
// rounding, and a value that lies between two steps of 8 bits may end on either, so results agree to about a step.
func TestQuantizedAgainstONNXRuntime(t *testing.T) {
	const (
		batch           = 8
		maxDifference   = 0.02 // of the largest logit
		maxQuantization = 0.1  // of the largest logit, from the model in float32
	)
	network := testNetwork(t, "BaselineCNN")
	decoded, file := encodeAndDecode(t, network)
	x := testImages(batch)
	quantized := runPeer(t, "onnxruntime_quantize.py", file, x.Data, x.Shape...)
	want := onnxRuntime(t, quantized, x.Data, x.Shape...)

	model, err := Decode(quantized)
	if err != nil {
		t.Fatal(err)
	}
	got, exact := runGraph(t, model.Graph, x.Data, batch), runGraph(t, decoded.Graph, x.Data, batch)
	t.Logf("largest difference: from ONNX Runtime %.2g, from float32 %.2g of the largest logit", largestError(got, want), largestError(got, exact))
	if e := largestError(got, want); !(e <= maxDifference) {
		t.Errorf("logits differ from ONNX Runtime's by %.2g of the largest:\ngot  %v\nwant %v", e, got, want)
	}
	if e := largestError(got, exact); !(e <= maxQuantization) {
		t.Errorf("logits differ from those in float32 by %.2g of the largest:\ngot  %v\nwant %v", e, got, exact)
	}
}

// runGraph compiles a graph and runs it once.
func runGraph(t *testing.T, g *graph.Graph, input []float32, batch int) []float32 {
	t.Helper()
	program, err := graph.Compile(g, graph.Options{})
	if err != nil {
		t.Fatal(err)
	}
	session, err := program.NewSession(batch)
	if err != nil {
		t.Fatal(err)
	}
	copy(session.Input(0), input)
	session.Run()
	return slices.Clone(session.Output(0))
}
