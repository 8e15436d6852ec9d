// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"testing"

	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
)

// BenchmarkWarmStart is what a run adds to its scan whose dataset of 10,000 files of 8 kB is in the cache: opening the store,
// finding that nothing is missing, and arranging the files by their names.
func BenchmarkWarmStart(b *testing.B) {
	p, dir := numbered(10_000, 8<<10), b.TempDir()
	start := func() {
		store, err := Open(b.Context(), dir, Options{Field: "dataset.cache"})
		if err != nil {
			b.Fatal(err)
		}
		listing, err := New(p, store, folder.Layout{}).List(b.Context())
		if err != nil || len(listing.Files) != 10_000 {
			b.Fatalf("%d files, %v", len(listing.Files), err)
		}
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
	}
	start()
	for b.Loop() {
		start()
	}
	if p.count() != 10_000 {
		b.Errorf("%d files were fetched, want 10,000", p.count())
	}
}
