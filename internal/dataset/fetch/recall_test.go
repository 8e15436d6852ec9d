// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
)

// pets is a place of two class folders.
func pets() *place {
	return &place{name: "s3://pets", content: map[string]string{"cat/1.png": "meow", "dog/1.png": "woof"}}
}

// cached returns a folder that holds a place, fetched by a run that is over.
func cached(t *testing.T, p *place, layout folder.Layout) string {
	t.Helper()
	dir := t.TempDir()
	store := open(t, dir, Options{})
	if _, err := New(p, store, layout).List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What was fetched is trained on while its place isn't reached, with a warning of when it is from.
func TestPlaceThatIsNotReached(t *testing.T) {
	for name, pack := range map[string]bool{"a folder": false, "an archive": true} {
		t.Run(name, func(t *testing.T) {
			p, dir := pets(), t.TempDir()
			if pack {
				p = packed(t, p.content)
			}
			source := func() dataset.Source {
				if pack {
					return NewArchive(p, open(t, dir, Options{}), filepath.Join(t.TempDir(), "images"), folder.Layout{})
				}
				return New(p, open(t, dir, Options{}), folder.Layout{})
			}
			before, err := source().List(t.Context())
			if err != nil || len(before.Files) != 2 || len(before.Warnings) > 0 {
				t.Fatalf("listed %v, %v", before, err)
			}
			lists, _ := filepath.Glob(filepath.Join(dir, listsDir, "*")) // that of the place, and that of what is in its archive
			at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
			for _, list := range lists {
				if err := os.Chtimes(list, at, at); err != nil {
					t.Fatal(err)
				}
			}
			p.lost = errors.New("connection refused")
			for range 2 { // and it doesn't become a list of now
				src := source()
				listing, err := src.List(t.Context())
				if err != nil || len(listing.Files) != 2 || len(listing.Warnings) != 1 || !strings.Contains(listing.Warnings[0], "those of 2026-03-04T05:06:07Z") {
					t.Fatalf("listed %v, warned of %q, %v", listing.Files, listing.Warnings, err)
				}
				if data, err := src.Read(t.Context(), "dog/1.png", 10); err != nil || string(data) != "woof" {
					t.Errorf("read %q, %v", data, err)
				}
			}
		})
	}
}

// The list doesn't stand in for a place that answers, for another place, or for what is gone.
func TestListsThatDoNotStandIn(t *testing.T) {
	lost := errors.New("connection refused")
	for name, tc := range map[string]struct {
		change func(p *place, dir string) error
		is     error
		says   string
	}{
		"credentials are refused": {func(p *place, _ string) error { p.lost = dataset.ErrCredentials; return nil }, dataset.ErrCredentials, ""},
		"the place is gone":       {func(p *place, _ string) error { p.lost = dataset.ErrNotFound; return nil }, dataset.ErrNotFound, ""},
		"another server":          {func(p *place, _ string) error { p.server = "other"; return nil }, lost, "connection refused"},
		"an unreadable list": {func(_ *place, dir string) error {
			lists, _ := filepath.Glob(filepath.Join(dir, listsDir, "*"))
			return os.WriteFile(lists[0], []byte(`{"Files":[{"Path":`), 0o644)
		}, lost, "connection refused"},
		"a hostile list": {func(_ *place, dir string) error {
			lists, _ := filepath.Glob(filepath.Join(dir, listsDir, "*"))
			return os.WriteFile(lists[0], []byte(`{"Files":[{"Path":"x","Hash":{"Algorithm":"md5","Hex":"x"}}]}`), 0o644)
		}, lost, "connection refused"},
		"files are gone": {func(p *place, dir string) error {
			files := []string{}
			for _, content := range p.content {
				f := File{Hash: Hash{Algorithm: MD5, Hex: sumOf(content)}}
				files = append(files, filepath.Join(dir, objectsDir, f.key("", "")))
			}
			return os.Remove(files[0])
		}, lost, "1 of its 2 files are no longer in the cache"},
	} {
		t.Run(name, func(t *testing.T) {
			p := pets()
			dir := cached(t, p, folder.Layout{})
			p.lost = lost
			if err := tc.change(p, dir); err != nil {
				t.Fatal(err)
			}
			_, err := New(p, open(t, dir, Options{}), folder.Layout{}).List(t.Context())
			if !errors.Is(err, tc.is) || !strings.Contains(fmt.Sprint(err), tc.says) {
				t.Errorf("got %v, want %v: %s", err, tc.is, tc.says)
			}
		})
	}
}

// Lists that nobody renews go.
func TestOldListsGo(t *testing.T) {
	dir := cached(t, pets(), folder.Layout{})
	lists, _ := filepath.Glob(filepath.Join(dir, listsDir, "*"))
	old := time.Now().Add(-2 * listsKept)
	if err := os.Chtimes(lists[0], old, old); err != nil {
		t.Fatal(err)
	}
	other := &place{name: "s3://birds", content: map[string]string{"owl/1.png": "hoo"}}
	if _, err := New(other, open(t, dir, Options{}), folder.Layout{}).List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, listsDir, "*")); len(left) != 1 || left[0] == lists[0] {
		t.Errorf("lists are left: %q, the old one is %q", left, lists[0])
	}
}
