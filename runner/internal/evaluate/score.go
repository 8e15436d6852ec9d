// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
)

// Batches says how images are fed to a classifier. It changes no result.
type Batches struct {
	Size    int // images computed together
	Workers int // goroutines that decode
}

// Score asks the classifier about every image of the subset.
func Score(ctx context.Context, classifier Classifier, subset dataset.Subset, batches Batches) (*metrics.Tally, error) {
	loader, err := dataset.NewLoader(subset, dataset.LoaderConfig{BatchSize: batches.Size, Workers: batches.Workers})
	if err != nil {
		return nil, err
	}
	classes := classifier.Classes()
	tally := metrics.NewTally(classes)
	for batch, err := range loader.Epoch(ctx, 0, 0) {
		if err != nil {
			return nil, fmt.Errorf("load images: %w", err)
		}
		logits, err := classifier.Logits(batch.Images, batch.N)
		if err != nil {
			return nil, fmt.Errorf("classify images: %w", err)
		}
		for i, label := range batch.Labels {
			tally.Add(logits[i*classes:(i+1)*classes], int(label))
		}
	}
	return tally, nil
}
