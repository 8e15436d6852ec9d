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

// The classes of a model are matched by name, whatever their order and encoding,
// and its images are those that it was trained on.
func TestOpenWithClassesOfAModel(t *testing.T) {
	files := classTree(t, 10, "cat", "caf\u00e9", "dog")
	for i := range 8 { // the split of copies depends on which class comes first
		files[fmt.Sprintf("dog/copy%d.png", i)] = files[fmt.Sprintf("cat/%d.png", i)]
	}
	trained := open(t, files, testOptions())
	opts := testOptions()
	opts.Classes = []string{"dog", "cat", "cafe\u0301"}
	d := open(t, files, opts)
	if diff := cmp.Diff(opts.Classes, d.Classes); diff != "" {
		t.Errorf("Classes (-want +got):\n%s", diff)
	}
	for _, sample := range d.Samples {
		folder, _, _ := strings.Cut(sample.Name, "/")
		if ClassName(d.Classes[sample.Label]) != folder {
			t.Errorf("%s has the label of %q", sample.Name, d.Classes[sample.Label])
		}
	}
	cfg := SplitConfig{ValidationPercent: 20, TestPercent: 20, Seed: 7}
	want, err := trained.Split(cfg)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Split(cfg)
	if err != nil {
		t.Fatal(err)
	}
	digests := func(d *Dataset, s Split) []string {
		return []string{d.Digest, s.Train.Digest(), s.Validation.Digest(), s.Test.Digest()}
	}
	if diff := cmp.Diff(digests(trained, want), digests(d, got)); diff != "" {
		t.Errorf("digests (-trained +got):\n%s", diff)
	}
}

func TestOpenMatchesClasses(t *testing.T) {
	model := []string{"dog", "cat"}
	cases := map[string]struct {
		files  tree
		model  []string
		any    bool
		counts []int    // by the model's classes; nil if refused
		says   []string // in the warnings or the error
	}{
		"fewer images than a split needs": {classTree(t, 1, "cat", "dog"), model, true, []int{1, 1}, nil},
		"fewer, to split":                 {classTree(t, 1, "cat", "dog"), model, false, nil, []string{"1 usable images", `"dog"`}},
		"one class":                       {classTree(t, 2, "cat"), model, true, []int{0, 2}, []string{`no images of the model's "dog"`}},
		"one class, to split":             {classTree(t, 4, "cat"), model, false, nil, []string{`no images of the model's "dog"`}},
		"empty class":                     {classTree(t, 2, "cat").with(tree{"dog/.keep": nil}), model, true, []int{0, 2}, []string{`"dog"`}},
		"empty class, to split":           {classTree(t, 4, "cat").with(tree{"dog/.keep": nil}), model, false, nil, []string{`"dog"`, "empty"}},
		"more classes":                    {classTree(t, 4, "cat", "cow", "dog"), model, true, []int{4, 4}, []string{`doesn't know "cow"`, "left out"}},
		"more classes, to split":          {classTree(t, 4, "cat", "cow", "dog"), model, false, []int{4, 4}, []string{`doesn't know "cow"`}},
		"no images of a class":            {classTree(t, 2, "cat").with(tree{"dog/x": []byte("x")}), model, true, []int{0, 2}, []string{`1 of the 1 files of class "dog"`}},
		"no images at all":                {tree{"dog/x": []byte("x"), "cat/x": []byte("x")}, model, true, nil, []string{"0 usable images", "dog/x"}},
		"nothing":                         {tree{}, model, true, nil, []string{"no images"}},
		"other names":                     {classTree(t, 4, "Cat", "dog"), model, true, nil, []string{`folders for "Cat"`, `none for its "cat"`, "name the folders"}},
		"wrapped in a folder":             {classTree(t, 4, "pets/cat", "pets/dog"), model, true, nil, []string{`"pets"`, `"dog", "cat"`, "add that to the path"}},
		"a model of two encodings": {classTree(t, 4, "cat", "dog"), []string{"caf\u00e9", "cafe\u0301"}, true, nil,
			[]string{`"caf\u00e9"`, `"cafe\u0301"`}},
		"many classes": {classTree(t, 1, "x"), strings.Split("abcdefghijklmn", ""), true, nil, []string{`"j", and 4 more`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			opts := testOptions()
			opts.Classes, opts.AnySize = tc.model, tc.any
			d, err := Open(t.Context(), Folder(tc.files.write(t)), opts)
			if (err != nil) != (tc.counts == nil) || err != nil && !errors.Is(err, ErrInvalid) {
				t.Fatalf("Open() error = %v", err)
			}
			var said string
			if err != nil {
				said = err.Error()
			} else {
				said = strings.Join(d.Warnings, "\n")
				if diff := cmp.Diff(tc.counts, d.All().ClassCounts()); diff != "" {
					t.Errorf("ClassCounts (-want +got):\n%s", diff)
				}
				if len(tc.says) == 0 && said != "" {
					t.Errorf("Warnings = %q, want none", said)
				}
			}
			for _, part := range tc.says {
				if !strings.Contains(said, part) {
					t.Errorf("says %q, want it to contain %q", said, part)
				}
			}
		})
	}
}

func TestUnknownClassesAreCounted(t *testing.T) {
	opts := testOptions()
	opts.Classes, opts.AnySize = []string{"dog", "cat"}, true
	d := open(t, classTree(t, 2, "cat", "cow", "dog"), opts)
	if diff := cmp.Diff([]LeftOut{{CauseUnknownClass, 2, []string{"cow/0.png", "cow/1.png"}}}, d.LeftOut); diff != "" {
		t.Errorf("LeftOut (-want +got):\n%s", diff)
	}
}

func TestHeldOut(t *testing.T) {
	for name, tc := range map[string]struct {
		files tree
		want  []int
	}{
		"not split":    {splitTree(5, "x").renamed(func(_, class, file string) string { return class + "/" + file }), []int{5, 5}},
		"three parts":  {splitTree(5, "train", "val").with(classTree(t, 3, "test/cat", "test/dog")), []int{3, 3}},
		"validation":   {splitTree(5, "train").with(classTree(t, 4, "val/cat", "val/dog")), []int{4, 4}},
		"one left out": {splitTree(5, "train").with(tree{"test/1.bmp": bitmap(9000)}), []int{5, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, open(t, tc.files, testOptions()).HeldOut().ClassCounts()); diff != "" {
				t.Errorf("class counts (-want +got):\n%s", diff)
			}
		})
	}
}
