// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// halves are upright or lying halves of an image.
var halves = Patch{Scale: Range{0.4, 0.6}, Ratio: Range{0.5, 2}}

func TestAugmentationValidate(t *testing.T) {
	cases := map[string]struct {
		augmentation Augmentation
		want         string // part of the message; empty if valid
	}{
		"none":              {},
		"all at the most":   {augmentation: Augmentation{RotationDegrees: 180, HorizontalFlip: true, Brightness: 1, Contrast: 1, Saturation: 1}},
		"rotation negative": {augmentation: Augmentation{RotationDegrees: -1}, want: "rotationDegrees -1"},
		"brightness":        {augmentation: Augmentation{Brightness: 1.1}, want: "brightness 1.1"},
		"contrast":          {augmentation: Augmentation{Contrast: math.Inf(1)}, want: "contrast +Inf"},
		"saturation NaN":    {augmentation: Augmentation{Saturation: math.NaN()}, want: "saturation NaN"},
		"crop and erasing":  {augmentation: Augmentation{Crop: Crop{halves}, Erasing: Erasing{1, halves}}},
		"crop of nothing":   {augmentation: Augmentation{Crop: Crop{Patch{Ratio: halves.Ratio}}}, want: "crop"},
		"ratio NaN":         {augmentation: Augmentation{Crop: Crop{Patch{Scale: halves.Scale, Ratio: Range{1, math.NaN()}}}}, want: "crop"},
		"erasing falls":     {augmentation: Augmentation{Erasing: Erasing{1, Patch{Range{0.5, 0.4}, halves.Ratio}}}, want: "erasing"},
		"erasing too often": {augmentation: Augmentation{Erasing: Erasing{1.1, halves}}, want: "erasing.probability 1.1"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := tc.augmentation.Validate()
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Validate() = %v, want %q", err, tc.want)
			}
		})
	}
}

// gradient returns size×size pixels whose red tells the column, green the row.
func gradient(size int) []uint8 {
	pixels := make([]uint8, 0, 3*size*size)
	for y := range size {
		for x := range size {
			pixels = append(pixels, uint8(20*x), uint8(20*y), 77)
		}
	}
	return pixels
}

func TestMirror(t *testing.T) {
	got := gradient(3)
	mirror(got, 3)
	want := []uint8{
		40, 0, 77, 20, 0, 77, 0, 0, 77,
		40, 20, 77, 20, 20, 77, 0, 20, 77,
		40, 40, 77, 20, 40, 77, 0, 40, 77,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mirror (-want +got):\n%s", diff)
	}
}

func TestRotate(t *testing.T) {
	const size = 5
	source := gradient(size)
	at := func(pixels []uint8, x, y int) [2]uint8 { return [2]uint8(pixels[3*(y*size+x):]) }
	cases := map[string]struct {
		degrees float64
		from    func(x, y int) (int, int)
	}{
		"not":         {0, func(x, y int) (int, int) { return x, y }},
		"quarter":     {90, func(x, y int) (int, int) { return size - 1 - y, x }},
		"other way":   {-90, func(x, y int) (int, int) { return y, size - 1 - x }},
		"upside down": {180, func(x, y int) (int, int) { return size - 1 - x, size - 1 - y }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := make([]uint8, len(source))
			rotate(got, source, size, tc.degrees)
			for y := range size {
				for x := range size {
					fromX, fromY := tc.from(x, y)
					if want := at(source, fromX, fromY); at(got, x, y) != want {
						t.Errorf("pixel %d,%d = %v, want %v", x, y, at(got, x, y), want)
					}
				}
			}
		})
	}
}

func TestRotateInterpolatesAndRepeatsEdges(t *testing.T) {
	const size = 9
	flat := slices.Repeat([]uint8{10, 20, 30}, size*size)
	got := make([]uint8, len(flat))
	rotate(got, flat, size, 33)
	if diff := cmp.Diff(flat, got); diff != "" {
		t.Errorf("an even image changed (-want +got):\n%s", diff)
	}
	rotate(got, gradient(size), size, 45)
	// A pixel to the right of the center comes from 1/√2 right and below it.
	if want := clamp8(20 * (4 + math.Sqrt2/2)); got[3*(4*size+5)] != want {
		t.Errorf("red = %d, want %d", got[3*(4*size+5)], want)
	}
}

func TestColorChanges(t *testing.T) {
	pixels := []uint8{100, 200, 50, 100, 100, 100, 0, 255, 10, 30, 30, 30}
	cases := map[string]struct {
		change func([]uint8, float32)
		factor float32
		want   []uint8
	}{
		"brightness same":  {adjustBrightness, 1, pixels},
		"brightness half":  {adjustBrightness, 0.5, []uint8{50, 100, 25, 50, 50, 50, 0, 128, 5, 15, 15, 15}},
		"brightness more":  {adjustBrightness, 1.5, []uint8{150, 255, 75, 150, 150, 150, 0, 255, 15, 45, 45, 45}},
		"saturation none":  {adjustSaturation, 0, []uint8{153, 153, 153, 100, 100, 100, 151, 151, 151, 30, 30, 30}},
		"saturation same":  {adjustSaturation, 1, pixels},
		"saturation twice": {adjustSaturation, 2, []uint8{47, 247, 0, 100, 100, 100, 0, 255, 0, 30, 30, 30}},
		"contrast none":    {adjustContrast, 0, slices.Repeat([]uint8{108}, 12)}, // the mean of 153, 100, 150.8 and 30
		"contrast same":    {adjustContrast, 1, pixels},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := slices.Clone(pixels)
			tc.change(got, tc.factor)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("pixels (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAugmenterDraws(t *testing.T) {
	const size = 8
	all := Augmentation{RotationDegrees: 20, HorizontalFlip: true, Brightness: 0.3, Contrast: 0.3, Saturation: 0.3}
	apply := func(a Augmentation, seed, epoch, sample uint64) []uint8 {
		pixels := gradient(size)
		newAugmenter(a, size).apply(pixels, seed, epoch, sample)
		return pixels
	}
	if !slices.Equal(apply(Augmentation{}, 1, 2, 3), gradient(size)) {
		t.Error("no augmentation changes the image")
	}
	base := apply(all, 1, 2, 3)
	if !slices.Equal(base, apply(all, 1, 2, 3)) {
		t.Error("the same seed, epoch and sample give different images")
	}
	for name, other := range map[string][]uint8{"seed": apply(all, 9, 2, 3), "epoch": apply(all, 1, 9, 3), "sample": apply(all, 1, 2, 9)} {
		if slices.Equal(base, other) {
			t.Errorf("another %s gives the same image", name)
		}
	}
	flipped := 0
	for sample := range uint64(1000) {
		if !slices.Equal(apply(Augmentation{HorizontalFlip: true}, 1, 1, sample), gradient(size)) {
			flipped++
		}
	}
	if flipped < 440 || flipped > 560 {
		t.Errorf("%d of 1000 images are flipped, want about half", flipped)
	}
}

// What is cut out and erased is drawn for itself: each sample in each epoch, and nothing else changes by it.
func TestPartsAreDrawnForThemselves(t *testing.T) {
	const size = 8
	apply := func(a Augmentation, seed, epoch, sample uint64) ([]uint8, []float32) {
		pixels, image := gradient(size), slices.Repeat([]float32{1}, 3*size*size)
		augmenter := newAugmenter(a, size)
		augmenter.apply(pixels, seed, epoch, sample)
		augmenter.erase(image, seed, epoch, sample)
		return pixels, image
	}
	both := Augmentation{Brightness: 0.3, Crop: Crop{halves}, Erasing: Erasing{1, halves}}
	pixels, image := apply(both, 1, 2, 3)
	for name, other := range map[string][3]uint64{"seed": {9, 2, 3}, "epoch": {1, 9, 3}, "sample": {1, 2, 9}} {
		otherPixels, otherImage := apply(both, other[0], other[1], other[2])
		if slices.Equal(pixels, otherPixels) || slices.Equal(image, otherImage) {
			t.Errorf("another %s gives the same parts", name)
		}
	}
	if again, erased := apply(both, 1, 2, 3); !slices.Equal(pixels, again) || !slices.Equal(image, erased) {
		t.Error("the same seed, epoch and sample give different parts")
	}
	cropped, whole := apply(Augmentation{Brightness: 0.3, Crop: Crop{halves}}, 1, 2, 3)
	if !slices.Equal(cropped, pixels) || slices.Contains(whole, 0) {
		t.Error("erasing is another change besides, or is made where it isn't asked for")
	}
	if _, erased := apply(Augmentation{Erasing: Erasing{1, halves}}, 1, 2, 3); !slices.Equal(erased, image) {
		t.Error("a crop changes what is erased")
	}
	count := 0
	for _, v := range image {
		if v == 0 {
			count++
		}
	}
	if count%3 != 0 || count < 3*20 || count > 3*44 {
		t.Errorf("%d of %d values are erased, want about half, in each plane", count, len(image))
	}
}
