// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

func generated() *contract.Generated {
	return &contract.Generated{SamplesPerClass: 3, Classes: []string{"cat", "dog"}, Seed: 7}
}

func TestOpen(t *testing.T) {
	for name, tc := range map[string]struct {
		dataset contract.Dataset
		shown   string
		want    Provenance
		costly  bool
	}{
		"folder": {contract.Dataset{Path: "pets"}, `folder "pets"`, Provenance{Kind: "path", Location: "pets"}, false},
		"archive": {
			contract.Dataset{URI: "https://host.example/pets.zip"}, "https://host.example/pets.zip",
			Provenance{Kind: "uri", Location: "https://host.example/pets.zip"}, false,
		},
		"bucket": {
			contract.Dataset{URI: "s3://datasets/pets?region=eu-central-1"}, "s3://datasets/pets", Provenance{Kind: "uri", Location: "s3://datasets/pets"}, false,
		},
		"generated": {contract.Dataset{Generated: generated()}, "generated dataset (seed 7)", Provenance{Kind: "generated", Location: "seed 7"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			src, got, err := Open(t.Context(), tc.dataset, Options{PictureSize: 32})
			if err != nil {
				t.Fatal(err)
			}
			if src.String() != tc.shown {
				t.Errorf("opened %v, want %s", src, tc.shown)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("provenance (-want +got):\n%s", diff)
			}
			if Costly(tc.dataset) != tc.costly {
				t.Errorf("Costly() = %v", !tc.costly)
			}
		})
	}
}

func TestOpenRefusesConfigurations(t *testing.T) {
	cow := generated()
	cow.Classes[0] = "cow"
	for name, tc := range map[string]struct {
		dataset contract.Dataset
		says    string
	}{
		"no source":      {contract.Dataset{}, "dataset names 0 sources: set exactly one of " + strings.Join(contract.DatasetSources(), ", ")},
		"two sources":    {contract.Dataset{Path: "pets", Generated: generated()}, "dataset names 2 sources"},
		"unknown scheme": {contract.Dataset{URI: "ftp://host/pets"}, `dataset configuration invalid: URI "ftp://host/pets" has an unknown scheme`},
		"unknown class":  {contract.Dataset{Generated: cow}, `invalid generated dataset: classes[0] "cow"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Open(t.Context(), tc.dataset, Options{PictureSize: 32})
			if !errors.Is(err, dataset.ErrConfig) || !strings.HasPrefix(err.Error(), tc.says) {
				t.Errorf("got %v, want ErrConfig: %s", err, tc.says)
			}
			if Costly(contract.Dataset{}) {
				t.Error("no source is costly")
			}
		})
	}
}

// A source that the contract has and nothing opens would be found out in a user's cluster.
func TestEverySourceOfTheContractIsOpened(t *testing.T) {
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	want := contract.DatasetSources()
	slices.Sort(want)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("sources (-contract +opened):\n%s", diff)
	}
}

// counted counts how often files are read.
type counted struct {
	dataset.Source
	reads map[string]int
	size  int
}

func (c *counted) Read(_ context.Context, name string, maxBytes int64) ([]byte, error) {
	c.reads[name]++
	if int64(c.size) > maxBytes {
		return nil, preprocess.ErrTooLarge
	}
	return []byte(name + strings.Repeat("x", c.size-len(name))), nil
}

func TestKeep(t *testing.T) {
	src := &counted{reads: map[string]int{}, size: 10}
	kept := keep(src, 25)
	for range 5 {
		for _, name := range []string{"a", "b", "c"} {
			data, err := kept.Read(t.Context(), name, 10)
			if err != nil || len(data) != 10 || string(data[:1]) != name {
				t.Fatalf("%s is %q, %v", name, data, err)
			}
		}
	}
	// The first reading keeps nothing, the second does; there is room for two.
	if diff := cmp.Diff(map[string]int{"a": 2, "b": 2, "c": 5}, src.reads); diff != "" {
		t.Errorf("read from the source (-want +got):\n%s", diff)
	}
	if _, err := kept.Read(t.Context(), "a", 9); !errors.Is(err, preprocess.ErrTooLarge) {
		t.Errorf("a kept file beyond the limit: %v", err)
	}
}

func TestKeepRemembersNoFailure(t *testing.T) {
	src := &counted{reads: map[string]int{}, size: 10}
	kept := keep(src, 100)
	for range 3 {
		if _, err := kept.Read(t.Context(), "a", 9); !errors.Is(err, preprocess.ErrTooLarge) {
			t.Fatal(err)
		}
	}
	if src.reads["a"] != 3 {
		t.Errorf("read %d times", src.reads["a"])
	}
}

// What is kept is what would be read: the same pictures, byte for byte.
func TestKeptPicturesAreTheSame(t *testing.T) {
	d := contract.Dataset{Generated: generated()}
	plain, _, err := Open(t.Context(), d, Options{PictureSize: 32})
	if err != nil {
		t.Fatal(err)
	}
	kept, _, err := Open(t.Context(), d, Options{PictureSize: 32, KeepBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	listing, err := kept.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range listing.Files {
		want, err := plain.Read(t.Context(), file.Name, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			got, err := kept.Read(t.Context(), file.Name, 1<<20)
			if err != nil || string(got) != string(want) {
				t.Errorf("%s differs, %v", file.Name, err)
			}
		}
	}
}
