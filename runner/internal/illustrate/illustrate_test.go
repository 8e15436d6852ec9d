// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package illustrate

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"math"
	"slices"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/generate"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// drawn is a run of a network that takes every third image for the other class, the later the surer.
func drawn(t *testing.T, size int) Run {
	t.Helper()
	source, err := generate.New(generate.Config{SamplesPerClass: 20, Classes: []generate.Class{generate.Cat, generate.Dog}, ImageSize: size})
	if err != nil {
		t.Fatal(err)
	}
	d, err := dataset.Open(t.Context(), source, dataset.Options{Preprocess: preprocess.DefaultSpec(size)})
	if err != nil {
		t.Fatal(err)
	}
	split, err := d.Split(dataset.SplitConfig{ValidationPercent: 10, TestPercent: 60})
	if err != nil {
		t.Fatal(err)
	}
	network, err := model.New(model.Config{Architecture: "SimpleCNN", Classes: 2, ImageSize: size, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	r := Run{
		Tally: metrics.NewTally(2), Test: split.Test, Train: split.Train, Network: network, Shown: true,
		Augmentation: dataset.Augmentation{HorizontalFlip: true, Brightness: 0.5},
	}
	for n, i := range split.Test.Indices {
		label := int(d.Samples[i].Label)
		answer := label
		if n%3 == 0 {
			answer = 1 - label
		}
		logits := []float32{0, 0}
		logits[answer] = 0.1 * float32(n+1)
		r.Tally.Add(logits, label)
	}
	return r
}

func TestPicturesAreOfTheMistakes(t *testing.T) {
	const size = 144
	r, details := drawn(t, size), &report.Details{}
	if err := r.Fill(t.Context(), details); err != nil {
		t.Fatal(err)
	}
	wrong := (r.Test.Len() + 2) / 3
	if len(details.Mistakes) != wrong || details.Pictures != report.PicturesShown || !details.Maps {
		t.Fatalf("%d mistakes, want %d; pictures %s, maps %v", len(details.Mistakes), wrong, details.Pictures, details.Maps)
	}
	if !slices.IsSortedFunc(details.Mistakes, func(a, b report.Picture) int { return int(1e6 * (b.Confidence - a.Confidence)) }) {
		t.Error("the surest mistakes are not first")
	}
	pixels := make([]uint8, size*size*preprocess.Channels)
	for i, m := range details.Mistakes {
		sample := slices.IndexFunc(r.Test.Dataset.Samples, func(s dataset.Sample) bool { return s.Name == m.Name })
		if m.Label == m.Predicted || int(r.Test.Dataset.Samples[sample].Label) != m.Label || m.Confidence < m.Probability {
			t.Errorf("mistake %d is %s, labeled %d and taken for %d with %v, not %v", i, m.Name, m.Label, m.Predicted, m.Confidence, m.Probability)
		}
		decoded, err := jpeg.Decode(bytes.NewReader(m.JPEG))
		if err != nil || decoded.Bounds().Dx() != size/2 {
			t.Fatalf("picture %d: %v, %v", i, decoded, err)
		}
		if err := r.Test.Dataset.Pixels(t.Context(), pixels, sample); err != nil {
			t.Fatal(err)
		}
		off := 0.0
		for y := range size / 2 {
			for x := range size / 2 {
				red, _, _, _ := decoded.At(x, y).RGBA()
				off += math.Abs(float64(red>>8) - float64(pixels[(2*y*size+2*x)*preprocess.Channels]))
			}
		}
		if off /= size * size / 4; off > 12 {
			t.Errorf("picture %d is %.1f gray levels off its image", i, off)
		}
		if m.Map == nil || len(m.Map.Values) != m.Map.Width*m.Map.Height || m.Map.Width != size/8 {
			t.Errorf("map %d is %+v", i, m.Map)
		}
	}
	names := []string{"horizontalFlip", "brightness", ""}
	for i, a := range details.Augmentations {
		if a.Name != names[i] || len(a.JPEGs) != draws+1 {
			t.Errorf("augmentation %d is %q with %d pictures", i, a.Name, len(a.JPEGs))
		}
		if different := slices.ContainsFunc(a.JPEGs, func(j []byte) bool { return !bytes.Equal(j, a.JPEGs[0]) }); !different {
			t.Errorf("%q changes nothing", a.Name)
		}
	}
	if len(details.Augmentations) != len(names) {
		t.Errorf("%d augmentations, want %d", len(details.Augmentations), len(names))
	}
	for cell, want := range map[[2]int]int{{0, 1}: 4, {1, 0}: 4, {0, 0}: 8, {1, 1}: 8} {
		got := 0
		for _, p := range details.Cells {
			if p.Label == cell[0] && p.Predicted == cell[1] && p.JPEG != nil {
				got++
			}
		}
		if got != want {
			t.Errorf("cell %v has %d pictures, want %d", cell, got, want)
		}
	}
}

func TestNamesAloneWherePicturesAreNotShown(t *testing.T) {
	r, details := drawn(t, 32), &report.Details{}
	r.Shown = false
	if err := r.Fill(t.Context(), details); err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(details.Mistakes, details.Cells)
	if details.Pictures != report.PicturesDisabled || details.Augmentations != nil || len(all) == 0 ||
		slices.ContainsFunc(all, func(p report.Picture) bool { return p.JPEG != nil || p.Map != nil || p.Name == "" }) {
		t.Errorf("details are %+v", details)
	}
}

func TestFailureLeavesNames(t *testing.T) {
	r, details := drawn(t, 32), &report.Details{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Fill(ctx, details); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if details.Pictures != report.PicturesFailed || len(details.Mistakes) == 0 || details.Mistakes[0].JPEG != nil {
		t.Errorf("details are %+v", details)
	}
}

func TestRoomForPictures(t *testing.T) {
	p := &painter{run: drawn(t, 32), left: 10}
	var picture report.Picture
	if err := p.paint(t.Context(), &picture, 0); err != nil || picture.JPEG != nil || p.left != 10 {
		t.Errorf("picture of %d bytes, %d left, error %v", len(picture.JPEG), p.left, err)
	}
}

func TestCellsOfMistakesComeFirst(t *testing.T) {
	var answers []answer
	for label := range 20 {
		for range 20 {
			answers = append(answers, answer{Picture: report.Picture{Label: label, Predicted: label}})
		}
		for predicted := range 4 {
			answers = append(answers, answer{Picture: report.Picture{Label: label, Predicted: predicted}})
		}
	}
	picked := pickCells(answers)
	wrong := 0
	for _, a := range picked {
		if a.Label != a.Predicted {
			wrong++
		}
	}
	if len(picked) != maxCells || wrong != 76 {
		t.Errorf("%d picked, %d of them mistakes, want %d and all 76", len(picked), wrong, maxCells)
	}
}

func TestLevels(t *testing.T) {
	if got := levels([]float32{-1, 0, 1, 2}); !slices.Equal(got, []byte{0, 0, 128, 255}) {
		t.Errorf("levels are %v", got)
	}
	if got := levels([]float32{-1, -2}); !slices.Equal(got, []byte{0, 0}) {
		t.Errorf("levels of nothing are %v", got)
	}
}
