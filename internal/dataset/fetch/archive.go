// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/archive"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
)

// Archive is a folder of class folders in an archive, the only file of a remote place.
type Archive struct {
	remote Remote
	store  *Store
	dir    string
	layout folder.Layout
	limits archive.Limits

	mu       sync.Mutex
	local    dataset.Source // nil until its files are here
	warnings []string
}

var _ dataset.Source = (*Archive)(nil)

// NewArchive returns a source of what is in an archive, arranged as layout says. Its first listing fetches and unpacks it into dir, which must not
// exist and is the caller's to remove, and moves what was in it to the store, unless that has it already.
func NewArchive(remote Remote, store *Store, dir string, layout folder.Layout) *Archive {
	return &Archive{remote: remote, store: store, dir: dir, layout: layout, limits: archive.DefaultLimits()}
}

// String implements dataset.Source.
func (a *Archive) String() string { return a.remote.String() }

// List implements dataset.Source.
func (a *Archive) List(ctx context.Context) (dataset.Listing, error) {
	local, err := a.unpacked(ctx)
	if err != nil {
		return dataset.Listing{}, err
	}
	listing, err := local.List(ctx)
	listing.Warnings = slices.Concat(a.warnings, listing.Warnings)
	return listing, err
}

// Read implements dataset.Source.
func (a *Archive) Read(ctx context.Context, name string, maxBytes int64) ([]byte, error) {
	local, err := a.unpacked(ctx)
	if err != nil {
		return nil, err
	}
	return local.Read(ctx, name, maxBytes)
}

// unpacked returns the folder of what is in the archive, and unpacks it if need be.
func (a *Archive) unpacked(ctx context.Context) (dataset.Source, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.local != nil {
		return a.local, nil
	}
	list, err := a.store.lookUp(ctx, a.remote, func(files []File) int {
		if _, kept, err := a.contentsOf(files[0]).recall(); kept && err == nil {
			return 0
		}
		return a.store.countMissing(a.remote, files)
	})
	if err != nil {
		return nil, err
	}
	local, err := a.open(ctx, list.Files[0])
	if err == nil {
		err = a.store.remember(a.remote, list)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(a.dir))
	}
	a.local, a.warnings = local, slices.Concat(list.warnings, a.warnings)
	return a.local, nil
}

// open returns the folder of what is in the archive: from the store if that keeps it, else from where it is unpacked.
func (a *Archive) open(ctx context.Context, file File) (dataset.Source, error) {
	inside := a.contentsOf(file)
	files, kept, err := inside.recall()
	if err != nil {
		return nil, err
	}
	if !kept {
		top, err := a.unpack(ctx, file)
		if err != nil {
			return nil, err
		}
		if files, err = inside.keep(ctx, top); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			if !errors.Is(err, errNotKept) {
				a.warnings = append(a.warnings, fmt.Sprintf("what is in it is unpacked at each start, as %s doesn't keep it: %v", a.store.opts.Field, err))
			}
			return folder.Named(top, a.String(), a.layout), nil
		}
	}
	src := New(inside, a.store, a.layout)
	src.arrange(listed{Files: files})
	return src, nil
}

// unpack fetches the archive and returns the folder of class folders in it. One from the store that can't be unpacked may
// have rotten there: it is fetched again.
func (a *Archive) unpack(ctx context.Context, file File) (top string, err error) {
	kept, err := a.store.keeps(a.remote, file)
	if err != nil {
		return "", err
	}
	if kept {
		top, err := a.expand(ctx, file)
		if !errors.Is(err, dataset.ErrInvalid) {
			return top, err
		}
		if err := os.RemoveAll(a.dir); err != nil {
			return "", err
		}
	}
	if err := a.store.discard(a.remote, file); err != nil {
		return "", err
	}
	return a.expand(ctx, file)
}

// expand unpacks the archive, which is fetched if it isn't in the store.
func (a *Archive) expand(ctx context.Context, file File) (top string, err error) {
	paths, err := a.store.Fetch(ctx, a.remote, []File{file})
	if err != nil {
		return "", fmt.Errorf("fetch %v: %w", a, err)
	}
	if err := os.Mkdir(a.dir, 0o777); err != nil {
		return "", fmt.Errorf("make a folder to unpack %v into: %w", a, err)
	}
	if err := archive.Expand(ctx, paths[0], a.dir, a.limits); err != nil {
		if errors.Is(err, archive.ErrRefused) {
			return "", fmt.Errorf("%w: unpack %v: %w", dataset.ErrInvalid, a, err)
		}
		return "", fmt.Errorf("unpack %v: %w", a, err)
	}
	if a.store.opts.Scratch {
		if err := os.Remove(paths[0]); err != nil {
			return "", err
		}
	}
	return archive.Top(a.dir)
}
