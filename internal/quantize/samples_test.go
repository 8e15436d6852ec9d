// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package quantize

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/generate"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

const size = 32

func images(t *testing.T, perClass int) dataset.Subset {
	t.Helper()
	source, err := generate.New(generate.Config{
		SamplesPerClass: perClass, Classes: []generate.Class{generate.Cat, generate.Dog}, ImageSize: size,
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := dataset.Open(t.Context(), source, dataset.Options{Preprocess: preprocess.DefaultSpec(size)})
	if err != nil {
		t.Fatal(err)
	}
	return d.All()
}

func TestSamples(t *testing.T) {
	for _, perClass := range []int{10, 150} {
		subset := images(t, perClass)
		picked := Samples(subset)
		if want := min(2*perClass, MaxSamples); picked.Len() != want || !slices.IsSorted(picked.Indices) ||
			len(slices.Compact(slices.Clone(picked.Indices))) != want {
			t.Errorf("of %d images %d are picked: %v", subset.Len(), picked.Len(), picked.Indices)
		}
		if counts := picked.ClassCounts(); counts[0] != counts[1] {
			t.Errorf("of the classes %v are picked", counts)
		}
	}
}

func TestWithImages(t *testing.T) {
	network, err := model.New(model.Config{Architecture: contract.ArchitectureSimpleCNN, Classes: 2, ImageSize: size, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	metadata := onnx.Metadata{Classes: []string{"cat", "dog"}, Preprocess: preprocess.DefaultSpec(size), Run: "team-a/pets"}
	float, err := onnx.Encode(network, metadata)
	if err != nil {
		t.Fatal(err)
	}
	subset := images(t, 5) // the last batch is smaller
	quantized, err := WithImages(t.Context(), float, subset, 2)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := onnx.Decode(quantized)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decoded.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&metadata, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("metadata (-float32 +quantized):\n%s", diff)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := WithImages(ctx, float, subset, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if _, err := WithImages(t.Context(), float, dataset.Subset{Dataset: subset.Dataset}, 1); err == nil {
		t.Error("a model was calibrated without images")
	}
}
