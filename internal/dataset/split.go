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
// Parts that the source gives are taken as they are; what it lacks is divided
// from its training part.
//
// Errors wrap ErrInvalid.
func (d *Dataset) Split(cfg SplitConfig) (Split, error) {
	if err := cfg.validate(); err != nil {
		return Split{}, err
	}
	given := d.GivenParts()
	if slices.Contains(given, PartValidation) {
		cfg.ValidationPercent = 0
	}
	if slices.Contains(given, PartTest) {
		cfg.TestPercent = 0
	}
	// By the names of the classes: where copies under two of them go depends on
	// which comes first.
	var divided []Sample
	for _, i := range d.byClassName(d.All().Indices) {
		if d.Samples[i].Part <= PartTrain {
			divided = append(divided, d.Samples[i])
		}
	}
	part := map[[sha256.Size]byte]Part{}
	for start := 0; start < len(divided); {
		end := start
		for end < len(divided) && divided[end].Label == divided[start].Label {
			end++
		}
		assignClass(part, divided[start:end], cfg)
		start = end
	}
	split := Split{Train: Subset{Dataset: d}, Validation: Subset{Dataset: d}, Test: Subset{Dataset: d}}
	parts := map[Part]*Subset{PartTrain: &split.Train, PartValidation: &split.Validation, PartTest: &split.Test}
	for i, sample := range d.Samples {
		p := parts[sample.Part]
		if sample.Part <= PartTrain {
			p = parts[part[sample.Digest]]
		}
		p.Indices = append(p.Indices, i)
	}
	return split, d.checkSplit(split, cfg, given)
}

// GivenParts are the parts that the source gives, in their order; none if it is
// not split.
func (d *Dataset) GivenParts() []Part {
	var given []Part
	for _, part := range []Part{PartTrain, PartValidation, PartTest} {
		if slices.ContainsFunc(d.Samples, func(s Sample) bool { return s.Part == part }) {
			given = append(given, part)
		}
	}
	return given
}

// warnOfSharedImages warns if images are in both parts that the model is measured
// on, given the set of parts of each image: it would be chosen by what it is
// tested on.
func (d *Dataset) warnOfSharedImages(parts map[[sha256.Size]byte]uint8) {
	const both = 1<<PartValidation | 1<<PartTest
	shared := 0
	for _, in := range parts {
		if in&both == both {
			shared++
		}
	}
	if shared > 0 {
		d.Warnings = append(d.Warnings, fmt.Sprintf(
			"%d images are in both the validation and the test part: the test figures are too good, as the epoch was chosen by them", shared))
	}
}

// warnOfSeveralClasses warns if images are filed under several classes, as where one
// class folder is a link to another: whatever is answered is wrong for one of them.
func (d *Dataset) warnOfSeveralClasses() {
	first := map[[sha256.Size]byte]int{}
	var files, at, other int
	for i, sample := range d.Samples {
		earlier, known := first[sample.Digest]
		switch {
		case !known:
			first[sample.Digest] = i
		case d.Samples[earlier].Label != sample.Label:
			if files++; files == 1 {
				at, other = earlier, i
			}
		}
	}
	if files > 0 {
		d.Warnings = append(d.Warnings, fmt.Sprintf("%d files are copies of an image of another class, the first being %s, which is %s: keep each image in the class that it shows",
			files, Shown(d.Samples[other].Name), Shown(d.Samples[at].Name)))
	}
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
func assignClass(part map[[sha256.Size]byte]Part, samples []Sample, cfg SplitConfig) {
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
			part[image.digest] = PartTest
		case i < test+validation:
			part[image.digest] = PartValidation
		default:
			part[image.digest] = PartTrain
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

func (d *Dataset) checkSplit(split Split, cfg SplitConfig, given []Part) error {
	parts := []struct {
		part    Part
		subset  Subset
		percent int
	}{
		{PartTrain, split.Train, 100},
		{PartValidation, split.Validation, cfg.ValidationPercent},
		{PartTest, split.Test, cfg.TestPercent},
	}
	for _, p := range parts {
		isGiven := slices.Contains(given, p.part) || p.part == PartTrain && len(given) > 0
		if p.percent == 0 && !isGiven {
			continue
		}
		for label, count := range p.subset.ClassCounts() {
			switch {
			case count > 0:
			case isGiven && p.part != PartTrain:
				return fmt.Errorf("%w: %v is split already, and its %v part has no usable image of class %q: add images of it",
					ErrInvalid, d.source, p.part, d.Classes[label])
			case isGiven:
				return fmt.Errorf("%w: %v is split already, and every training image of class %q is needed for validation or test, or is a copy of one there: add images, or remove the copies from the other parts",
					ErrInvalid, d.source, d.Classes[label])
			default:
				return fmt.Errorf("%w: %v has too few different images of class %q: none is left for %v after a split of %d%% validation and %d%% test",
					ErrInvalid, d.source, d.Classes[label], p.part, cfg.ValidationPercent, cfg.TestPercent)
			}
		}
	}
	return nil
}
