// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package prune

import (
	"context"
	"io"
	"path"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
)

const (
	// maxListed bounds the objects that are looked at to find what runs have left.
	maxListed = 100_000
	// maxFiles bounds the objects of one artifact.
	maxFiles = 10_000
)

// InBucket returns the output in a bucket, which stays the caller's to close.
func InBucket(opened *objectstore.Bucket) *Place { return &Place{bucket{opened}} }

type bucket struct{ *objectstore.Bucket }

func (b bucket) names(ctx context.Context) ([]string, error) {
	objects, err := b.List(ctx, "", maxListed)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, object := range objects {
		first, rest, _ := strings.Cut(object.Name, "/")
		switch {
		case rest == contract.ManifestFile:
			names = append(names, first)
		case first == contract.CheckpointsDir:
			name, _, _ := strings.Cut(rest, "/")
			names = append(names, name)
		}
	}
	return names, nil
}

func (b bucket) files(ctx context.Context, folder string) ([]file, error) {
	objects, err := b.List(ctx, folder+"/", maxFiles)
	if err != nil {
		return nil, err
	}
	var files []file
	for _, object := range objects {
		files = append(files, file{name: object.Name, size: object.Size, modified: object.Modified, irregular: path.Clean(object.Name) != object.Name})
	}
	return files, nil
}

func (b bucket) read(ctx context.Context, name string, most int64) ([]byte, error) {
	r, err := b.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, most))
}

func (b bucket) remove(ctx context.Context, _ string, names []string) error {
	for _, name := range names {
		if err := b.Remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}
