// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
)

// Source is a folder of class folders at a remote place, read from a store.
type Source struct {
	remote Remote
	store  *Store
	layout folder.Layout

	mu    sync.Mutex
	tree  *tree // nil until all is fetched
	local dataset.Source
	list  listed
}

var _ dataset.Source = (*Source)(nil)

// New returns a source of what is at a remote place. Its first listing fetches all files; then it is a folder as any
// other, arranged as layout says.
func New(remote Remote, store *Store, layout folder.Layout) *Source {
	return &Source{remote: remote, store: store, layout: layout}
}

// String implements dataset.Source.
func (s *Source) String() string { return s.remote.String() }

// List implements dataset.Source.
func (s *Source) List(ctx context.Context) (dataset.Listing, error) {
	_, local, err := s.fetched(ctx)
	if err != nil {
		return dataset.Listing{}, err
	}
	listing, err := local.List(ctx)
	listing.Revision = s.list.Revision
	listing.Warnings = slices.Concat(s.list.warnings, listing.Warnings)
	return listing, err
}

// fetched returns the folder that the files are, and brings them all here if need be.
func (s *Source) fetched(ctx context.Context) (*tree, dataset.Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tree != nil {
		return s.tree, s.local, nil
	}
	list, err := s.store.lookUp(ctx, s.remote, func(files []File) int { return s.store.countMissing(s.remote, files) })
	if err != nil {
		return nil, nil, err
	}
	if _, err := s.store.Fetch(ctx, s.remote, list.Files); err != nil {
		return nil, nil, fmt.Errorf("fetch %v: %w", s.remote, err)
	}
	if err := s.store.remember(s.remote, list); err != nil {
		return nil, nil, fmt.Errorf("keep the list of %v: %w", s.remote, err)
	}
	s.arrange(list)
	return s.tree, s.local, nil
}

// arrange makes a folder of files that are all in the store.
func (s *Source) arrange(list listed) {
	s.list = listed{Revision: list.Revision, warnings: list.warnings}
	s.tree = newTree(list.Files, func(f File) string { return s.store.at(s.remote, f) })
	s.local = folder.Of(s.tree, s.String(), s.layout)
}

// Read implements dataset.Source. A file that somebody has removed from the store, or that has rotten there, is fetched
// again.
func (s *Source) Read(ctx context.Context, name string, maxBytes int64) ([]byte, error) {
	tree, local, err := s.fetched(ctx)
	if err != nil {
		return nil, err
	}
	file, known := tree.files[name]
	data, err := local.Read(ctx, name, maxBytes)
	switch {
	case !known, err != nil && !errors.Is(err, fs.ErrNotExist), err == nil && file.matches(data):
		return data, err
	}
	if err := s.store.discard(s.remote, file); err != nil {
		return nil, err
	}
	if _, err := s.store.Fetch(ctx, s.remote, []File{file}); err != nil {
		return nil, err
	}
	return local.Read(ctx, name, maxBytes)
}
