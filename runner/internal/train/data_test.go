// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// folderConfig is smallConfig for a folder of images.
func folderConfig(t *testing.T) contract.TrainConfig {
	t.Helper()
	cfg := smallConfig(t.TempDir())
	cfg.Dataset.Generated, cfg.Dataset.Path = nil, folder(t, 20)
	return cfg
}

// A model must not be published under the digest of data that it did not learn from.
func TestChangedDataEndsTheRun(t *testing.T) {
	for name, change := range map[string]func(file string) error{
		"overwritten": func(file string) error { return os.WriteFile(file, picture(t, 99), 0o644) },
		"removed":     os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			cfg := folderConfig(t)
			run := newRun(cfg).attempt()
			data, err := run.load(t.Context(), 0) // no memory to keep images in
			if err != nil {
				t.Fatal(err)
			}
			changed := data.dataset.Samples[data.split.Train.Indices[5]].Name
			if err := change(filepath.Join(cfg.Dataset.Path, changed)); err != nil {
				t.Fatal(err)
			}
			err = run.trainAndPublish(t.Context(), data, &contract.TrainResult{})
			if !errors.Is(err, dataset.ErrChanged) || exitCode(err) != contract.ExitDataset || !strings.Contains(err.Error(), changed) {
				t.Errorf("exits %d: %v, want %d and the name %s", exitCode(err), err, contract.ExitDataset, changed)
			}
			if _, err := artifact.Published(cfg.Output.Path, cfg.Run); !errors.Is(err, artifact.ErrNotPublished) {
				t.Errorf("published: %v", err)
			}
		})
	}
}

// What a run keeps in memory is what it has scanned; only samples are read again.
func TestChangedTestImageIsNoSample(t *testing.T) {
	cfg := folderConfig(t)
	run := newRun(cfg).attempt()
	data, err := run.load(t.Context(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	test := data.split.Test.Indices
	overwrite := func(sample int) {
		writeFile(t, filepath.Join(cfg.Dataset.Path, data.dataset.Samples[sample].Name), picture(t, 99))
	}
	overwrite(test[0])
	var result contract.TrainResult
	if err := run.trainAndPublish(t.Context(), data, &result); err != nil {
		t.Fatal(err)
	}
	if got, want := result.Model.Samples.Count, len(test)-1; got != want {
		t.Errorf("%d samples are published, want the %d that are unchanged", got, want)
	}

	for _, sample := range test {
		overwrite(sample)
	}
	run.cfg.Run.UID = "another"
	if err := run.trainAndPublish(t.Context(), data, &result); exitCode(err) != contract.ExitDataset {
		t.Errorf("without any sample: exits %d: %v, want %d", exitCode(err), err, contract.ExitDataset)
	}
}
