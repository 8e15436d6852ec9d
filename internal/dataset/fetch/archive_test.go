// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
)

// packed is a place with one archive, of files with these names and contents.
func packed(t *testing.T, content map[string]string) *place {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for name, text := range content {
		part, err := w.Create(name)
		if err == nil {
			_, err = part.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &place{name: "https://host.example/pets.zip", content: map[string]string{"archive": buffer.String()}}
}

func TestArchive(t *testing.T) {
	p := packed(t, map[string]string{"pets/cat/0.jpg": "meow", "pets/dog/0.jpg": "woof"})
	for name, tc := range map[string]struct {
		scratch bool
		served  int
	}{"kept": {false, 1}, "in scratch space": {true, 2}} {
		t.Run(name, func(t *testing.T) {
			p.opened = nil
			dir := t.TempDir()
			for range 2 {
				src := NewArchive(p, open(t, dir, Options{Scratch: tc.scratch}), filepath.Join(t.TempDir(), "images"), folder.Layout{})
				listing, err := src.List(t.Context())
				if err != nil || len(listing.Files) != 2 {
					t.Fatalf("listed %v, %v", listing.Files, err)
				}
				if data, err := src.Read(t.Context(), "dog/0.jpg", 10); err != nil || string(data) != "woof" {
					t.Errorf("read %q, %v", data, err)
				}
			}
			if p.count() != tc.served {
				t.Errorf("fetched %d times, want %d", p.count(), tc.served)
			}
		})
	}
}

// What failed leaves nothing unpacked behind.
func TestRefusedArchive(t *testing.T) {
	p := packed(t, map[string]string{"cat/0.jpg": "meow", "../evil": ""})
	images := filepath.Join(t.TempDir(), "images")
	src := NewArchive(p, open(t, t.TempDir(), Options{}), images, folder.Layout{})
	if _, err := src.List(t.Context()); !errors.Is(err, dataset.ErrInvalid) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(images); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left: %v", err)
	}
}

// An archive that has rotten in the store is fetched again, whether a place lists hashes or not.
func TestRottenArchiveIsFetchedAgain(t *testing.T) {
	for name, listed := range map[string]func(*File){
		"with a hash": nil, "without": func(f *File) { f.Hash, f.Version = Hash{}, "1" },
	} {
		t.Run(name, func(t *testing.T) {
			p, dir := packed(t, map[string]string{"cat/0.jpg": "meow", "dog/0.jpg": "woof"}), t.TempDir()
			p.listed = listed
			for want := 1; want <= 2; want++ {
				store := open(t, dir, Options{})
				src := NewArchive(p, store, filepath.Join(t.TempDir(), "images"), folder.Layout{})
				if listing, err := src.List(t.Context()); err != nil || len(listing.Files) != 2 {
					t.Fatalf("listed %v, %v", listing.Files, err)
				}
				if p.count() != want {
					t.Errorf("fetched %d times, want %d", p.count(), want)
				}
				files, _ := p.List(t.Context())
				if err := os.WriteFile(store.at(p, files[0]), make([]byte, files[0].Size), 0o644); err != nil {
					t.Fatal(err)
				}
				if err := os.RemoveAll(filepath.Join(dir, listsDir)); err != nil { // so that it is unpacked again
					t.Fatal(err)
				}
			}
		})
	}
}
