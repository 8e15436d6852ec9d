// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// splitTree has count different pictures of cat and dog in each of the folders.
func splitTree(count int, folders ...string) tree {
	files := tree{}
	for f, folder := range folders {
		for c, class := range []string{"cat", "dog"} {
			for i := range count {
				files[fmt.Sprintf("%s/%s/%d.bmp", folder, class, i)] = bitmap(f*1000 + c*100 + i)
			}
		}
	}
	return files
}

func (files tree) with(more tree) tree {
	for name, data := range more {
		files[name] = data
	}
	return files
}

// renamed moves each part/class/file.
func (files tree) renamed(name func(part, class, file string) string) tree {
	moved := tree{}
	for old, data := range files {
		at := strings.Split(old, "/")
		moved[name(at[0], at[1], at[2])] = data
	}
	return moved
}

func TestOpenSplitAlready(t *testing.T) {
	cases := map[string]struct {
		files tree
		given []Part
		// class counts after a split of 10 % and 20 %
		train, validation, test []int
		left                    []LeftOut
	}{
		"three parts":   {splitTree(10, "train", "val", "test"), []Part{PartTrain, PartValidation, PartTest}, []int{10, 10}, []int{10, 10}, []int{10, 10}, nil},
		"no validation": {splitTree(20, "Training", "Testing"), []Part{PartTrain, PartTest}, []int{18, 18}, []int{2, 2}, []int{20, 20}, nil},
		"no test":       {splitTree(20, "train", "dev"), []Part{PartTrain, PartValidation}, []int{16, 16}, []int{20, 20}, []int{4, 4}, nil},
		"in a folder": {splitTree(10, "chest_xray/train", "chest_xray/valid", "chest_xray/test").with(tree{"chest_xray/readme.txt": nil, "LICENSE": nil}),
			[]Part{PartTrain, PartValidation, PartTest}, []int{10, 10}, []int{10, 10}, []int{10, 10},
			[]LeftOut{{CauseBesideClasses, 2, []string{"LICENSE", "chest_xray/readme.txt"}}}},
		"folders in parts": {splitTree(10, "seg_train/seg_train", "seg_test/seg_test", "val/images"), []Part{PartTrain, PartValidation, PartTest}, []int{10, 10}, []int{10, 10}, []int{10, 10}, nil},
		"more beside": {splitTree(10, "train", "validation", "test").with(tree{"seg_pred/1.bmp": bitmap(9000), "train/list.csv": nil, "lost+found/x": nil}),
			[]Part{PartTrain, PartValidation, PartTest}, []int{10, 10}, []int{10, 10}, []int{10, 10},
			[]LeftOut{{CauseBesideClasses, 1, []string{"train/list.csv"}}, {CauseBesideSplit, 1, []string{"seg_pred"}}, {CauseSystem, 1, []string{"lost+found"}}}},
		"unlabeled test": {splitTree(20, "train").with(tree{"test1/1.bmp": bitmap(9000)}), []Part{PartTrain}, []int{14, 14}, []int{2, 2}, []int{4, 4},
			[]LeftOut{{CauseNoClassFolders, 1, []string{"test1"}}}},
		"classes split": {splitTree(10, "train", "test").renamed(func(part, class, file string) string { return class + "/" + part + "/deep/" + file }),
			[]Part{PartTrain, PartTest}, []int{9, 9}, []int{1, 1}, []int{10, 10}, nil},
		"copies of held-out images": {splitTree(10, "train", "val", "test").with(tree{"train/dog/copy.bmp": bitmap(2000), "train/cat/copy.bmp": bitmap(1000)}),
			[]Part{PartTrain, PartValidation, PartTest}, []int{10, 10}, []int{10, 10}, []int{10, 10},
			[]LeftOut{{CauseHeldOutCopy, 2, []string{"train/cat/copy.bmp", "train/dog/copy.bmp"}}}},
		"vehicles, tests": {classTree(t, 20, "train", "bus", "test"), nil, []int{14, 14, 14}, []int{2, 2, 2}, []int{4, 4, 4}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := open(t, tc.files, testOptions())
			if diff := cmp.Diff(tc.given, d.GivenParts()); diff != "" {
				t.Errorf("GivenParts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.left, d.LeftOut); diff != "" {
				t.Errorf("LeftOut (-want +got):\n%s", diff)
			}
			split, err := d.Split(SplitConfig{ValidationPercent: 10, TestPercent: 20, Seed: 42})
			if err != nil {
				t.Fatal(err)
			}
			got := [][]int{split.Train.ClassCounts(), split.Validation.ClassCounts(), split.Test.ClassCounts()}
			if diff := cmp.Diff([][]int{tc.train, tc.validation, tc.test}, got); diff != "" {
				t.Errorf("class counts of %q (-want +got):\n%s", d.Classes, diff)
			}
		})
	}
}

// The parts belong to what the digest names: the same images, divided otherwise,
// give another model.
func TestDigestOfSplitAlready(t *testing.T) {
	files := splitTree(10, "train", "test")
	want := open(t, files, testOptions())
	cases := map[string]struct {
		files tree
		same  bool
	}{
		"other names of the parts": {files.renamed(func(part, class, file string) string { return "x/" + part + "ing/" + class + "/" + file }), true},
		"classes first":            {files.renamed(func(part, class, file string) string { return class + "/" + part + "/" + file }), true},
		"parts interchanged": {files.renamed(func(part, class, file string) string {
			return map[string]string{"train": "test", "test": "train"}[part] + "/" + class + "/" + file
		}), false},
		"validation instead of test": {files.renamed(func(part, class, file string) string {
			return strings.Replace(part, "test", "val", 1) + "/" + class + "/" + file
		}), false},
		"not split": {files.renamed(func(part, class, file string) string { return class + "/" + part + file }), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := open(t, tc.files, testOptions()).Digest; (got == want.Digest) != tc.same {
				t.Errorf("Digest = %s, the first one is %s, want same: %v", got, want.Digest, tc.same)
			}
		})
	}
	split, err := want.Split(SplitConfig{ValidationPercent: 10, TestPercent: 10})
	if err != nil {
		t.Fatal(err)
	}
	tested := tree{}
	for name, data := range files {
		if strings.HasPrefix(name, "test/") {
			tested[strings.TrimPrefix(name, "test/")] = data
		}
	}
	if got, want := split.Test.Digest(), open(t, tested, testOptions()).Digest; got != want {
		t.Errorf("digest of the test part = %s, want that of its images, %s", got, want)
	}
}

func TestOpenRefusesSplits(t *testing.T) {
	cases := map[string]struct {
		files tree
		links map[string]string
		parts []string // of the message
	}{
		"images in the parts":     {files: classTree(t, 5, "train", "test1"), parts: []string{`"test1" and "train"`, "parts of a split", `"train" holds no class folders`, "rename"}},
		"nothing to train on":     {files: splitTree(5, "val", "test"), parts: []string{`"test" and "val"`, "none of them is for training"}},
		"two of a part":           {files: splitTree(5, "train", "val", "valid"), parts: []string{`"val" and "valid"`, "validation part"}},
		"class in a part only":    {files: splitTree(5, "train", "test").with(tree{"test/cow/1.bmp": bitmap(9000)}), parts: []string{"test part", `"cow"`}},
		"class of another case":   {files: splitTree(5, "train", "test").with(tree{"test/Dog/1.bmp": bitmap(9000)}), parts: []string{`"Dog"`}},
		"empty class in a part":   {files: splitTree(5, "train", "test").with(tree{"test/cow/.keep": nil}), parts: []string{`"test/cow"`, "empty"}},
		"lost part":               {files: splitTree(5, "train", "test"), links: map[string]string{"val": "/mnt/not-mounted"}, parts: []string{`"val"`, "mount"}},
		"lost class in a part":    {files: splitTree(5, "train", "test"), links: map[string]string{"train/cow": "/mnt/not-mounted"}, parts: []string{`"train/cow"`, "mount"}},
		"one class":               {files: splitTree(5, "train", "test").renamed(func(part, _, file string) string { return part + "/cat/" + file }), parts: []string{"one class only"}},
		"one wrapped folder more": {files: splitTree(5, "PetImages"), parts: []string{"one class only", `"PetImages"`, "add that to the path"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			root := tc.files.write(t)
			link(t, root, tc.links)
			_, err := Open(t.Context(), Folder(root), testOptions())
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("Open() error = %v, want %v", err, ErrInvalid)
			}
			for _, part := range append(tc.parts, root) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Open() error = %q, want it to contain %q", err, part)
				}
			}
		})
	}
}

func TestSplitRefusesGivenParts(t *testing.T) {
	cases := map[string]struct {
		files tree
		parts []string // of the message
	}{
		"class without test":     {splitTree(5, "train", "test").with(classTree(t, 5, "train/cow")), []string{"test part", `"cow"`}},
		"class unusable in test": {splitTree(5, "train", "test").with(classTree(t, 5, "train/cow")).with(tree{"test/cow/1.jpg": []byte("x")}), []string{"test part", `"cow"`}},
		"test is all of training": {splitTree(5, "train").with(splitTree(5, "train").renamed(func(_, class, file string) string { return "test/" + class + "/" + file })),
			[]string{`"cat"`, "copy"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, tc.files, testOptions()).Split(SplitConfig{ValidationPercent: 10, TestPercent: 10})
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("Split() error = %v, want %v", err, ErrInvalid)
			}
			for _, part := range tc.parts {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("Split() error = %q, want it to contain %q", err, part)
				}
			}
		})
	}
}

func TestOpenWarnsOfSplits(t *testing.T) {
	valOnly := splitTree(5, "x", "val")
	for name := range splitTree(5, "x") {
		delete(valOnly, name)
	}
	cases := map[string]struct {
		files tree
		want  string // part of the only warning, or "" for none
	}{
		"folds":                {splitTree(5, "fold1", "fold2", "fold3"), `"fold1" and "fold2" hold the same folders, "cat" and "dog"`},
		"classes":              {splitTree(5, "cat", "dog").with(tree{"cat/0.bmp": bitmap(9000)}), ""},
		"split classes":        {splitTree(5, "train", "val").renamed(func(part, class, file string) string { return class + "/" + part + "/" + file }), ""},
		"a part and another":   {splitTree(5, "train").with(classTree(t, 5, "unlabeled")), `"train" is named as a part of a split`},
		"a class of that name": {classTree(t, 5, "train", "bus").with(tree{"train/old/1.bmp": bitmap(9000)}), ""},
		"split classes, an image beside": {splitTree(5, "train", "val").renamed(func(part, class, file string) string { return class + "/" + part + "/" + file }).with(tree{"cat/0.bmp": bitmap(9000)}),
			`"cat/train" is named as a part of a split but is not used`},
		"one class split": {classTree(t, 5, "cat", "dog/train", "dog/val"), `"dog/train" is named as a part`},
		"validation is test": {splitTree(5, "train", "val").with(valOnly.renamed(func(_, class, file string) string { return "test/" + class + "/" + file })),
			"10 images are in both the validation and the test part"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			warnings := strings.Join(open(t, tc.files, testOptions()).Warnings, "\n")
			if tc.want == "" && warnings != "" || !strings.Contains(warnings, tc.want) {
				t.Errorf("Warnings = %q, want %q", warnings, tc.want)
			}
		})
	}
}
