// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
)

// Calibration is a temperature for a classifier's logits.
type Calibration struct {
	Temperature float64
	// Validation is what it does on the images that it was fitted to.
	Validation metrics.Calibrated
	// Warning says why there is no better temperature than 1; empty if there is.
	Warning string
}

// Calibrate fits a temperature to images that the classifier was not trained on. Errors have a reason.
func Calibrate(ctx context.Context, classifier Classifier, validation dataset.Subset, batches Batches) (*Calibration, error) {
	tally, err := Score(ctx, classifier, evenly(validation, metrics.MaxCalibrated(classifier.Classes())), batches)
	if err != nil {
		return nil, failure.Dataset(fmt.Errorf("calibrate on the validation split: %w", err))
	}
	c := &Calibration{}
	found := false
	if c.Temperature, found = tally.Temperature(); !found {
		c.Temperature = 1
		c.Warning = fmt.Sprintf("the validation split tells no temperature: of its %d images so many are right, or wrong, that no doubt is left: the probabilities stay as they are; give it more images",
			tally.Count())
	}
	c.Validation, _ = tally.Calibrated(c.Temperature)
	return c, nil
}

// evenly returns up to so many of a subset's images, every class with its share.
func evenly(subset dataset.Subset, most int) dataset.Subset {
	count := min(subset.Len(), most)
	picked := dataset.Subset{Dataset: subset.Dataset, Indices: make([]int, count)}
	for i := range picked.Indices {
		picked.Indices[i] = subset.Indices[i*subset.Len()/count] // sorted by class
	}
	return picked
}
