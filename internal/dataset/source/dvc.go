// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/bucket"
	"github.com/trainyard-dev/trainyard/internal/dataset/dvc"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
)

func openDVC(_ context.Context, d contract.Dataset, opts Options) (dataset.Source, Provenance, error) {
	place := newRepository(d, opts.Scratch)
	src := &explained{fetch.New(place, opts.Store, layoutOf(d)), place}
	return src, Provenance{Location: contract.DatasetLocation(d)}, nil
}

// newRepository returns the place of a dataset that DVC keeps. scratch is for a clone, while it is read.
func newRepository(d contract.Dataset, scratch string) *repository {
	r := &repository{location: dvc.Location(*d.DVC), access: dvc.Access{Credentials: d.Credentials, CABundle: d.CABundle, Scratch: scratch}}
	r.access.Bucket = func(ctx context.Context, uri string, keys map[string]string) (dvc.Opener, error) {
		return openRemote(ctx, uri, d.Access, keys, scratch)
	}
	return r
}

// repository is what DVC keeps beside a Git repository, as a place to fetch files from.
type repository struct {
	location dvc.Location
	access   dvc.Access

	mu     sync.Mutex
	opened *dvc.Dataset // nil until it is listed
	files  map[string]dvc.File
}

// String implements fetch.Remote.
func (r *repository) String() string { return r.location.String() }

// Identity implements fetch.Remote.
func (r *repository) Identity() string { return fmt.Sprintf("%q", r.location) }

// Revision implements fetch.Versioned.
func (r *repository) Revision() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opened == nil {
		return ""
	}
	return r.opened.Revision
}

// List implements fetch.Remote. It looks the revision up each time.
func (r *repository) List(ctx context.Context) ([]fetch.File, error) {
	opened, err := dvc.Open(ctx, r.location, r.access)
	if err != nil {
		return nil, bucket.Classify(err)
	}
	listed, err := opened.List(ctx)
	if err = errors.Join(err, opened.Close()); err != nil { // what is in Git isn't needed any more
		return nil, bucket.Classify(err)
	}
	files, byPath := make([]fetch.File, len(listed)), make(map[string]dvc.File, len(listed))
	for i, f := range listed {
		files[i] = fetch.File{Path: f.Path, Size: f.Size, Hash: hashOf(f)}
		byPath[f.Path] = f
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened, r.files = opened, byPath
	return files, nil
}

// hashOf is the hash that DVC lists of a file.
func hashOf(f dvc.File) fetch.Hash {
	if f.Legacy {
		return fetch.Hash{Algorithm: "md5-dos2unix", Hex: f.MD5, New: dvc.NewLegacyHash}
	}
	return fetch.Hash{Algorithm: fetch.MD5, Hex: f.MD5}
}

// Open implements fetch.Remote. A repository that wasn't reached when it was listed is listed first.
func (r *repository) Open(ctx context.Context, file fetch.File) (io.ReadCloser, error) {
	opened, listed := r.find(file.Path)
	if opened == nil {
		if _, err := r.List(ctx); err != nil {
			return nil, err
		}
		opened, listed = r.find(file.Path)
	}
	if listed.MD5 == "" {
		return nil, fmt.Errorf("%w: %v has no %q any more", dataset.ErrNotFound, r, file.Path)
	}
	content, err := opened.Open(ctx, listed)
	return content, bucket.Classify(err)
}

// find returns the file that was listed at a path; the dataset is nil before that.
func (r *repository) find(path string) (*dvc.Dataset, dvc.File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.opened, r.files[path]
}

// explained is a source that says what is odd about DVC's remotes.
type explained struct {
	dataset.Source
	place *repository
}

// List implements dataset.Source.
func (e *explained) List(ctx context.Context) (dataset.Listing, error) {
	listing, err := e.Source.List(ctx)
	if err != nil {
		return listing, err
	}
	if opened, _ := e.place.find(""); opened != nil {
		listing.Warnings = slices.Concat(opened.Warnings(), listing.Warnings)
	}
	return listing, nil
}

// openRemote opens a remote in an object store by the credentials of the dataset if they are such a store's, or by those that
// DVC's configuration holds. Without either the environment counts, and the identity of the pod.
func openRemote(ctx context.Context, uri string, access contract.Access, keys map[string]string, scratch string) (dvc.Opener, error) {
	found, err := objectstore.HasCredentials(uri, access.Credentials)
	if err == nil && !found {
		access.Credentials, err = writeKeys(scratch, keys)
	}
	if err != nil {
		return nil, err
	}
	opened, err := objectstore.Open(ctx, uri, access)
	if err != nil {
		return nil, bucket.Classify(err)
	}
	return remote{opened}, nil
}

// writeKeys makes a folder of credentials; none are no folder.
func writeKeys(scratch string, keys map[string]string) (folder string, err error) {
	if len(keys) == 0 {
		return "", nil
	}
	if folder, err = os.MkdirTemp(scratch, "credentials-"); err != nil {
		return "", fmt.Errorf("make a folder for the credentials of DVC's configuration: %w", err)
	}
	for name, key := range keys {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(key), 0o600); err != nil {
			return "", fmt.Errorf("write the credentials of DVC's configuration: %w", err)
		}
	}
	return folder, nil
}

// remote is one of DVC's remotes in an object store.
type remote struct{ *objectstore.Bucket }

// Open implements dvc.Opener.
func (r remote) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	content, err := r.Bucket.Open(ctx, name)
	if err != nil {
		return nil, bucket.Classify(err)
	}
	return content, nil
}
