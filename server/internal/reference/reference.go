// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package reference reads what a model's run measured on its test split, from the report that it left beside the model.
package reference

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// ErrNone says that there is no report beside a model. Test with errors.Is.
var ErrNone = errors.New("no report beside the model")

const (
	reportFile  = contract.ReportDir + "/report.json"
	detailsFile = contract.ReportDir + "/details.json"
	// maxBytes of a file that is read.
	maxBytes = 16 << 20
)

// Report is what a model answered on the test split of its run.
type Report struct {
	Classes []string
	// Confusion counts images by true class, then predicted class, in the order of Classes.
	Confusion [][]int
	// Confidence is the mean probability of the predicted class; 0 if it isn't known.
	Confidence float64
}

// Predicted counts the images by predicted class.
func (r *Report) Predicted() []int {
	counts := make([]int, len(r.Classes))
	for _, row := range r.Confusion {
		for class, n := range row {
			counts[class] += n
		}
	}
	return counts
}

// Read reads the report of the artifact that the model file at path lies in, if its manifest lists the model by its digest.
// Only files that the manifest lists are believed. It is ErrNone where there is no such artifact.
func Read(path, digest string) (*Report, error) {
	dir := filepath.Dir(path)
	manifest, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	if listed := fileOf(manifest, filepath.Base(path)); listed == nil || listed.SHA256 != digest {
		return nil, fmt.Errorf("%w: %s lists another model", ErrNone, contract.ManifestFile)
	}
	var report struct {
		Dataset struct {
			Classes []string `json:"classes"`
		} `json:"dataset"`
		Confusion [][]int `json:"confusion"`
	}
	if err := read(dir, manifest, reportFile, &report); err != nil {
		return nil, err
	}
	var details struct {
		Calibration []struct {
			Answers    int     `json:"answers"`
			Confidence float64 `json:"confidence"`
		} `json:"calibration"`
	}
	if err := read(dir, manifest, detailsFile, &details); err != nil && !errors.Is(err, ErrNone) {
		return nil, err
	}
	r := &Report{Classes: report.Dataset.Classes, Confusion: report.Confusion}
	if err := r.validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, reportFile), err)
	}
	answers, sum := 0, 0.0
	for _, bin := range details.Calibration {
		answers += bin.Answers
		sum += float64(bin.Answers) * bin.Confidence
	}
	if answers > 0 {
		r.Confidence = sum / float64(answers)
	}
	return r, nil
}

func (r *Report) validate() error {
	classes := len(r.Classes)
	square := len(r.Confusion) == classes && !slices.ContainsFunc(r.Confusion, func(row []int) bool {
		return len(row) != classes || slices.ContainsFunc(row, func(n int) bool { return n < 0 })
	})
	if classes < 2 || !square {
		return errors.New("the confusion matrix doesn't have a row and a column for each class")
	}
	return nil
}

func readManifest(dir string) (*contract.Manifest, error) {
	path := filepath.Join(dir, contract.ManifestFile)
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNone
	case err != nil:
		return nil, err
	}
	manifest := &contract.Manifest{}
	if err := contract.DecodeResult(data, manifest); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return manifest, nil
}

func fileOf(manifest *contract.Manifest, path string) *contract.File {
	i := slices.IndexFunc(manifest.Files, func(f contract.File) bool { return f.Path == path })
	if i < 0 {
		return nil
	}
	return &manifest.Files[i]
}

// read decodes a file of the artifact in dir.
func read(dir string, manifest *contract.Manifest, name string, v any) error {
	listed := fileOf(manifest, name)
	if listed == nil {
		return fmt.Errorf("%w: there is no %s", ErrNone, name)
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	data, _, err := artifact.ReadVerified(path, listed.SHA256, maxBytes)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
