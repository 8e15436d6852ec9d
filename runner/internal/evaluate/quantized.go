// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
)

// Quantized is a quantized model with what was measured of it.
type Quantized struct {
	Model   []byte
	Tally   *metrics.Tally
	Metrics []contract.Metric
}

// MeasureQuantized scores a quantized model on images that neither training nor calibration has seen, of which its float32
// form scored float, and gives it the metadata of its float32 form with its own metrics. Errors have a reason.
func MeasureQuantized(ctx context.Context, model []byte, metadata onnx.Metadata, test dataset.Subset, float *metrics.Tally, batches Batches) (*Quantized, error) {
	classifier, err := ReadModel(model, 0)
	if err != nil {
		return nil, failure.Artifact(fmt.Errorf("read the quantized model back: %w", err))
	}
	r := &Quantized{}
	if r.Tally, err = Score(ctx, classifier, test, batches); err != nil {
		return nil, failure.Dataset(fmt.Errorf("evaluate the quantized model on the test split: %w", err))
	}
	r.Metrics = withLoss(r.Tally, float, metadata.Temperature)
	if r.Model, err = describe(model, metadata, r.Metrics); err != nil {
		return nil, failure.Artifact(err)
	}
	return r, nil
}

// describe gives a quantized model the metadata of its float32 form, with its own metrics.
func describe(model []byte, metadata onnx.Metadata, measured []contract.Metric) ([]byte, error) {
	metadata.Quantization = contract.QuantizationInt8
	metadata.Metrics = contract.ModelMetrics(measured)
	return onnx.WithMetadata(model, metadata)
}

// withLoss returns the metrics of a quantized model with a temperature, if that isn't 0, and the accuracy that it has lost.
func withLoss(quantized, float *metrics.Tally, temperature float64) []contract.Metric {
	return append(quantized.CalibratedMetrics(temperature), contract.Metric{
		Name: contract.MetricAccuracyLoss, Value: float.Accuracy() - quantized.Accuracy(),
	})
}
