// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dataset brings labeled images to the trainer: it scans a source
// ([Open]), splits the images without leaks ([Dataset.Split]), and feeds
// shuffled, augmented batches ([Loader]).
//
// Everything is decided by the images' content and by seeds: names and order of
// files, the number of workers and an interruption in between change nothing.
package dataset

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// What can be wrong with a dataset; test with errors.Is. All but
// ErrUnreachable need a person: trying again doesn't help. Any other error of
// Open is the context's or the storage's.
var (
	// ErrConfig: the configuration names no source that can be opened.
	ErrConfig = errors.New("dataset configuration invalid")
	// ErrCredentials: the source refuses the credentials, or needs some.
	ErrCredentials = errors.New("dataset credentials invalid")
	// ErrUnreachable: the host of the source wasn't reached, or shows a
	// certificate that isn't trusted. It may be reached later.
	ErrUnreachable = errors.New("dataset source unreachable")
	// ErrNotFound: there is nothing at the given place.
	ErrNotFound = errors.New("dataset not found")
	// ErrInvalid: what is there can't be trained on.
	ErrInvalid = errors.New("dataset invalid")
	// ErrTooManyInvalid: more files are no usable images than Options.MaxInvalidPercent allows.
	ErrTooManyInvalid = errors.New("dataset has too many invalid files")
	// ErrChanged, which is an ErrInvalid: an image is no longer what it was when
	// the dataset was opened.
	ErrChanged = fmt.Errorf("%w: an image changed after it was read", ErrInvalid)
)

// Bounds on a dataset's shape.
const (
	// MinClasses is the fewest that a classifier can tell apart.
	MinClasses = 2
	// MaxClasses bounds the network's last layer.
	MaxClasses = 1000
	// MinImagesPerClass allows one each for training, validation and test.
	MinImagesPerClass = 3
)

// Sample is one labeled image.
type Sample struct {
	// Name is the image's path within its source, with forward slashes. It need
	// not be UTF-8: see [Shown].
	Name string
	// Label is the index of its class in Dataset.Classes.
	Label int32
	// Part is the part of the split that the source gives it to.
	Part Part
	// Digest is the sha256 of the file's bytes.
	Digest [sha256.Size]byte
}

// Dataset is a scanned source. It is safe for concurrent use.
type Dataset struct {
	// Classes are the names of the classes: sorted, or those of Options.Classes
	// in their order.
	Classes []string
	// Samples are the usable images, sorted by label, then digest, then part,
	// then name.
	Samples []Sample
	// Digest identifies the content, "sha256:" and 64 hexadecimal digits: the
	// sha256 over each sample's class and digest. Renaming a file leaves it as
	// it is; adding, changing or moving one to another class doesn't, nor, in a
	// source that is split already, to another part.
	Digest string
	// Skipped are the files of classes that are no usable images.
	Skipped Skipped
	// LeftOut is everything that is no sample, those files included, sorted by
	// cause.
	LeftOut []LeftOut
	// Warnings are what people should know of the dataset, a sentence each.
	Warnings []string
	// Revision is that of the source's listing.
	Revision string

	// SplitBy says what divides a source that is split already, one of contract.SplitByNames and the like; empty if it isn't.
	SplitBy string
	// Labels is the manifest within the source that says what the images show; empty where their folders do.
	Labels string

	source     Source
	preprocess preprocess.Spec
	reader     *reader
	cache      [][]uint8 // by sample; nil where the budget was used up
}

// Skipped counts files that were left out.
type Skipped struct {
	Count int
	// First holds up to maxSkippedNamed of them, sorted by name.
	First []SkippedFile
}

const maxSkippedNamed = 200

// SkippedFile is one file that was left out.
type SkippedFile struct {
	// Name is the file's path within the source, see [Shown].
	Name string
	// Cause sums Err up.
	Cause Cause
	// Err wraps one of package preprocess's errors, or is the file system's.
	Err error
}

// File returns the bytes of sample i's file. They are those that the dataset's
// digest names, or the error wraps ErrChanged.
func (d *Dataset) File(ctx context.Context, i int) ([]byte, error) {
	sample := &d.Samples[i]
	data, err := d.source.Read(ctx, sample.Name, d.reader.limits.MaxBytes)
	if err != nil && !fileAtFault(err) {
		return nil, fmt.Errorf("read image %s again: %w", Shown(sample.Name), err)
	}
	if err == nil && sha256.Sum256(data) != sample.Digest {
		err = errors.New("its sha256 differs")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s in %v: %w: leave the dataset as it is until the run ends", ErrChanged, Shown(sample.Name), d.source, err)
	}
	return data, nil
}

// Pixels writes sample i, resized by the preprocessing the dataset was opened
// with, to dst: 8-bit RGB of shape [Size, Size, 3]. Errors are those of File.
func (d *Dataset) Pixels(ctx context.Context, dst []uint8, i int) error {
	if cached := d.cache[i]; cached != nil {
		copy(dst, cached)
		return nil
	}
	return d.reader.read(ctx, func() ([]byte, error) { return d.File(ctx, i) }, func(data []byte) error {
		if err := d.reader.decoder.Pixels(ctx, d.preprocess, dst, data); err != nil {
			return fmt.Errorf("decode image %s again: %w", Shown(d.Samples[i].Name), err)
		}
		return nil
	})
}

// Tensor decodes data, the bytes of a sample's file, as the dataset's images are: see [preprocess.Decoder.Tensor].
func (d *Dataset) Tensor(ctx context.Context, dst []float32, data []byte) error {
	return d.reader.decoder.Tensor(ctx, d.preprocess, dst, data)
}

// All returns every sample as one subset.
func (d *Dataset) All() Subset {
	indices := make([]int, len(d.Samples))
	for i := range indices {
		indices[i] = i
	}
	return Subset{Dataset: d, Indices: indices}
}

// HeldOut returns what a model is measured on: the test part of a source that is
// split already, or the validation part if it has no other, and else all.
func (d *Dataset) HeldOut() Subset {
	given := d.GivenParts()
	if len(given) == 0 || given[len(given)-1] == PartTrain {
		return d.All()
	}
	part := given[len(given)-1]
	held := Subset{Dataset: d}
	for i, sample := range d.Samples {
		if sample.Part == part {
			held.Indices = append(held.Indices, i)
		}
	}
	return held
}

// Subset is a part of a dataset.
type Subset struct {
	Dataset *Dataset
	// Indices point into Dataset.Samples, ascending.
	Indices []int
}

// Len is the number of samples.
func (s Subset) Len() int { return len(s.Indices) }

// ClassCounts returns the number of samples by label.
func (s Subset) ClassCounts() []int {
	counts := make([]int, len(s.Dataset.Classes))
	for _, i := range s.Indices {
		counts[s.Dataset.Samples[i].Label]++
	}
	return counts
}

// Digest identifies the subset's content as Dataset.Digest does the whole's.
func (s Subset) Digest() string {
	h := sha256.New()
	for _, i := range s.Dataset.byClassName(s.Indices) {
		sample := s.Dataset.Samples[i]
		writeDigest(h, ClassName(s.Dataset.Classes[sample.Label]), sample.Digest)
	}
	return digestString(h)
}

// byClassName returns indices of samples sorted by the names of their classes: a
// digest doesn't depend on the order in which a model knows them.
func (d *Dataset) byClassName(indices []int) []int {
	names := make([]string, len(d.Classes))
	for label, class := range d.Classes {
		names[label] = ClassName(class)
	}
	sorted := slices.Clone(indices)
	slices.SortStableFunc(sorted, func(a, b int) int {
		return cmp.Compare(names[d.Samples[a].Label], names[d.Samples[b].Label])
	})
	return sorted
}

// digest computes d.Digest. Where the source decides the split it stands before
// the class: no class's name holds a slash.
func (d *Dataset) digest() string {
	h := sha256.New()
	for _, i := range d.byClassName(d.All().Indices) {
		sample := d.Samples[i]
		class := ClassName(d.Classes[sample.Label])
		if sample.Part != PartNone {
			class = sample.Part.String() + "/" + class
		}
		writeDigest(h, class, sample.Digest)
	}
	return digestString(h)
}

// writeDigest adds one sample to a content digest: the class's name, a zero
// byte, which no folder's name contains, and the file's digest.
func writeDigest(h hash.Hash, class string, digest [sha256.Size]byte) {
	h.Write([]byte(class))
	h.Write([]byte{0})
	h.Write(digest[:])
}

func digestString(h hash.Hash) string {
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

func compareSamples(a, b Sample) int {
	return cmp.Or(cmp.Compare(a.Label, b.Label), bytes.Compare(a.Digest[:], b.Digest[:]), cmp.Compare(a.Part, b.Part), cmp.Compare(a.Name, b.Name))
}
