// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitShares(t *testing.T) {
	files := classTree(t, 40, "a", "b")
	for i := range 20 { // a third class of another size
		files[fmt.Sprintf("c/%d.png", i)] = picture(t, 1000+i)
	}
	d := open(t, files, testOptions())
	cases := map[string]struct {
		cfg                     SplitConfig
		train, validation, test []int
	}{
		"tenths":       {SplitConfig{10, 10, 42}, []int{32, 32, 16}, []int{4, 4, 2}, []int{4, 4, 2}},
		"rounded":      {SplitConfig{6, 14, 42}, []int{32, 32, 16}, []int{2, 2, 1}, []int{6, 6, 3}},
		"one at least": {SplitConfig{1, 1, 42}, []int{38, 38, 18}, []int{1, 1, 1}, []int{1, 1, 1}},
		"test only":    {SplitConfig{0, 50, 42}, []int{20, 20, 10}, []int{0, 0, 0}, []int{20, 20, 10}},
		"all trained":  {SplitConfig{0, 0, 42}, []int{40, 40, 20}, []int{0, 0, 0}, []int{0, 0, 0}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			split, err := d.Split(tc.cfg)
			if err != nil {
				t.Fatal(err)
			}
			got := [][]int{split.Train.ClassCounts(), split.Validation.ClassCounts(), split.Test.ClassCounts()}
			if diff := cmp.Diff([][]int{tc.train, tc.validation, tc.test}, got); diff != "" {
				t.Errorf("class counts (-want +got):\n%s", diff)
			}
			all := slices.Concat(split.Train.Indices, split.Validation.Indices, split.Test.Indices)
			slices.Sort(all)
			if diff := cmp.Diff(d.All().Indices, all); diff != "" {
				t.Errorf("the parts don't make up the whole (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSplitDependsOnContentAndSeed(t *testing.T) {
	files := classTree(t, 30, "a", "b")
	renamed := tree{}
	for name, data := range files {
		class, _, _ := strings.Cut(name, "/")
		renamed[fmt.Sprintf("%s/%x.png", class, data[len(data)-24:len(data)-16])+name[2:]] = data
	}
	testDigest := func(files tree, seed uint64) string {
		split, err := open(t, files, testOptions()).Split(SplitConfig{ValidationPercent: 10, TestPercent: 20, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return split.Test.Digest()
	}
	want := testDigest(files, 1)
	if got := testDigest(renamed, 1); got != want {
		t.Errorf("test split of renamed files = %s, want %s", got, want)
	}
	if got := testDigest(files, 2); got == want {
		t.Error("test split is the same for another seed")
	}
}

// Copies within a class and across classes stay on one side.
func TestSplitKeepsCopiesTogether(t *testing.T) {
	files := classTree(t, 30, "a", "b")
	for i := range 30 {
		files[fmt.Sprintf("a/copy%d.png", i)] = files[fmt.Sprintf("a/%d.png", i)]
		if i < 10 {
			files[fmt.Sprintf("b/fromA%d.png", i)] = files[fmt.Sprintf("a/%d.png", i)]
		}
	}
	d := open(t, files, testOptions())
	split, err := d.Split(SplitConfig{ValidationPercent: 20, TestPercent: 30, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[32]byte]string{}
	for part, subset := range map[string]Subset{"train": split.Train, "validation": split.Validation, "test": split.Test} {
		for _, i := range subset.Indices {
			digest := d.Samples[i].Digest
			if other, ok := seen[digest]; ok && other != part {
				t.Errorf("%s is in %s, a copy of it in %s", d.Samples[i].Name, part, other)
			}
			seen[digest] = part
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	copies := classTree(t, 10, "a")
	for i := range 10 {
		copies[fmt.Sprintf("b/%d.png", i)] = picture(t, 500)
	}
	cases := map[string]struct {
		files tree
		cfg   SplitConfig
		parts []string
	}{
		"negative":     {classTree(t, 4, "a", "b"), SplitConfig{ValidationPercent: -1}, []string{"-1% validation"}},
		"nothing left": {classTree(t, 4, "a", "b"), SplitConfig{ValidationPercent: 50, TestPercent: 41}, []string{"over 90%"}},
		"too few":      {classTree(t, 3, "a", "b"), SplitConfig{ValidationPercent: 40, TestPercent: 50}, []string{`"a"`, "training"}},
		"copies only":  {copies, SplitConfig{ValidationPercent: 10, TestPercent: 10}, []string{`"b"`, "different images"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, tc.files, testOptions()).Split(tc.cfg)
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

func TestSubsetDigestOfAll(t *testing.T) {
	d := open(t, classTree(t, 4, "a", "b"), testOptions())
	if got := d.All().Digest(); got != d.Digest {
		t.Errorf("All().Digest() = %s, want the dataset's %s", got, d.Digest)
	}
	if !slices.IsSortedFunc(d.Samples, compareSamples) || !bytes.HasPrefix([]byte(d.Samples[0].Name), []byte("a/")) {
		t.Errorf("samples are not sorted: %v", d.Samples)
	}
}
