// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"math"
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxtest"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// The promise about files that we write: how far our results may be from ONNX Runtime's.
const (
	maxLogitError       = 1e-3 // relative to the largest logit
	maxProbabilityError = 1e-4
)

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
	logits := onnxtest.LargestError(got, want)
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
			network := onnxtest.Trained(t, architecture)
			decoded, file := encodeAndDecode(t, network)
			x := onnxtest.Images(batch)
			want := peers.ONNXRuntime(t, file, x.Data, x.Shape...)

			compare(t, onnxtest.Run(t, decoded.Graph, x.Data, batch), want, network.Classes())
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
	network := onnxtest.Trained(t, "BaselineCNN")
	decoded, file := encodeAndDecode(t, network)
	x := onnxtest.Images(batch)
	quantized := peers.RunModel(t, "onnxruntime_quantize.py", file, x.Data, x.Shape...)
	want := peers.ONNXRuntime(t, quantized, x.Data, x.Shape...)

	model, err := Decode(quantized)
	if err != nil {
		t.Fatal(err)
	}
	got, exact := onnxtest.Run(t, model.Graph, x.Data, batch), onnxtest.Run(t, decoded.Graph, x.Data, batch)
	t.Logf("largest difference: from ONNX Runtime %.2g, from float32 %.2g of the largest logit", onnxtest.LargestError(got, want), onnxtest.LargestError(got, exact))
	if e := onnxtest.LargestError(got, want); !(e <= maxDifference) {
		t.Errorf("logits differ from ONNX Runtime's by %.2g of the largest:\ngot  %v\nwant %v", e, got, want)
	}
	if e := onnxtest.LargestError(got, exact); !(e <= maxQuantization) {
		t.Errorf("logits differ from those in float32 by %.2g of the largest:\ngot  %v\nwant %v", e, got, exact)
	}
}
