// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

func TestSourceIsAFolder(t *testing.T) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	p := &place{name: "s3://pets/raw", content: map[string]string{
		"train/cat/1.png": picture.String(), "train/dog/deep/2.png": picture.String(), "val/cat/3.png": "x", "val/dog/4.png": "y", "README.md": "pets",
	}}
	dir := t.TempDir()
	src := New(p, open(t, dir, Options{}), folder.Layout{})
	var listing dataset.Listing
	var err error
	for range 2 {
		if listing, err = src.List(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(listing.Files, func(a, b dataset.File) int { return strings.Compare(a.Name, b.Name) })
	want := []dataset.File{
		{Name: "train/cat/1.png", Class: "cat", Part: dataset.PartTrain}, {Name: "train/dog/deep/2.png", Class: "dog", Part: dataset.PartTrain},
		{Name: "val/cat/3.png", Class: "cat", Part: dataset.PartValidation}, {Name: "val/dog/4.png", Class: "dog", Part: dataset.PartValidation},
	}
	if diff := cmp.Diff(want, listing.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	// The two pictures are one content, which is fetched once.
	if p.count() != 4 {
		t.Errorf("%d files were served, want 4", p.count())
	}
	if err := os.RemoveAll(filepath.Join(dir, objectsDir)); err != nil {
		t.Fatal(err)
	}
	if data, err := src.Read(t.Context(), "val/cat/3.png", 10); err != nil || string(data) != "x" {
		t.Errorf("a removed file is %q, %v", data, err)
	}
	if data, err := src.Read(t.Context(), "val/dog/4.png", 10); err != nil || string(data) != "y" {
		t.Errorf("another is %q, %v", data, err)
	}
	rotten := src.tree.at(src.tree.files["val/dog/4.png"])
	if err := os.WriteFile(rotten, []byte("z"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and stays right
		if data, err := src.Read(t.Context(), "val/dog/4.png", 10); err != nil || string(data) != "y" {
			t.Errorf("a rotten file is %q, %v", data, err)
		}
	}
	if _, err := src.Read(t.Context(), "val/cat/5.png", 10); err == nil {
		t.Error("a file that was never there is read")
	}
}

// Not even a file whose place doesn't say its size is taken for rotten because it is too large.
func TestTooLargeFileIsNotFetchedAgain(t *testing.T) {
	for name, listed := range map[string]func(*File){"of a listed size": nil, "of an unknown size": func(f *File) { f.Size = -1 }} {
		t.Run(name, func(t *testing.T) {
			p := &place{name: "s3://pets", content: map[string]string{"cat/1.png": "meow", "dog/1.png": "woof!"}, listed: listed}
			src := New(p, open(t, t.TempDir(), Options{}), folder.Layout{})
			if _, err := src.List(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := src.Read(t.Context(), "dog/1.png", 4); !errors.Is(err, preprocess.ErrTooLarge) {
				t.Errorf("got %v", err)
			}
			if p.count() != 2 {
				t.Errorf("%d files were served, want 2", p.count())
			}
		})
	}
}

// A manifest is read, and what it names looked up, in the place as in a folder on a disk.
func TestLabels(t *testing.T) {
	for manifest, want := range map[string]string{
		"lists/all.csv":  "",
		"all.csv":        `labels.file "all.csv" does not exist in s3://pets`,
		"lists":          `labels.file "lists" in s3://pets is no file`,
		"lists/lost.csv": `line 2: "raw/3.png" does not exist`,
		"lists/dir.csv":  `line 2: "raw" is a folder`,
	} {
		p := &place{name: "s3://pets", content: map[string]string{
			"lists/all.csv": "path,label\nraw/1.png,cat\nraw/2.png,dog\n", "lists/lost.csv": "path,label\nraw/3.png,cat\n",
			"lists/dir.csv": "path,label\nraw,cat\n", "raw/1.png": "meow", "raw/2.png": "woof",
		}}
		layout := folder.Layout{Labels: &contract.Labels{File: manifest, PathColumn: "path", LabelColumn: "label"}}
		listing, err := New(p, open(t, t.TempDir(), Options{}), layout).List(t.Context())
		if want != "" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", manifest, err, want)
			}
			continue
		}
		files := []dataset.File{{Name: "raw/1.png", Class: "cat"}, {Name: "raw/2.png", Class: "dog"}}
		if diff := cmp.Diff(files, listing.Files); diff != "" || err != nil {
			t.Errorf("%s: %v, files (-want +got):\n%s", manifest, err, diff)
		}
	}
}

func TestSourceOfNothing(t *testing.T) {
	src := New(&place{name: "s3://pets/row"}, open(t, t.TempDir(), Options{}), folder.Layout{})
	if _, err := src.List(t.Context()); !errors.Is(err, dataset.ErrNotFound) || !strings.Contains(err.Error(), "s3://pets/row") {
		t.Errorf("got %v", err)
	}
}
