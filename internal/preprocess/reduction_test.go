// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"
)

func TestReduction(t *testing.T) {
	cases := map[string]struct {
		width, height, size, shorterSide int
		want                             int
	}{
		"as large":            {width: 224, height: 224, size: 224, want: 1},
		"just not four times": {width: 895, height: 2000, size: 224, want: 1},
		"four times":          {width: 896, height: 896, size: 224, want: 2},
		"the shorter side":    {width: 4000, height: 900, size: 224, want: 2},
		"12 megapixels":       {width: 4000, height: 3000, size: 224, want: 4},
		"16 times":            {width: 1024, height: 1024, size: 64, want: 8},
		"much more":           {width: 6000, height: 6000, size: 64, want: 8},
		"cut, four times":     {width: 2000, height: 1024, size: 224, shorterSide: 256, want: 2},
		"cut, not yet":        {width: 2000, height: 1023, size: 224, shorterSide: 256, want: 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			spec := DefaultSpec(tc.size)
			if tc.shorterSide > 0 {
				spec.Resize, spec.ShorterSide = ResizeCrop, tc.shorterSide
			}
			if got := spec.reduction(tc.width, tc.height); got != tc.want {
				t.Errorf("reduction of %d×%d = %d, want %d", tc.width, tc.height, got, tc.want)
			}
			spec.Decode = ""
			if got := spec.reduction(tc.width, tc.height); got != 1 {
				t.Errorf("reduction of %d×%d, decoded whole, is %d", tc.width, tc.height, got)
			}
		})
	}
}

// What docs/data.md promises of pictures that are decoded reduced, held to one with soft ground, hard edges and noise.
func TestReducedIsNearTheWhole(t *testing.T) {
	const mean, most, nearly = 1.0, 4, 0.99 // gray levels, and the part of values within them
	data := encodeJPEG(t, scene(960, 720))
	decoder := NewDecoder(DefaultLimits())
	reductions := map[int]bool{}
	for _, size := range []int{40, 45, 64, 90, 120, 180} {
		whole, reduced := DefaultSpec(size), DefaultSpec(size)
		whole.Decode = ""
		reductions[reduced.reduction(960, 720)] = true
		got, want := make([]uint8, reduced.PixelLen()), make([]uint8, whole.PixelLen())
		for spec, pixels := range map[Spec][]uint8{reduced: got, whole: want} {
			if err := decoder.Pixels(t.Context(), spec, pixels, data); err != nil {
				t.Fatal(err)
			}
		}
		sum, near := 0, 0
		for i := range got {
			difference := max(int(got[i])-int(want[i]), int(want[i])-int(got[i]))
			sum += difference
			if difference <= most {
				near++
			}
		}
		if average, part := float64(sum)/float64(len(got)), float64(near)/float64(len(got)); average == 0 || average > mean || part < nearly {
			t.Errorf("at size %d values differ by %.2f on average, and %.3f are within %d", size, average, part, most)
		}
	}
	if len(reductions) != 3 {
		t.Errorf("the picture was reduced by %v only", reductions)
	}
}

// scene is a picture as cameras take them: soft ground, things with hard edges, and noise.
func scene(width, height int) *image.RGBA {
	random := rand.New(rand.NewPCG(5, 5))
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			ground := 100 + 60*math.Sin(float64(x)/90)*math.Cos(float64(y)/70)
			c := [3]float64{ground, ground + 30, 200 - ground}
			if (x/120+y/90)%3 == 0 && math.Hypot(float64(x%120-60), float64(y%90-45)) < 40 {
				c = [3]float64{220 - ground, 40, 60 + ground/2}
			}
			noise := random.NormFloat64() * 4
			img.SetRGBA(x, y, color.RGBA{uint8(c[0] + noise), uint8(c[1] + noise), uint8(c[2] + noise), 255})
		}
	}
	return img
}
