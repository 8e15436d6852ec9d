// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// SplitConfig says how to divide a dataset. Training gets what the other two
// leave.
type SplitConfig struct {
	// ValidationPercent and TestPercent are shares of each class, 0 to 90, 90
	// together at most.
	ValidationPercent int
	TestPercent       int
	// Seed decides which images go where.
	Seed uint64
}

// Split is a dataset in three parts that have no image in common.
type Split struct {
	Train, Validation, Test Subset
}

// Split divides the dataset, each class in the given proportions. Which part an
// image goes to depends on its content: copies of one file, even under two
// classes, end up in the same part, so the test measures nothing that was
// trained on. A part whose share isn't 0 gets at least one image of each class.
//
// Errors wrap ErrInvalid.
func (d *Dataset) Split(cfg SplitConfig) (Split, error) {
	if err := cfg.validate(); err != nil {
		return Split{}, err
	}
	part := map[[sha256.Size]byte]int{} // index into parts
	for start := 0; start < len(d.Samples); {
		end := start
		for end < len(d.Samples) && d.Samples[end].Label == d.Samples[start].Label {
			end++
		}
		assignClass(part, d.Samples[start:end], cfg)
		start = end
	}
	split := Split{Train: Subset{Dataset: d}, Validation: Subset{Dataset: d}, Test: Subset{Dataset: d}}
	parts := [...]*Subset{&split.Test, &split.Validation, &split.Train}
	for i, sample := range d.Samples {
		p := parts[part[sample.Digest]]
		p.Indices = append(p.Indices, i)
	}
	return split, d.checkSplit(split, cfg)
}

func (cfg SplitConfig) validate() error {
	const most = 90
	if cfg.ValidationPercent < 0 || cfg.TestPercent < 0 || cfg.ValidationPercent+cfg.TestPercent > most {
		return fmt.Errorf("%w: split of %d%% validation and %d%% test: neither may be negative, nor both together over %d%%",
			ErrInvalid, cfg.ValidationPercent, cfg.TestPercent, most)
	}
	return nil
}

// assignClass puts the distinct images of one class in an order that depends on
// their content and the seed alone, and deals them out: test first, then
// validation, then training. Images that part knows already stay where they
// are.
func assignClass(part map[[sha256.Size]byte]int, samples []Sample, cfg SplitConfig) {
	type keyed struct{ key, digest [sha256.Size]byte }
	var images []keyed
	for i, sample := range samples {
		if i > 0 && sample.Digest == samples[i-1].Digest {
			continue
		}
		salted := binary.BigEndian.AppendUint64(nil, cfg.Seed)
		images = append(images, keyed{key: sha256.Sum256(append(salted, sample.Digest[:]...)), digest: sample.Digest})
	}
	slices.SortFunc(images, func(a, b keyed) int { return bytes.Compare(a.key[:], b.key[:]) })
	test := share(len(images), cfg.TestPercent)
	validation := share(len(images), cfg.ValidationPercent)
	for i, image := range images {
		if _, known := part[image.digest]; known {
			continue
		}
		switch {
		case i < test:
			part[image.digest] = 0
		case i < test+validation:
			part[image.digest] = 1
		default:
			part[image.digest] = 2
		}
	}
}

// share is percent of n to the nearest whole, but 1 at least unless percent is 0.
func share(n, percent int) int {
	if percent == 0 {
		return 0
	}
	return max((n*percent+50)/100, 1)
}

func (d *Dataset) checkSplit(split Split, cfg SplitConfig) error {
	parts := []struct {
		name   string
		subset Subset
		wanted bool
	}{
		{"training", split.Train, true},
		{"validation", split.Validation, cfg.ValidationPercent > 0},
		{"test", split.Test, cfg.TestPercent > 0},
	}
	for _, part := range parts {
		if !part.wanted {
			continue
		}
		for label, count := range part.subset.ClassCounts() {
			if count == 0 {
				return fmt.Errorf("%w: %v has too few different images of class %q: none is left for %s after a split of %d%% validation and %d%% test",
					ErrInvalid, d.source, d.Classes[label], part.name, cfg.ValidationPercent, cfg.TestPercent)
			}
		}
	}
	return nil
}
