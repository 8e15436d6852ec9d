// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

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
}

// load opens and splits the dataset. The images that are kept fit into the given limit of memory. Errors have a reason.
func (r *Run) load(ctx context.Context, limit int64) (*data, error) {
	d := &data{spec: preprocess.DefaultSpec(r.Config.Model.ImageSize)}
	network := networkMemory(r.Config)
	if network > limit {
		r.Log.Warn("Training may run out of memory: lower model.imageSize or training.batchSize, or raise the memory limit",
			"neededMiB", network>>20, "limitMiB", limit>>20)
	}
	var err error
	d.dataset, err = images.Open(ctx, r.Log, images.Request{
		Dataset: r.Config.Dataset, Preprocess: d.spec, Workers: r.Config.Training.Workers, MemoryBytes: limit, NetworkBytes: network,
	})
	if err != nil {
		return nil, err
	}
	if d.split, err = d.dataset.Split(images.SplitConfig(r.Config.Dataset.Split)); err != nil {
		return nil, failure.Dataset(err)
	}
	r.Log.Info("Dataset ready", "classes", len(d.dataset.Classes), "train", d.split.Train.Len(),
		"validation", d.split.Validation.Len(), "test", d.split.Test.Len(), "skipped", d.dataset.Skipped.Count, "digest", d.dataset.Digest)
	if r.SplitFile != "" {
		if err := writeSplit(r.SplitFile, d); err != nil {
			return nil, failure.Config(fmt.Errorf("write the split: %w", err))
		}
	}
	return d, nil
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
