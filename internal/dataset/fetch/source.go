// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
)

// Source is a folder of class folders at a remote place, read from a store.
type Source struct {
	remote Remote
	store  *Store
	tree   string // a folder of links into the store
	local  dataset.Source

	mu    sync.Mutex
	files map[string]File // by path
}

var _ dataset.Source = (*Source)(nil)

// New returns a source of what is at a remote place. Its first listing fetches all files; then it is a folder as any
// other, arranged as layout says, of links in tree, which must not exist and is the caller's to remove.
func New(remote Remote, store *Store, tree string, layout folder.Layout) *Source {
	return &Source{remote: remote, store: store, tree: tree, local: folder.Named(tree, remote.String(), layout)}
}

// String implements dataset.Source.
func (s *Source) String() string { return s.remote.String() }

// List implements dataset.Source.
func (s *Source) List(ctx context.Context) (dataset.Listing, error) {
	if err := s.fetch(ctx); err != nil {
		return dataset.Listing{}, err
	}
	return s.local.List(ctx)
}

// fetch brings all files here once.
func (s *Source) fetch(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files != nil {
		return nil
	}
	files, err := s.store.list(ctx, s.remote)
	if err != nil {
		return err
	}
	paths, err := s.store.Fetch(ctx, s.remote, files)
	if err != nil {
		return fmt.Errorf("fetch %v: %w", s.remote, err)
	}
	if err := link(s.tree, files, paths); err != nil {
		return fmt.Errorf("fetch %v: %w", s.remote, err)
	}
	s.files = make(map[string]File, len(files))
	for _, f := range files {
		s.files[f.Path] = f
	}
	return nil
}

// link makes a folder of links.
func link(tree string, files []File, paths []string) error {
	made := map[string]bool{}
	for i, f := range files {
		at := filepath.Join(tree, filepath.FromSlash(f.Path))
		if dir := filepath.Dir(at); !made[dir] {
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return err
			}
			made[dir] = true
		}
		target, err := filepath.Abs(paths[i])
		if err == nil {
			err = os.Symlink(target, at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Read implements dataset.Source. A file that somebody has removed from the store, or that has rotten there, is fetched
// again.
func (s *Source) Read(ctx context.Context, name string, maxBytes int64) ([]byte, error) {
	s.mu.Lock()
	file, known := s.files[name]
	s.mu.Unlock()
	data, err := s.local.Read(ctx, name, maxBytes)
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
	return s.local.Read(ctx, name, maxBytes)
}
