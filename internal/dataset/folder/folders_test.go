// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package folder

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
)

func TestFoldersOfASplit(t *testing.T) {
	root := withFiles(t, "readme.txt", "", "learn/v1/cat/0", "learn/v1/dog/1", "learn/v0/cat/2", "learn/notes", "judge/cat/3", "judge/dog/4", "judge/list", "train/x/5")
	got, err := New(root, Layout{Folders: &contract.SplitFolders{Train: "./learn//v1/", Test: "judge"}}).List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := dataset.Listing{
		SplitBy: contract.SplitByFolders,
		Files: []dataset.File{
			{Name: "learn/v1/cat/0", Class: "cat", Part: dataset.PartTrain}, {Name: "learn/v1/dog/1", Class: "dog", Part: dataset.PartTrain},
			{Name: "judge/cat/3", Class: "cat", Part: dataset.PartTest}, {Name: "judge/dog/4", Class: "dog", Part: dataset.PartTest},
		},
		LeftOut: []dataset.LeftOut{
			{Cause: dataset.CauseBesideClasses, Count: 3, First: []string{"readme.txt", "learn/notes", "judge/list"}},
			{Cause: dataset.CauseBesideSplit, Count: 2, First: []string{"learn/v0", "train"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listing (-want +got):\n%s", diff)
	}
}

func TestFoldersThatCantBeASplit(t *testing.T) {
	root := withFiles(t, "readme.txt", "", "train/cat/0", "train/dog/1", "test/cat/2", "test/cow/3", "flat/4")
	for name, tc := range map[string]struct {
		folders contract.SplitFolders
		kind    error
		says    string
	}{
		"missing":       {contract.SplitFolders{Train: "train", Validation: "val"}, dataset.ErrNotFound, `split.folders.validation: there is no folder "val" in folder`},
		"a file":        {contract.SplitFolders{Train: "readme.txt"}, dataset.ErrNotFound, `split.folders.train: there is no folder "readme.txt"`},
		"flat":          {contract.SplitFolders{Train: "train", Test: "flat"}, dataset.ErrInvalid, `split.folders.test: "flat" in folder`},
		"twice":         {contract.SplitFolders{Train: "train", Test: "./train"}, dataset.ErrInvalid, `"train" and "train"`},
		"one in other":  {contract.SplitFolders{Train: "train", Test: "train/cat"}, dataset.ErrInvalid, "holds no class folders"},
		"other in one":  {contract.SplitFolders{Train: ".", Test: "test"}, dataset.ErrInvalid, "have images in common"},
		"other classes": {contract.SplitFolders{Train: "train", Test: "test"}, dataset.ErrInvalid, `its test part has a class "cow" that its training part has not`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(root, Layout{Folders: &tc.folders}).List(t.Context())
			if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want %v: %s", err, tc.kind, tc.says)
			}
		})
	}
}

// What decides a split is said, whichever it is.
func TestWhatDividesADatasetIsSaid(t *testing.T) {
	root := withFiles(t, "labels.csv", "path,label,split\ntrain/cat/0,cat,train\n", "train/cat/0", "train/dog/1", "test/cat/2", "test/dog/3")
	classes := withFiles(t, "x", "", "cat/train/0", "cat/test/1", "dog/train/2", "dog/test/3")
	for _, tc := range []struct {
		root   string
		layout Layout
		want   string
	}{
		{root, Layout{}, contract.SplitByNames},
		{classes, Layout{}, contract.SplitByNames},
		{root + "/train", Layout{}, ""},
		{root, Layout{Folders: &contract.SplitFolders{Train: "train"}}, contract.SplitByFolders},
		{root, Layout{Labels: &contract.Labels{File: "labels.csv"}}, contract.SplitByLabels},
	} {
		got, err := New(tc.root, tc.layout).List(t.Context())
		if err != nil || got.SplitBy != tc.want {
			t.Errorf("%s, %+v: %q, %v, want %q", tc.root, tc.layout, got.SplitBy, err, tc.want)
		}
	}
}
