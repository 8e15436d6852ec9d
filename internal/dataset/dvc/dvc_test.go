// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

import (
	"archive/tar"
	"compress/gzip"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// unpack returns the folder of a repository that a real DVC made: see test/peers/dvc/repository.sh.
func unpack(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for r := tar.NewReader(z); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(dir, filepath.FromSlash(header.Name))
		if header.Typeflag == tar.TypeDir {
			if err := os.MkdirAll(at, 0o777); err != nil {
				t.Fatal(err)
			}
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		write(t, at, string(data))
	}
}

func write(t *testing.T, at, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// readTree returns the contents of the files below a folder.
func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(at)
		name, _ := filepath.Rel(dir, at)
		files[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// readDataset returns the contents of the files of a dataset, and verifies their hashes.
func readDataset(t *testing.T, l Location) (map[string]string, *Dataset) {
	t.Helper()
	d, err := Open(t.Context(), l, Access{Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	list, err := d.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range list {
		r, err := d.Open(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		sum := md5.New()
		if f.Legacy {
			sum = NewLegacyHash()
		}
		sum.Write(data)
		if got := hex.EncodeToString(sum.Sum(nil)); got != f.MD5 {
			t.Errorf("%s has hash %s, listed %s (legacy %v)", f.Path, got, f.MD5, f.Legacy)
		}
		if f.Size >= 0 && f.Size != int64(len(data)) {
			t.Errorf("%s has %d bytes, listed %d", f.Path, len(data), f.Size)
		}
		files[f.Path] = string(data)
	}
	return files, d
}

// What `dvc pull` gave, file by file, of repositories that DVC 2 and DVC 3 made.
func TestAsDVCPulls(t *testing.T) {
	for _, version := range []string{"dvc2", "dvc3"} {
		dir := unpack(t, version)
		for _, tc := range []struct{ path, want string }{
			{"data/raw", "raw"},
			{"data/raw/", "raw"},
			{"data/raw/dog", "raw/dog"},
			{"pipe/work/made", "work/made"},
			{"pipe/work", "work"},
		} {
			t.Run(version+"/"+tc.path, func(t *testing.T) {
				got, _ := readDataset(t, Location{Repo: filepath.Join(dir, "repo"), Rev: "v1.2", Path: tc.path})
				if diff := cmp.Diff(readTree(t, filepath.Join(dir, "want", tc.want)), got); diff != "" {
					t.Errorf("files (-dvc +ours):\n%s", diff)
				}
			})
		}
	}
}

func TestSingleFilesKeepTheirNames(t *testing.T) {
	dir := unpack(t, "dvc3")
	for p, name := range map[string]string{"data/labels.csv": "labels.csv", "data/raw/cat/1.txt": "1.txt"} {
		got, _ := readDataset(t, Location{Repo: "file://" + filepath.Join(dir, "repo"), Rev: "v1.2", Path: p, Remote: "storage"})
		if len(got) != 1 || got[name] == "" {
			t.Errorf("%s: got %v, want %s", p, got, name)
		}
	}
}

func TestRevisions(t *testing.T) {
	dir := unpack(t, "dvc3")
	repo := filepath.Join(dir, "repo")
	one, first := readDataset(t, Location{Repo: repo, Rev: "v1.0", Path: "data/raw"})
	two, second := readDataset(t, Location{Repo: repo, Path: "data/raw"})
	again, third := readDataset(t, Location{Repo: repo, Rev: first.Revision, Path: "data/raw"})
	if len(one) != 4 || len(two) != 5 || len(again) != 4 {
		t.Errorf("v1.0 has %d files, HEAD %d, the commit of v1.0 %d: want 4, 5, 4", len(one), len(two), len(again))
	}
	if len(first.Revision) != 40 || first.Revision == second.Revision || first.Revision != third.Revision {
		t.Errorf("revisions %s, %s, %s", first.Revision, second.Revision, third.Revision)
	}
}

// A tool may have written a pointer of one version of DVC for objects in the layout of the other.
func TestOtherLayoutIsTried(t *testing.T) {
	for version, move := range map[string]func(remote string) error{
		"dvc3": func(remote string) error {
			for _, e := range glob(remote, "files/md5/*") {
				if err := os.Rename(e, filepath.Join(remote, filepath.Base(e))); err != nil {
					return err
				}
			}
			return nil
		},
		"dvc2": func(remote string) error {
			objects := glob(remote, "*")
			if err := os.MkdirAll(filepath.Join(remote, "files", "md5"), 0o777); err != nil {
				return err
			}
			for _, e := range objects {
				if err := os.Rename(e, filepath.Join(remote, "files", "md5", filepath.Base(e))); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(version, func(t *testing.T) {
			dir := unpack(t, version)
			if err := move(filepath.Join(dir, "remote")); err != nil {
				t.Fatal(err)
			}
			got, _ := readDataset(t, Location{Repo: filepath.Join(dir, "repo"), Rev: "v1.2", Path: "data/raw"})
			if diff := cmp.Diff(readTree(t, filepath.Join(dir, "want", "raw")), got); diff != "" {
				t.Errorf("files (-dvc +ours):\n%s", diff)
			}
		})
	}
}

func glob(dir, pattern string) []string {
	found, _ := filepath.Glob(filepath.Join(dir, pattern))
	return found
}

func TestLegacyHash(t *testing.T) {
	sum := func(text string, step int) string {
		h := NewLegacyHash()
		for len(text) > 0 {
			n := min(step, len(text))
			h.Write([]byte(text[:n]))
			text = text[n:]
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	plain := func(text string) string {
		raw := md5.Sum([]byte(text))
		return hex.EncodeToString(raw[:])
	}
	edge := strings.Repeat("a", legacyChunk-1) + "\r\nb"
	for name, tc := range map[string]struct{ text, hashed string }{
		"text":                 {"a\r\nb\r\n", "a\nb\n"},
		"binary":               {"a\x00\r\n", "a\x00\r\n"},
		"many odd bytes":       {"\xff\xff\r\n", "\xff\xff\r\n"},
		"few odd bytes":        {"\xffabcdefgh\r\n", "\xffabcdefgh\n"},
		"line end at the edge": {edge, edge},
		"empty":                {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, step := range []int{1 << 30, 7777} {
				if got := sum(tc.text, step); got != plain(tc.hashed) {
					t.Errorf("in steps of %d: got %s, want %s", step, got, plain(tc.hashed))
				}
			}
		})
	}
}

// The errors of locations name the field.
func TestLocationsThatCannotBe(t *testing.T) {
	for name, l := range map[string]Location{
		"repo is empty":                  {Path: "data"},
		"anybody on the way":             {Repo: "http://example.com/x", Path: "data"},
		"holds a user name":              {Repo: "https://u:secret@example.com/x", Path: "data"},
		`"../x" leads out of its folder`: {Repo: "https://example.com/x", Path: "../x"},
		`"/etc" is absolute`:             {Repo: "https://example.com/x", Path: "/etc"},
		"has the scheme git":             {Repo: "git://example.com/x", Path: "data"},
		"there is no Git":                {Repo: t.TempDir(), Path: "data"},
	} {
		_, err := Open(t.Context(), l, Access{})
		if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: got %v, want an error that says %s", l.Repo, err, name)
		}
		if err != nil && !errors.Is(err, dataset.ErrConfig) && !errors.Is(err, dataset.ErrNotFound) {
			t.Errorf("%v is of no kind", err)
		}
	}
}
