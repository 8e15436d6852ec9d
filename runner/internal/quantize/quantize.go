// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package quantize turns a trained model into one that computes with 8 bits.
package quantize

import (
	"context"
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/runner/internal/evaluate"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
)

const (
	// MaxSamples is how many images the ranges of activations are taken from.
	MaxSamples = 256
	// batchSize keeps what all layers yield within some hundred megabytes.
	batchSize = 4
)

// Samples returns up to MaxSamples of a subset's images, every class with its share.
func Samples(subset dataset.Subset) dataset.Subset {
	count := min(subset.Len(), MaxSamples)
	picked := dataset.Subset{Dataset: subset.Dataset, Indices: make([]int, count)}
	for i := range picked.Indices {
		picked.Indices[i] = subset.Indices[i*subset.Len()/count] // sorted by class
	}
	return picked
}

// Model quantises a float32 model that Trainyard has written, with ranges that images which it was not trained on tell.
// Its metadata stay those of the float32 model.
func Model(ctx context.Context, model []byte, calibration dataset.Subset, workers int) ([]byte, error) {
	loader, err := dataset.NewLoader(Samples(calibration), dataset.LoaderConfig{BatchSize: batchSize, Workers: workers})
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	return onnx.Quantize(model, func(yield func([]float32, error) bool) {
		for batch, err := range loader.Epoch(ctx, 0, 0) {
			if err != nil {
				yield(nil, fmt.Errorf("load images: %w", err))
				return
			}
			if !yield(batch.Images, nil) {
				return
			}
		}
	})
}

// Result is a quantised model with what was measured of it.
type Result struct {
	Model   []byte
	Tally   *metrics.Tally
	Metrics []contract.Metric
}

// Measure scores what Model returned on images that neither training nor calibration has seen, of which the float32 model
// scored float, and gives it the metadata of its float32 form with its own metrics. Errors have a reason.
func Measure(ctx context.Context, model []byte, metadata onnx.Metadata, test dataset.Subset, float *metrics.Tally, batches evaluate.Batches) (*Result, error) {
	classifier, err := evaluate.ReadModel(model, 0)
	if err != nil {
		return nil, failure.Artifact(fmt.Errorf("read the quantized model back: %w", err))
	}
	r := &Result{}
	if r.Tally, err = evaluate.Score(ctx, classifier, test, batches); err != nil {
		return nil, failure.Dataset(fmt.Errorf("evaluate the quantized model on the test split: %w", err))
	}
	r.Metrics = withLoss(r.Tally, float)
	if r.Model, err = describe(model, metadata, r.Metrics); err != nil {
		return nil, failure.Artifact(err)
	}
	return r, nil
}

// describe gives a quantised model the metadata of its float32 form, with its own metrics.
func describe(model []byte, metadata onnx.Metadata, measured []contract.Metric) ([]byte, error) {
	metadata.Quantization = contract.QuantizationInt8
	metadata.Metrics = map[string]float64{}
	for _, m := range measured {
		metadata.Metrics[m.Name] = m.Value
	}
	return onnx.WithMetadata(model, metadata)
}

// withLoss returns the metrics of a quantised model, and the accuracy that it has lost.
func withLoss(quantized, float *metrics.Tally) []contract.Metric {
	return append(quantized.Metrics(), contract.Metric{
		Name: contract.MetricAccuracyLoss, Value: float.Accuracy() - quantized.Accuracy(),
	})
}
