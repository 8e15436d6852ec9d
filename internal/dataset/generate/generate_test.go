// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
)

func config() Config {
	return Config{SamplesPerClass: 4, Classes: []Class{Cat, Dog}, Seed: 1, ImageSize: 32}
}

func TestConfigValidate(t *testing.T) {
	cases := map[string]struct {
		change func(*Config)
		want   []string // parts of the message; none means valid
	}{
		"good":            {change: func(*Config) {}},
		"no samples":      {change: func(c *Config) { c.SamplesPerClass = 0 }, want: []string{"samplesPerClass 0"}},
		"too many":        {change: func(c *Config) { c.SamplesPerClass = MaxSamplesPerClass + 1 }, want: []string{"samplesPerClass 100001"}},
		"tiny":            {change: func(c *Config) { c.ImageSize = 15 }, want: []string{"imageSize 15"}},
		"huge":            {change: func(c *Config) { c.ImageSize = 1 << 20 }, want: []string{"imageSize 1048576"}},
		"noise":           {change: func(c *Config) { c.LabelNoisePercent = 101 }, want: []string{"labelNoisePercent 101"}},
		"one class":       {change: func(c *Config) { c.Classes = []Class{Cat} }, want: []string{"name both of cat, dog"}},
		"other class":     {change: func(c *Config) { c.Classes[1] = "bird" }, want: []string{`classes[1] "bird"`}},
		"twice":           {change: func(c *Config) { c.Classes[1] = Cat }, want: []string{`classes[1] "cat"`, "twice"}},
		"several at once": {change: func(c *Config) { *c = Config{} }, want: []string{"samplesPerClass", "imageSize", "classes"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := config()
			tc.change(&cfg)
			_, err := New(cfg)
			if (err != nil) != (len(tc.want) > 0) {
				t.Fatalf("New() error = %v, want error: %v", err, len(tc.want) > 0)
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("New() error = %q, want it to contain %q", err, part)
				}
			}
			if err := Write(t.Context(), t.TempDir(), cfg); (err != nil) != (len(tc.want) > 0) {
				t.Errorf("Write() error = %v, want error: %v", err, len(tc.want) > 0)
			}
		})
	}
}

func read(t *testing.T, cfg Config) map[string][]byte {
	t.Helper()
	src, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	listing, err := src.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string][]byte{}
	for _, file := range listing.Files {
		if contents[file.Name], err = src.Read(t.Context(), file.Name, math.MaxInt64); err != nil {
			t.Fatal(err)
		}
	}
	return contents
}

func TestPicturesAreDeterministicAndDistinct(t *testing.T) {
	want := read(t, config())
	if len(want) != 8 {
		t.Errorf("%d pictures, want 8", len(want))
	}
	if diff := cmp.Diff(want, read(t, config())); diff != "" {
		t.Errorf("the same seed draws other pictures (-want +got):\n%s", diff)
	}
	more := config()
	more.SamplesPerClass = 6
	got := read(t, more)
	other := config()
	other.Seed = 2
	otherSeed := read(t, other)
	seen := map[string]string{}
	for name, data := range want {
		if !bytes.Equal(got[name], data) {
			t.Errorf("%s changes with the number of pictures", name)
		}
		if bytes.Equal(otherSeed[name], data) {
			t.Errorf("%s is the same for another seed", name)
		}
		if twin, ok := seen[string(data)]; ok {
			t.Errorf("%s and %s are the same", name, twin)
		}
		seen[string(data)] = name
	}
}

func TestReadRefuses(t *testing.T) {
	src, err := New(config())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Read(t.Context(), "cat/bird.jpg", 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read() error = %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := src.Read(t.Context(), "cat/cat.00000.jpg", 100); !errors.Is(err, preprocess.ErrTooLarge) {
		t.Errorf("Read() error = %v, want %v", err, preprocess.ErrTooLarge)
	}
}

func TestLabelNoise(t *testing.T) {
	cases := map[string]struct {
		percent   int
		low, high int // pictures of 1000 that are filed under the other class
	}{
		"none": {0, 0, 0},
		"some": {20, 70, 130}, // half of the random labels are right by chance
		"all":  {100, 440, 560},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cfg := config()
			cfg.SamplesPerClass, cfg.LabelNoisePercent = 500, tc.percent
			src, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			listing, err := src.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			wrong := 0
			for _, file := range listing.Files {
				drawn, _, _ := strings.Cut(strings.TrimPrefix(file.Name, file.Class+"/"), ".")
				if drawn != file.Class {
					wrong++
				}
			}
			if wrong < tc.low || wrong > tc.high {
				t.Errorf("%d of 1000 labels are wrong, want %d to %d", wrong, tc.low, tc.high)
			}
		})
	}
}

// The folder that Write leaves is the same dataset as the one in memory, and all
// its pictures can be used.
func TestWriteAndOpen(t *testing.T) {
	cfg := config()
	cfg.SamplesPerClass, cfg.LabelNoisePercent = 10, 30
	dir := filepath.Join(t.TempDir(), "new", "pets")
	if err := Write(t.Context(), dir, cfg); err != nil {
		t.Fatal(err)
	}
	src, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	opts := dataset.Options{Preprocess: preprocess.DefaultSpec(32)}
	inMemory, err := dataset.Open(t.Context(), src, opts)
	if err != nil {
		t.Fatal(err)
	}
	onDisk, err := dataset.Open(t.Context(), folder.New(dir, folder.Layout{}), opts)
	if err != nil {
		t.Fatal(err)
	}
	if inMemory.Digest != onDisk.Digest || inMemory.Skipped.Count+onDisk.Skipped.Count != 0 {
		t.Errorf("digest %s and %d skipped in memory, %s and %d on disk, want the same and none",
			inMemory.Digest, inMemory.Skipped.Count, onDisk.Digest, onDisk.Skipped.Count)
	}
	if diff := cmp.Diff([]string{"cat", "dog"}, onDisk.Classes); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
}

func TestWriteFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), file, config()); err == nil {
		t.Error("Write() into a file succeeds")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Write(ctx, t.TempDir(), config()); !errors.Is(err, context.Canceled) {
		t.Errorf("Write() error = %v, want %v", err, context.Canceled)
	}
}

// Every kind of ear, pose, pattern and thing is drawn without a trace of NaN,
// which would show as black or white pixels in a picture of one color.
func TestScenesAreFinite(t *testing.T) {
	src, err := New(config())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		for _, class := range []Class{Cat, Dog} {
			c := newCanvas(16)
			drawScene(c, src.(source).random(class, i, streamPicture), class)
			for at, pixel := range c.pixels {
				for _, v := range pixel {
					if math.IsNaN(v) || math.Abs(v) > 4 {
						t.Fatalf("%s %d: pixel %d = %v", class, i, at, pixel)
					}
				}
			}
		}
	}
}

func BenchmarkPicture(b *testing.B) {
	for name, size := range map[string]int{"64": 64, "224": 224} {
		b.Run(name, func(b *testing.B) {
			cfg := config()
			cfg.ImageSize = size
			src, err := New(cfg)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := src.Read(b.Context(), "cat/cat.00000.jpg", math.MaxInt64); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestConfigOf(t *testing.T) {
	got := ConfigOf(contract.Generated{SamplesPerClass: 7, Classes: []string{"cat", "dog"}, Seed: 5, LabelNoisePercent: 9}, 48)
	want := Config{SamplesPerClass: 7, Classes: []Class{Cat, Dog}, Seed: 5, ImageSize: 48, LabelNoisePercent: 9}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ConfigOf (-want +got):\n%s", diff)
	}
}
