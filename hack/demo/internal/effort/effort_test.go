// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package effort

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/generate"
)

// The time is spent on size first, then on epochs; it is exceeded only where it doesn't suffice for the fewest epochs.
func TestFor(t *testing.T) {
	const limit = 2 * time.Minute
	for pictures, want := range map[int]Effort{
		60:      {ImageSize: largeSize, Epochs: mostEpochs},
		2_000:   {ImageSize: smallSize, Epochs: 36},
		10_000:  {ImageSize: smallSize, Epochs: 7},
		100_000: {ImageSize: smallSize, Epochs: fewestEpochs},
	} {
		got := For(pictures, 2, limit)
		if got.Takes > limit && got.Epochs > fewestEpochs {
			t.Errorf("%d pictures take %s of %s", pictures, got.Takes, limit)
		}
		got.Takes = 0
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d pictures (-want +got):\n%s", pictures, diff)
		}
	}
	if few, many := For(2_000, 2, limit), For(2_000, 8, limit); many.ImageSize <= few.ImageSize {
		t.Errorf("eight cores train at %d pixels, two at %d: want more", many.ImageSize, few.ImageSize)
	}
}

func TestPick(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pets")
	drawn := generate.Config{SamplesPerClass: 3, Classes: []generate.Class{generate.Cat, generate.Dog}, Seed: 1, ImageSize: 32}
	if err := generate.Write(t.Context(), dir, drawn); err != nil {
		t.Fatal(err)
	}
	// It comes first, and is no picture.
	if err := os.WriteFile(filepath.Join(dir, "cat", "!README"), []byte("cats"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	found, picked, err := Pick(t.Context(), dir, time.Minute, &said)
	if err != nil {
		t.Fatal(err)
	}
	if found.Pictures != 7 || found.Classes != 2 || !isPicture(found.First) || filepath.Base(filepath.Dir(found.First)) != "cat" {
		t.Errorf("found %+v, want 7 files of 2 classes and a cat", found)
	}
	if picked.Epochs != mostEpochs {
		t.Errorf("picked %+v for 7 pictures, want %d epochs", picked, mostEpochs)
	}
	for _, word := range []string{"7 pictures of 2 classes", "40 epochs at 128 pixels", "MINUTES=1"} {
		if !strings.Contains(said.String(), word) {
			t.Errorf("said %q, want %q in it", said.String(), word)
		}
	}
	if _, _, err := Pick(t.Context(), filepath.Join(dir, "nowhere"), time.Minute, &said); !errors.Is(err, dataset.ErrNotFound) {
		t.Errorf("a folder that isn't there: %v", err)
	}
}
