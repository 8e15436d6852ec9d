// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package source opens what a configuration names as the source of a dataset: it is the one place that knows all kinds
// of sources. Each kind is a package of its own that implements dataset.Source; a new one is a line in kinds here, a
// line in contract.Dataset.Sources, and its own tests.
package source

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/bucket"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
	"github.com/trainyard-dev/trainyard/internal/dataset/generate"
	"github.com/trainyard-dev/trainyard/internal/errkind"
)

// Options say how a source is opened.
type Options struct {
	// PictureSize is the side of generated pictures in pixels: they are drawn as large as the network sees them.
	PictureSize int
	// KeepBytes bounds the memory for files of a costly source (see Costly) that are read more than once.
	KeepBytes int64
	// Store keeps what a remote source fetches and Scratch is a folder for what is made of that, the caller's to
	// remove. Others need neither.
	Store   *fetch.Store
	Scratch string
}

// Provenance says where samples come from, for logs and records.
type Provenance struct {
	// Kind is the source's name in the configuration, one of contract.DatasetSources.
	Kind string
	// Location is the place within its kind, without credentials: a folder, a URI without its parameters, a repository with
	// the path in it, or the seed of generated pictures.
	Location string
}

// kind is how one kind of source is opened.
type kind struct {
	open func(ctx context.Context, d contract.Dataset, opts Options) (dataset.Source, Provenance, error)
	// costly says that reading a file again takes much longer than decoding it.
	costly bool
}

// kinds are the kinds of sources by their names in the configuration.
var kinds = map[string]kind{
	contract.SourcePath:      {open: openFolder},
	contract.SourceURI:       {open: openURI},
	contract.SourceDVC:       {open: openDVC},
	contract.SourceGenerated: {open: openGenerated, costly: true},
}

// Open returns the source that a configuration names, and where that is. Nothing is read or fetched yet.
//
// Errors wrap dataset.ErrConfig if the configuration is at fault, dataset.ErrNotFound, dataset.ErrInvalid or
// dataset.ErrCredentials where a person has to act otherwise; all others are the context's, or may pass.
func Open(ctx context.Context, d contract.Dataset, opts Options) (dataset.Source, Provenance, error) {
	set := d.Sources()
	if len(set) != 1 {
		return nil, Provenance{}, errkind.With(dataset.ErrConfig, fmt.Errorf("dataset names %d sources: set exactly one of %s",
			len(set), strings.Join(contract.DatasetSources(), ", ")))
	}
	k, ok := kinds[set[0]]
	if !ok {
		return nil, Provenance{}, errkind.With(dataset.ErrConfig, fmt.Errorf("dataset.%s is not a source that this program opens", set[0]))
	}
	src, provenance, err := k.open(ctx, d, opts)
	if err != nil {
		return nil, Provenance{}, err
	}
	provenance.Kind = set[0]
	if k.costly && opts.KeepBytes > 0 {
		src = keep(src, opts.KeepBytes)
	}
	return src, provenance, nil
}

// Costly reports whether a configuration names a source whose files are worth memory once they are read again.
func Costly(d contract.Dataset) bool {
	set := d.Sources()
	return len(set) == 1 && kinds[set[0]].costly
}

// layoutOf is how the folder that a source is, or is fetched into, is arranged.
func layoutOf(d contract.Dataset) folder.Layout {
	return folder.Layout{Labels: d.Labels, Folders: d.Split.Folders}
}

func openFolder(_ context.Context, d contract.Dataset, _ Options) (dataset.Source, Provenance, error) {
	return folder.New(d.Path, layoutOf(d)), Provenance{Location: d.Path}, nil
}

func openURI(ctx context.Context, d contract.Dataset, opts Options) (dataset.Source, Provenance, error) {
	place, isArchive, err := bucket.Open(ctx, d.URI, d.Access)
	if err != nil {
		return nil, Provenance{}, err
	}
	if isArchive {
		return fetch.NewArchive(place, opts.Store, opts.images(), layoutOf(d)), Provenance{Location: place.String()}, nil
	}
	return fetch.New(place, opts.Store, layoutOf(d)), Provenance{Location: place.String()}, nil
}

// images is the folder that an archive is unpacked into.
func (o Options) images() string { return filepath.Join(o.Scratch, "images") }

func openGenerated(_ context.Context, d contract.Dataset, opts Options) (dataset.Source, Provenance, error) {
	src, err := generate.New(generate.ConfigOf(*d.Generated, opts.PictureSize))
	if err != nil {
		return nil, Provenance{}, errkind.With(dataset.ErrConfig, err)
	}
	return src, Provenance{Location: fmt.Sprintf("seed %d", d.Generated.Seed)}, nil
}
