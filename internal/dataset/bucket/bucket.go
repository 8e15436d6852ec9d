// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bucket is the source of images that lie elsewhere: a folder of class folders in an object store, or an archive
// of one in an object store or on a web server. They are fetched once, into a folder on this machine.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/archive"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
)

// New returns a source of what a URI names. It makes a folder in scratch, which is the caller's to remove; empty is the
// system's folder of temporary files.
func New(uri string, access contract.Access, scratch string) (dataset.Source, error) {
	if err := contract.CheckDatasetURI(uri); err != nil {
		return nil, fmt.Errorf("%w: %w", dataset.ErrConfig, err)
	}
	u, err := url.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: the URI can't be parsed", dataset.ErrConfig)
	}
	return &source{uri: u, access: access, scratch: scratch, limits: archive.DefaultLimits()}, nil
}

// source fetches when it is listed first.
type source struct {
	uri     *url.URL
	access  contract.Access
	scratch string
	limits  archive.Limits

	mu     sync.Mutex
	folder dataset.Source // nil until all is here
}

// String leaves out the parameters, which say how the place is reached.
func (s *source) String() string {
	shown := *s.uri
	shown.RawQuery = ""
	return shown.String()
}

// List implements dataset.Source.
func (s *source) List(ctx context.Context) (dataset.Listing, error) {
	here, err := s.fetched(ctx)
	if err != nil {
		return dataset.Listing{}, classify(err)
	}
	return here.List(ctx)
}

// Read implements dataset.Source.
func (s *source) Read(ctx context.Context, name string, maxBytes int64) ([]byte, error) {
	here, err := s.fetched(ctx)
	if err != nil {
		return nil, classify(err)
	}
	return here.Read(ctx, name, maxBytes)
}

// fetched returns the folder of what was fetched, and fetches it if need be.
func (s *source) fetched(ctx context.Context) (dataset.Source, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.folder != nil {
		return s.folder, nil
	}
	dir, err := os.MkdirTemp(s.scratch, "dataset-")
	if err != nil {
		return nil, fmt.Errorf("make a folder to fetch %v into: %w", s, err)
	}
	top, err := s.fetch(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.folder = folder.Named(top, s.String())
	return s.folder, nil
}

// fetch fetches into an empty folder and returns the folder of class folders in it.
func (s *source) fetch(ctx context.Context, dir string) (top string, err error) {
	if s.uri.Scheme != contract.SchemeHTTPS && !isArchive(s.uri.Path) {
		return dir, s.fetchObjects(ctx, dir)
	}
	packed, unpacked := filepath.Join(dir, "archive"), filepath.Join(dir, "unpacked")
	if err := s.fetchArchive(ctx, packed); err != nil {
		return "", err
	}
	if err := os.Mkdir(unpacked, 0o755); err != nil {
		return "", err
	}
	if err := archive.Expand(ctx, packed, unpacked, s.limits); err != nil {
		return "", fmt.Errorf("unpack %v: %w", s, err)
	}
	if err := os.Remove(packed); err != nil {
		return "", err
	}
	return archive.Top(unpacked)
}

// archiveEndings are those of the names of archives in an object store; all else there is a folder.
var archiveEndings = []string{".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"}

func isArchive(name string) bool {
	base := strings.ToLower(path.Base(name))
	for _, ending := range archiveEndings {
		if strings.HasSuffix(base, ending) {
			return true
		}
	}
	return false
}
