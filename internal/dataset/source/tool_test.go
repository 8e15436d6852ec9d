// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// What DVC 2 and DVC 3 have pushed to a folder and to an S3 server is fetched as `dvc pull` gives it, file by file.
func TestAsTheToolPulls(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		t.Run("DVC "+version+" and a folder", func(t *testing.T) {
			compareWithTool(t, peers.DVCRepository(t, version, nil, ""), contract.Access{})
		})
		t.Run("DVC "+version+" and S3", func(t *testing.T) {
			server := peers.StartS3(t, "data")
			t.Setenv("AWS_REGION", "us-east-1")
			compareWithTool(t, peers.DVCRepository(t, version, server, "data"), contract.Access{Credentials: server.Credentials})
		})
	}
}

func compareWithTool(t *testing.T, dir string, access contract.Access) {
	t.Helper()
	for path, want := range map[string]string{"data/raw": "raw", "data/raw/dog": "raw/dog", "pipe/work": "work"} {
		d := contract.Dataset{DVC: &contract.DVC{Repo: filepath.Join(dir, "repo"), Rev: "v1.2", Path: path}, Access: access}
		if diff := cmp.Diff(readTree(t, filepath.Join(dir, "want", want)), fetchAll(t, d)); diff != "" {
			t.Errorf("%s (-dvc +ours):\n%s", path, diff)
		}
	}
}

// fetchAll returns the contents of all files that DVC keeps.
func fetchAll(t *testing.T, d contract.Dataset) map[string]string {
	t.Helper()
	store, err := fetch.Open(t.Context(), t.TempDir(), fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	place := newRepository(d, t.TempDir())
	files, err := place.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	paths, err := store.Fetch(t.Context(), place, files)
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]string{}
	for i, f := range files {
		data, err := os.ReadFile(paths[i])
		if err != nil {
			t.Fatal(err)
		}
		contents[f.Path] = string(data)
	}
	return contents
}

// readTree returns the contents of the files below a folder.
func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	contents := map[string]string{}
	err := filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(at)
		name, _ := filepath.Rel(dir, at)
		contents[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil || len(contents) == 0 {
		t.Fatalf("%s has %d files, %v", dir, len(contents), err)
	}
	return contents
}
