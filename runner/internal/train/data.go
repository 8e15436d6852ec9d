// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/images"
)

// data is what a run learns from and is measured on.
type data struct {
	dataset *dataset.Dataset
	split   dataset.Split
	spec    preprocess.Spec
	// weights are those of the classes in the loss; nil: all count alike.
	weights []float32
	// sizes are those of the classes, the smallest first; nil if all have as many training images.
	sizes []contract.ClassSize
}

// load opens and splits the dataset. The images that are kept fit into the given limit of memory. Errors have a reason.
func (r *attempt) load(ctx context.Context, limit int64) (*data, error) {
	d := &data{spec: preprocess.DefaultSpec(r.cfg.Model.ImageSize)}
	network := networkMemory(r.cfg)
	if network > limit {
		r.log.Warn("Training may run out of memory: lower model.imageSize or training.batchSize, or raise the memory limit",
			"neededMiB", network>>20, "limitMiB", limit>>20)
	}
	if r.store != nil {
		r.events.tell(Fetching{})
	}
	var err error
	d.dataset, err = images.Open(ctx, r.log, images.Request{
		Dataset: r.cfg.Dataset, Preprocess: d.spec, Workers: r.cfg.Training.Workers, MemoryBytes: limit, NetworkBytes: network,
		Store: r.store, Scratch: r.scratch, Progress: func(p dataset.Progress) { r.events.tell(Scanning{p}) },
	})
	if err != nil {
		return nil, err
	}
	if d.split, err = d.dataset.Split(images.SplitConfig(r.cfg.Dataset.Split)); err != nil {
		return nil, failure.Dataset(err)
	}
	r.log.Info("Dataset ready", "classes", len(d.dataset.Classes), "train", d.split.Train.Len(),
		"validation", d.split.Validation.Len(), "test", d.split.Test.Len(), "skipped", d.dataset.Skipped.Count, "digest", d.dataset.Digest)
	r.weigh(d)
	if r.splitFile != "" {
		if err := writeSplit(r.splitFile, d); err != nil {
			return nil, failure.Config(fmt.Errorf("write the split: %w", err))
		}
	}
	return d, nil
}

// result describes the data in the result.
func (d *data) result() contract.DatasetResult {
	return contract.DatasetResult{
		Digest: d.dataset.Digest, Samples: len(d.dataset.Samples), TestSplitDigest: d.split.Test.Digest(), Revision: d.dataset.Revision,
		SplitBy: d.dataset.SplitBy, ClassSizes: shortSizes(d.sizes),
	}
}

// writeSplit writes the names of the files in each part of the split as JSON, for other programs to use the same.
func writeSplit(path string, d *data) error {
	parts := map[string][]string{}
	for name, subset := range map[string]dataset.Subset{
		"train": d.split.Train, "validation": d.split.Validation, "test": d.split.Test,
	} {
		for _, i := range subset.Indices {
			parts[name] = append(parts[name], dataset.Shown(d.dataset.Samples[i].Name))
		}
	}
	encoded, err := json.MarshalIndent(parts, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(encoded, '\n'), 0o644)
}
