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

// Describe gives a quantised model the metadata of its float32 form, with its own metrics.
func Describe(model []byte, metadata onnx.Metadata, measured []contract.Metric) ([]byte, error) {
	metadata.Quantization = contract.QuantizationInt8
	metadata.Metrics = map[string]float64{}
	for _, m := range measured {
		metadata.Metrics[m.Name] = m.Value
	}
	return onnx.WithMetadata(model, metadata)
}

// Metrics are those of a quantised model, and the accuracy that it has lost.
func Metrics(quantized, float *metrics.Tally) []contract.Metric {
	return append(quantized.Metrics(), contract.Metric{
		Name: contract.MetricAccuracyLoss, Value: float.Accuracy() - quantized.Accuracy(),
	})
}
