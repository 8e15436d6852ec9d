// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// archive makes a zip file of entries, each of which holds its own name.
func archive(t *testing.T, entries map[string][]byte, names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range names {
		entries[name] = []byte(name)
	}
	for name, data := range entries {
		entry, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Each archive that people have is sorted into the same two folders, and nothing else gets there.
func TestArchivesAreSorted(t *testing.T) {
	train := archive(t, map[string][]byte{}, "train/cat.0.jpg", "train/dog.0.jpg", "train/dog.10.jpg", "train/readme.txt")
	for name, tc := range map[string]struct {
		data []byte
		want []string
	}{
		"train.zip":        {train, []string{"cat/cat.0.jpg", "dog/dog.0.jpg", "dog/dog.10.jpg"}},
		"dogs-vs-cats.zip": {archive(t, map[string][]byte{"train.zip": train}, "test1.zip"), []string{"cat/cat.0.jpg", "dog/dog.0.jpg", "dog/dog.10.jpg"}},
		"kagglecatsanddogs_5340.zip": {
			archive(t, map[string][]byte{"PetImages/Cat/666.jpg": nil}, "PetImages/Cat/0.jpg", "PetImages/Dog/7.jpg", "PetImages/Dog/Thumbs.db", "../../Dog/8.jpg"),
			[]string{"cat/0.jpg", "dog/7.jpg", "dog/8.jpg"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			from := t.TempDir()
			to := filepath.Join(from, "pets")
			if err := os.WriteFile(filepath.Join(from, name), tc.data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := run(from, to); err != nil {
				t.Fatal(err)
			}
			var got []string
			err := filepath.WalkDir(to, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && !entry.IsDir() {
					got = append(got, strings.TrimPrefix(path, to+"/"))
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if left, _ := filepath.Glob(to + ".*"); len(left) > 0 {
				t.Errorf("%v is left behind", left)
			}
		})
	}
}

func TestWithoutPhotographs(t *testing.T) {
	from := t.TempDir()
	to := filepath.Join(from, "pets")
	if err := run(from, to); err != nil {
		t.Errorf("no archive: %v", err)
	}
	if err := os.WriteFile(filepath.Join(from, "train.zip"), archive(t, map[string][]byte{}, "horse.1.jpg"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(from, to); err == nil || !strings.Contains(err.Error(), "holds no cat.N.jpg") {
		t.Errorf("an archive of horses: %v", err)
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("a folder was made of nothing")
	}
}
