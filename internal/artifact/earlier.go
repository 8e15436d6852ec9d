// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	// maxEarlier is how many artifacts are looked at.
	maxEarlier = 100
	// maxManifestBytes of one that is only looked at.
	maxManifestBytes = 1 << 20
)

// Earlier returns the manifest of the newest artifact in the folder output that accept takes, or nil if there is none. Its
// files are not checked. Only the newest hundred are looked at; what can't be read is passed over.
func Earlier(output string, accept func(*contract.Manifest) bool) (*contract.Manifest, error) {
	entries, err := os.ReadDir(output)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	type found struct {
		path    string
		written time.Time
	}
	var manifests []found
	for _, entry := range entries {
		path := filepath.Join(output, entry.Name(), contract.ManifestFile)
		if info, err := os.Stat(path); err == nil && entry.Name()[0] != '.' {
			manifests = append(manifests, found{path, info.ModTime()})
		}
	}
	slices.SortFunc(manifests, func(a, b found) int {
		return cmp.Or(b.written.Compare(a.written), cmp.Compare(a.path, b.path))
	})
	for _, m := range manifests[:min(len(manifests), maxEarlier)] {
		if manifest, err := peek(m.path); err == nil && accept(manifest) {
			return manifest, nil
		}
	}
	return nil, nil
}

// peek reads a manifest alone.
func peek(path string) (*contract.Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifestBytes))
	if err != nil {
		return nil, err
	}
	manifest := &contract.Manifest{}
	if err := contract.DecodeResult(data, manifest); err != nil {
		return nil, err
	}
	return manifest, nil
}
