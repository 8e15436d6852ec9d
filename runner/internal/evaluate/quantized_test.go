// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
)

func TestDescribe(t *testing.T) {
	network, err := model.New(model.Config{Architecture: contract.ArchitectureSimpleCNN, Classes: 2, ImageSize: 32, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	metadata := onnx.Metadata{Classes: []string{"cat", "dog"}, Preprocess: preprocess.DefaultSpec(32), Run: "team-a/pets"}
	file, err := onnx.Encode(network, metadata)
	if err != nil {
		t.Fatal(err)
	}
	described, err := describe(file, metadata, []contract.Metric{{Name: "accuracy", Value: 0.5}})
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := onnx.Decode(described)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decoded.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	metadata.Quantization, metadata.Metrics = contract.QuantizationInt8, map[string]float64{"accuracy": 0.5}
	if diff := cmp.Diff(&metadata, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestMetrics(t *testing.T) {
	float, quantized := metrics.NewTally(2), metrics.NewTally(2)
	for i := range 4 {
		float.Add([]float32{1, 0}, 0)
		quantized.Add([]float32{1, float32(2 * (i / 3))}, 0)
	}
	got := withLoss(quantized, float, 0)
	if got[0].Value != 0.75 || got[len(got)-1] != (contract.Metric{Name: contract.MetricAccuracyLoss, Value: 0.25}) {
		t.Errorf("metrics are %v", got)
	}
	calibrated := withLoss(quantized, float, 2)
	if temperature := calibrated[len(calibrated)-3]; temperature != (contract.Metric{Name: contract.MetricTemperature, Value: 2}) || len(calibrated) != len(got)+2 {
		t.Errorf("with a temperature metrics are %v", calibrated)
	}
}
