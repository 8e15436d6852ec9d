// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seen is a copy of a batch.
type seen struct {
	Labels []int32
	Images []float32
}

func batches(t testing.TB, subset Subset, cfg LoaderConfig, epoch, firstStep int) []seen {
	t.Helper()
	loader, err := NewLoader(subset, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var all []seen
	for batch, err := range loader.Epoch(t.Context(), epoch, firstStep) {
		if err != nil {
			t.Fatal(err)
		}
		if batch.N != len(batch.Labels) || len(batch.Images) != batch.N*subset.Dataset.preprocess.TensorLen() {
			t.Fatalf("batch of N %d has %d labels and %d values", batch.N, len(batch.Labels), len(batch.Images))
		}
		all = append(all, seen{slices.Clone(batch.Labels), slices.Clone(batch.Images)})
	}
	if want := loader.Steps() - firstStep; len(all) != want {
		t.Errorf("%d batches, want %d", len(all), want)
	}
	return all
}

func TestLoaderInOrder(t *testing.T) {
	d := open(t, classTree(t, 5, "a", "b"), testOptions())
	got := batches(t, d.All(), LoaderConfig{BatchSize: 4, Workers: 3}, 0, 0)
	var labels [][]int32
	var images []float32
	for _, batch := range got {
		labels = append(labels, batch.Labels)
		images = append(images, batch.Images...)
	}
	if diff := cmp.Diff([][]int32{{0, 0, 0, 0}, {0, 1, 1, 1}, {1, 1}}, labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	var want []float32
	for i := range d.Samples {
		pixels := make([]uint8, d.preprocess.PixelLen())
		if err := d.Pixels(t.Context(), pixels, i); err != nil {
			t.Fatal(err)
		}
		tensor := make([]float32, d.preprocess.TensorLen())
		d.preprocess.Normalize(tensor, pixels)
		want = append(want, tensor...)
	}
	if diff := cmp.Diff(want, images); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
}

var everything = LoaderConfig{
	BatchSize: 4, Shuffle: true, Seed: 7,
	Augmentation: Augmentation{RotationDegrees: 30, HorizontalFlip: true, Brightness: 0.2, Contrast: 0.2, Saturation: 0.2},
}

// Neither the number of workers, nor what is cached, nor where the epoch is
// taken up again changes a batch.
func TestLoaderIsDeterministic(t *testing.T) {
	files := classTree(t, 9, "a", "b")
	d := open(t, files, testOptions())
	opts := testOptions()
	opts.CacheBytes = 0
	uncached := open(t, files, opts)
	want := batches(t, d.All(), everything, 3, 0)
	for _, workers := range []int{1, 2, 5} {
		cfg := everything
		cfg.Workers = workers
		if diff := cmp.Diff(want, batches(t, d.All(), cfg, 3, 0)); diff != "" {
			t.Errorf("%d workers (-want +got):\n%s", workers, diff)
		}
		if diff := cmp.Diff(want[2:], batches(t, d.All(), cfg, 3, 2)); diff != "" {
			t.Errorf("%d workers, from step 2 (-want +got):\n%s", workers, diff)
		}
		if diff := cmp.Diff(want, batches(t, uncached.All(), cfg, 3, 0)); diff != "" {
			t.Errorf("%d workers, not cached (-want +got):\n%s", workers, diff)
		}
	}
	if cmp.Equal(want, batches(t, d.All(), everything, 4, 0)) {
		t.Error("two epochs are the same")
	}
	if got := batches(t, d.All(), everything, 3, 5); len(got) != 0 {
		t.Errorf("%d batches after the last step", len(got))
	}
}

func TestLoaderShuffles(t *testing.T) {
	d := open(t, classTree(t, 40, "a", "b"), testOptions())
	loader, err := NewLoader(d.All(), LoaderConfig{BatchSize: 8, Shuffle: true, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	order := loader.order(0)
	if slices.IsSorted(order) {
		t.Error("the order is that of the subset")
	}
	if sorted := slices.Sorted(slices.Values(order)); !slices.Equal(sorted, d.All().Indices) {
		t.Error("an epoch does not hold each sample once")
	}
}

func TestNewLoaderRefuses(t *testing.T) {
	d := open(t, classTree(t, 3, "a", "b"), testOptions())
	cases := map[string]struct {
		subset Subset
		cfg    LoaderConfig
		want   string
	}{
		"batch size":   {d.All(), LoaderConfig{}, "batch size 0"},
		"augmentation": {d.All(), LoaderConfig{BatchSize: 1, Augmentation: Augmentation{Contrast: 2}}, "contrast 2"},
		"no images":    {Subset{Dataset: d}, LoaderConfig{BatchSize: 1}, "no images"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := NewLoader(tc.subset, tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("NewLoader() error = %v, want %q", err, tc.want)
			}
		})
	}
}

func TestLoaderReportsUnreadableImage(t *testing.T) {
	root := classTree(t, 6, "a", "b").write(t)
	opts := testOptions()
	opts.CacheBytes = 0
	d, err := Open(t.Context(), Folder(root), opts)
	if err != nil {
		t.Fatal(err)
	}
	gone := d.Samples[5].Name // in the second batch
	if err := os.Remove(filepath.Join(root, filepath.FromSlash(gone))); err != nil {
		t.Fatal(err)
	}
	loader, err := NewLoader(d.All(), LoaderConfig{BatchSize: 4, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, err := range loader.Epoch(t.Context(), 0, 0) {
		got = append(got, fmt.Sprint(err))
	}
	if len(got) != 2 || got[0] != "<nil>" || !strings.Contains(got[1], gone) {
		t.Errorf("errors of the batches = %q, want none and then one that names %s", got, gone)
	}
}

func TestLoaderStops(t *testing.T) {
	d := open(t, classTree(t, 30, "a", "b"), testOptions())
	cfg := everything
	cfg.Workers = 3
	loader, err := NewLoader(d.All(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("when the loop is left", func(t *testing.T) {
		for _, err := range loader.Epoch(t.Context(), 0, 0) {
			if err != nil {
				t.Fatal(err)
			}
			break // hangs here if a worker does not end
		}
	})
	t.Run("when the context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		steps := 0
		for _, err := range loader.Epoch(ctx, 0, 0) {
			steps++
			last = err
			cancel()
		}
		if !errors.Is(last, context.Canceled) || steps == loader.Steps() {
			t.Errorf("after %d batches the last error is %v, want %v", steps, last, context.Canceled)
		}
	})
}

func BenchmarkEpoch(b *testing.B) {
	opts := testOptions()
	opts.Preprocess.Size = 64
	opts.CacheBytes = 1 << 26
	d := open(b, classTree(b, 64, "a", "b"), opts)
	cfg := everything
	cfg.BatchSize = 32
	for name, augmentation := range map[string]Augmentation{"plain": {}, "augmented": everything.Augmentation} {
		b.Run(name, func(b *testing.B) {
			cfg.Augmentation = augmentation
			loader, err := NewLoader(d.All(), cfg)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				for _, err := range loader.Epoch(b.Context(), 0, 0) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(d.Samples)), "µs/image")
		})
	}
}
