// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
)

var fourPets = map[string]string{"pets/cat/0.jpg": "meow", "pets/cat/1.jpg": "purr", "pets/dog/0.jpg": "woof", "pets/dog/1.jpg": "woof"}

// start is what a run does at its start with an archive of four files. It returns where the archive would be unpacked.
func start(t *testing.T, store *Store, p *place) (src *Archive, images string) {
	t.Helper()
	images = filepath.Join(t.TempDir(), "images")
	src = NewArchive(p, store, images, folder.Layout{})
	listing, err := src.List(t.Context())
	if err != nil || len(listing.Files) != 4 {
		t.Fatalf("listed %v, %v", listing.Files, err)
	}
	if data, err := src.Read(t.Context(), "cat/1.jpg", 10); err != nil || string(data) != "purr" {
		t.Errorf("read %q, %v", data, err)
	}
	return src, images
}

func exists(at string) bool {
	_, err := os.Stat(at)
	return !errors.Is(err, fs.ErrNotExist)
}

// bytesOf is what all objects of a store have together.
func bytesOf(t *testing.T, s *Store) (total int64) {
	t.Helper()
	objects, err := s.objects()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		total += o.size
	}
	return total
}

// A second run unpacks nothing and needs neither the archive nor its place.
func TestContentsOfAnArchiveAreKept(t *testing.T) {
	p, dir := packed(t, fourPets), t.TempDir()
	store := open(t, dir, Options{})
	if _, images := start(t, store, p); exists(images) {
		t.Error("what was moved to the store is still unpacked beside it")
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := p.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(store.at(p, files[0])); err != nil {
		t.Fatal(err)
	}
	p.opened, p.lost = nil, errors.New("connection refused")
	again := open(t, dir, Options{})
	src, _ := start(t, again, p)
	if p.count() != 0 {
		t.Errorf("the archive was fetched %d times, want never", p.count())
	}
	if len(src.warnings) != 1 || !strings.Contains(src.warnings[0], "from the cache") {
		t.Errorf("warnings %q, want that its place isn't reached", src.warnings)
	}
}

func TestContentsThatAreMissingAreUnpackedAgain(t *testing.T) {
	for name, tc := range map[string]struct{ harm func(at string) error }{
		"evicted": {os.Remove}, "cut off": {func(at string) error { return os.Truncate(at, 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			p, dir := packed(t, fourPets), t.TempDir()
			src, _ := start(t, open(t, dir, Options{}), p)
			harmed := src.local.(*Source)
			if err := tc.harm(harmed.store.at(harmed.remote, harmed.tree.files["cat/1.jpg"])); err != nil {
				t.Fatal(err)
			}
			start(t, open(t, dir, Options{}), p)
			if p.count() != 1 {
				t.Errorf("the archive was fetched %d times, want once: the store has it", p.count())
			}
		})
	}
}

// A file that has rotten in the store is found out when it is read.
func TestRottenContentsAreUnpackedAgain(t *testing.T) {
	p, dir := packed(t, fourPets), t.TempDir()
	src, _ := start(t, open(t, dir, Options{}), p)
	local := src.local.(*Source)
	if err := os.WriteFile(local.store.at(local.remote, local.tree.files["cat/1.jpg"]), []byte("rott"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, open(t, dir, Options{}), p)
	if data, err := src.Read(t.Context(), "cat/1.jpg", 10); err != nil || string(data) != "purr" {
		t.Errorf("the first run reads %q, %v", data, err)
	}
}

func TestContentsKeepToTheSizeLimit(t *testing.T) {
	p := packed(t, map[string]string{ // 3004 bytes, and less than 1000 as an archive
		"pets/cat/0.jpg": strings.Repeat("0", 1000), "pets/cat/1.jpg": "purr",
		"pets/dog/0.jpg": strings.Repeat("1", 1000), "pets/dog/1.jpg": strings.Repeat("2", 1000),
	})
	archived := int64(len(p.content["archive"]))
	for name, tc := range map[string]struct {
		limit          int64
		kept, archived bool
	}{
		"room for both":        {3004 + archived, true, true},
		"room for the files":   {3004, true, false},
		"room for the archive": {3003, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			store := open(t, t.TempDir(), Options{MaxBytes: tc.limit})
			src, images := start(t, store, p)
			if kept := !exists(images); kept != tc.kept {
				t.Errorf("kept in the store: %v, want %v", kept, tc.kept)
			}
			if warned := len(src.warnings) == 1 && strings.Contains(src.warnings[0], "dataset.cache.sizeLimit allows"); warned == tc.kept {
				t.Errorf("warnings %q", src.warnings)
			}
			files, _ := p.List(t.Context())
			if got := exists(store.at(p, files[0])); got != tc.archived {
				t.Errorf("the archive is kept: %v, want %v", got, tc.archived)
			}
			if total := bytesOf(t, store); total > tc.limit {
				t.Errorf("the store has %d bytes, at most %d are allowed", total, tc.limit)
			}
		})
	}
}

// An empty folder may be a class: without it the dataset would be another one at the second start.
func TestArchiveWithAnEmptyFolderIsNotKept(t *testing.T) {
	p, dir := packed(t, map[string]string{"cat/0.jpg": "meow", "dog/0.jpg": "woof", "fox/": ""}), t.TempDir()
	for range 2 {
		src := NewArchive(p, open(t, dir, Options{}), filepath.Join(t.TempDir(), "images"), folder.Layout{})
		listing, err := src.List(t.Context())
		if err != nil || len(listing.Empty) != 1 || listing.Empty[0].Class != "fox" {
			t.Errorf("listed %+v, error %v; want that class fox is empty", listing, err)
		}
		if len(src.warnings) != 1 || !strings.Contains(src.warnings[0], `"fox"`) {
			t.Errorf("warnings %q, want one of the folder", src.warnings)
		}
	}
}

// Runs that start at the same time unpack the archive each for itself, and share what comes of it.
func TestRunsShareContents(t *testing.T) {
	p, dir := packed(t, fourPets), t.TempDir()
	first := open(t, dir, Options{})
	var runs sync.WaitGroup
	for i := range 4 {
		store := first
		if i > 0 {
			store = open(t, dir, Options{})
		}
		images := filepath.Join(t.TempDir(), "images")
		runs.Go(func() {
			src := NewArchive(p, store, images, folder.Layout{})
			if listing, err := src.List(t.Context()); err != nil || len(listing.Files) != 4 {
				t.Errorf("listed %v, %v", listing.Files, err)
			}
			for name, want := range map[string]string{"cat/0.jpg": "meow", "dog/1.jpg": "woof"} {
				if data, err := src.Read(t.Context(), name, 10); err != nil || string(data) != want {
					t.Errorf("read %q, %v", data, err)
				}
			}
		})
	}
	runs.Wait()
	if total, want := bytesOf(t, first), int64(len("meow"+"purr"+"woof")+len(p.content["archive"])); total != want {
		t.Errorf("the store has %d bytes, want %d: each file once", total, want)
	}
}
