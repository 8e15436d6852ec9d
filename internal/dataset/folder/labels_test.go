// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

// withFiles makes a folder of files that hold their names, and a manifest.
func withFiles(t *testing.T, manifest, text string, names ...string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "pets")
	files := map[string]string{manifest: text}
	for _, name := range names {
		files[name] = name
	}
	for name, content := range files {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// labeled lists a folder by its manifest.
func labeled(t *testing.T, root, manifest string) (dataset.Listing, error) {
	t.Helper()
	return New(root, Layout{Labels: &contract.Labels{File: manifest}}).List(t.Context())
}

func TestLabelsOfAManifest(t *testing.T) {
	root := withFiles(t, "labels.csv", "path,label\n./0.jpg,cat\nall/.hidden/1.jpg,cafe\u0301\nall//2,cat\n", "0.jpg", "all/.hidden/1.jpg", "all/2", "all/3")
	got, err := labeled(t, root, "./labels.csv")
	if err != nil {
		t.Fatal(err)
	}
	want := dataset.Listing{Labels: "labels.csv", Files: []dataset.File{
		{Name: "0.jpg", Class: "cat"}, {Name: "all/.hidden/1.jpg", Class: "caf\u00e9"}, {Name: "all/2", Class: "cat"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
}

func TestPartsOfAManifest(t *testing.T) {
	root := withFiles(t, "labels.jsonl", `{"path": "0", "label": "cat", "split": "train"}
{"path": "1", "label": "cat", "split": "Validation"}
{"path": "2", "label": "cat", "split": "test_set"}`, "0", "1", "2")
	got, err := labeled(t, root, "labels.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	want := []dataset.File{
		{Name: "0", Class: "cat", Part: dataset.PartTrain}, {Name: "1", Class: "cat", Part: dataset.PartValidation}, {Name: "2", Class: "cat", Part: dataset.PartTest},
	}
	if diff := cmp.Diff(want, got.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// Links are followed, as in class folders; a path that doesn't lead out by its own words may lead on another disk.
func TestManifestsMayNameLinks(t *testing.T) {
	elsewhere := withFiles(t, "x", "", "0.jpg")
	root := withFiles(t, "labels.csv", "link/0.jpg,cat\n")
	if err := os.Symlink(elsewhere, filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if got, err := labeled(t, root, "labels.csv"); err != nil || len(got.Files) != 1 {
		t.Errorf("got %v, %v", got.Files, err)
	}
}

// What is wrong in a manifest is named by its line, with the remedy.
func TestManifestsThatCantBeUsed(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"a missing file":     {"path,label\n0.jpg,cat\nnone.jpg,dog\n", `line 3: "none.jpg" does not exist: correct the path, or remove the row`},
		"relative to itself": {"path,label\n1.jpg,cat\n", `line 2: "1.jpg" does not exist, but "sub/1.jpg" does: paths are relative to the dataset's folder`},
		"backslashes":        {"path,label\nsub\\1.jpg,cat\n", `but "sub/1.jpg" does: separate folders by slashes`},
		"an unknown header":  {"id,breed\n0.jpg,cat\n", `line 1: "id" does not exist: if the line is a header, name its columns with labels.pathColumn and labels.labelColumn`},
		"a duplicate":        {"path,label\n0.jpg,cat\n./0.jpg,dog\n", `line 3: "0.jpg" is in line 2 already: name each image once`},
		"an empty label":     {"path,label\n0.jpg, \n", "line 2: there is no label: give the image one, or remove the row"},
		"an empty path":      {"path,label\n,cat\n", "line 2: there is no path"},
		"an empty object":    {"{}", "line 1: there is no label"},
		"a way out":          {"path,label\nsub/../../1.jpg,cat\n", `line 2: path "sub/../../1.jpg" leads out of the dataset's folder`},
		"an absolute path":   {"path,label\n/etc/passwd,cat\n", `line 2: path "/etc/passwd" leads out of the dataset's folder`},
		"the folder itself":  {"path,label\n.,cat\n", `line 2: path "." leads out`},
		"a folder":           {"path,label\nsub,cat\n", `line 2: "sub" is a folder: name an image`},
		"an unknown part":    {"path,label,split\n0.jpg,cat,fold1\n", `line 2: split "fold1" is none of train, validation and test`},
		"parts of some":      {"path,label,split\n0.jpg,cat,train\nsub/1.jpg,cat,\n", "line 3: of this line and line 2 only one gives its image to a part"},
		"no training images": {"path,label,split\n0.jpg,cat,test\n", `its test part has a class "cat" that its training part has not`},
		"a long label":       {"path,label\n0.jpg," + strings.Repeat("c", 64) + "\n", `has more than 63 bytes: name the class otherwise`},
		"a label in Latin-1": {"path,label\n0.jpg,caf\xe9\n", `label "caf\\xe9" is not UTF-8`},
		"a name that is odd": {"path,label\n0\x00.jpg,cat\n", `line 2: "0\x00.jpg" does not exist`},
		"no rows":            {"path,label\n", "there are no rows"},
		"no table":           {"", "there are no rows"},
		"many faults":        {"path,label\n" + strings.Repeat("none.jpg,\n", 7), "and 9 more faults"},
		"a broken table":     {"path,label\n\"0.jpg,cat\n", "a quotation mark is out of place"},
	} {
		t.Run(name, func(t *testing.T) {
			root := withFiles(t, "sub/labels.csv", tc.text, "0.jpg", "sub/1.jpg")
			_, err := labeled(t, root, "sub/labels.csv")
			if !errors.Is(err, dataset.ErrInvalid) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestManifestsThatAreNotThere(t *testing.T) {
	root := withFiles(t, "labels.csv", "", "sub/x")
	for manifest, want := range map[string]struct {
		kind error
		says string
	}{
		"labels.txt":    {dataset.ErrNotFound, `labels.file "labels.txt" does not exist in folder`},
		"sub":           {dataset.ErrInvalid, `labels.file "sub" in folder`},
		"":              {dataset.ErrInvalid, `is no file`},
		"../labels.csv": {dataset.ErrInvalid, `leads out of folder`},
	} {
		if _, err := labeled(t, root, manifest); !errors.Is(err, want.kind) || !strings.Contains(err.Error(), want.says) {
			t.Errorf("%q: got %v, want %v: %s", manifest, err, want.kind, want.says)
		}
	}
}

// The same images with the same labels are the same dataset, whoever gives the labels.
func TestManifestsAndClassFoldersAreOneDataset(t *testing.T) {
	root := withFiles(t, "labels.csv", "")
	var rows strings.Builder
	rows.WriteString("path,label,split\n")
	for i := range 8 {
		for _, class := range []string{"cat", "dog"} {
			part := map[bool]string{true: "train", false: "test"}[i < 4]
			inFolder, flat := fmt.Sprintf("%s/%s/%d.bmp", part, class, i), fmt.Sprintf("flat/%s%d.bmp", class, i)
			for _, name := range []string{inFolder, flat} {
				at := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(at, bitmap(byte(i), class[0]), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			fmt.Fprintf(&rows, "%s,%s,%s\n", flat, class, part)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "labels.csv"), []byte(rows.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	var opened []*dataset.Dataset
	for _, layout := range []Layout{{Labels: &contract.Labels{File: "labels.csv"}}, {}} {
		src := New(root, layout)
		if layout.Labels == nil {
			if err := os.RemoveAll(filepath.Join(root, "flat")); err != nil {
				t.Fatal(err)
			}
		}
		d, err := dataset.Open(t.Context(), src, dataset.Options{Preprocess: preprocess.DefaultSpec(32)})
		if err != nil {
			t.Fatal(err)
		}
		opened = append(opened, d)
	}
	if opened[0].Digest != opened[1].Digest || opened[0].Labels != "labels.csv" || opened[1].Labels != "" {
		t.Errorf("digests %s and %s, labels %q and %q", opened[0].Digest, opened[1].Digest, opened[0].Labels, opened[1].Labels)
	}
}

// bitmap is a BMP file of one pixel.
func bitmap(n, m byte) []byte {
	return []byte{
		'B', 'M', 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24, 0, 0, 0,
		0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n, m, 7, 0,
	}
}
