// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantize

import (
	"context"
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/dataset"
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

// WithImages quantizes a float32 model that Trainyard has written, with ranges that images which it was not trained on tell.
// Its metadata stay those of the float32 model.
func WithImages(ctx context.Context, model []byte, calibration dataset.Subset, workers int) ([]byte, error) {
	loader, err := dataset.NewLoader(Samples(calibration), dataset.LoaderConfig{BatchSize: batchSize, Workers: workers})
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	return Model(model, func(yield func([]float32, error) bool) {
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
