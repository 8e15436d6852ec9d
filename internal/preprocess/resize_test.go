// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"encoding/hex"
	"encoding/json"
	"image"
	"image/color"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// testdata/pillow-bilinear.json is what Pillow 13.0 makes of pattern(width,
// height) by resize((size, size), Image.Resampling.BILINEAR).
func TestResizeAgreesWithPillow(t *testing.T) {
	data, err := os.ReadFile("testdata/pillow-bilinear.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden []struct {
		Width, Height, Size int
		Pixels              string
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for _, g := range golden {
		want, err := hex.DecodeString(g.Pixels)
		if err != nil {
			t.Fatal(err)
		}
		spec := DefaultSpec(g.Size)
		got := make([]uint8, spec.PixelLen())
		spec.ResizeRGB(got, Image{Pixels: pattern(g.Width, g.Height)})
		for i := range want {
			if diff := int(want[i]) - int(got[i]); diff < -1 || diff > 1 {
				t.Errorf("%d×%d to %d: byte %d = %d, Pillow has %d", g.Width, g.Height, g.Size, i, got[i], want[i])
				break
			}
		}
	}
}

func TestResizeImageKinds(t *testing.T) {
	const gray = 0x80
	bounds := image.Rect(-3, 5, 9, 14) // images need not begin at 0, 0
	fill := func(img interface {
		image.Image
		Set(x, y int, c color.Color)
	}, c color.Color) image.Image {
		for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
			for x := bounds.Min.X; x < bounds.Max.X; x++ {
				img.Set(x, y, c)
			}
		}
		return img
	}
	ycbcr := image.NewYCbCr(bounds, image.YCbCrSubsampleRatio420)
	for i := range ycbcr.Y {
		ycbcr.Y[i] = gray
	}
	for i := range ycbcr.Cb {
		ycbcr.Cb[i], ycbcr.Cr[i] = 128, 128
	}
	halfBlack := color.NRGBA{A: 0x7f}
	cases := map[string]struct {
		img  image.Image
		want uint8
	}{
		"YCbCr":            {img: ycbcr, want: gray},
		"gray":             {img: fill(image.NewGray(bounds), color.Gray{gray}), want: gray},
		"16-bit gray":      {img: fill(image.NewGray16(bounds), color.Gray16{0x8080}), want: gray},
		"16-bit color":     {img: fill(image.NewNRGBA64(bounds), color.Gray16{0x8080}), want: gray},
		"CMYK":             {img: fill(image.NewCMYK(bounds), color.CMYK{K: 0x7f}), want: gray},
		"palette":          {img: image.NewPaletted(bounds, color.Palette{color.Gray{gray}}), want: gray},
		"empty is white":   {img: image.NewNRGBA(bounds), want: 255},
		"half black":       {img: fill(image.NewNRGBA(bounds), halfBlack), want: gray},
		"half black mixed": {img: fill(image.NewRGBA(bounds), halfBlack), want: gray},
	}
	spec := DefaultSpec(8)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			want := make([]uint8, spec.PixelLen())
			for i := range want {
				want[i] = tc.want
			}
			got := make([]uint8, spec.PixelLen())
			spec.ResizeRGB(got, Image{Pixels: tc.img})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("pixels (-want +got):\n%s", diff)
			}
		})
	}
}

// Memory follows the rows that are needed, not the image's height: 65,535 rows
// at 1 pixel, as a hostile file may have them, are no more work than others.
func TestResizeExtremeShapes(t *testing.T) {
	for name, size := range map[string]image.Point{
		"tall":      {1, maxSide},
		"wide":      {maxSide, 1},
		"one pixel": {1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			img := image.NewGray(image.Rectangle{Max: size})
			for i := range img.Pix {
				img.Pix[i] = 77
			}
			spec := DefaultSpec(8)
			pixels := make([]uint8, spec.PixelLen())
			spec.ResizeRGB(pixels, Image{Pixels: img})
			for i, v := range pixels {
				if v != 77 {
					t.Fatalf("byte %d = %d, want 77", i, v)
				}
			}
		})
	}
}

func TestTensorOfFile(t *testing.T) {
	spec := DefaultSpec(8)
	img := pattern(24, 10)
	want := make([]float32, spec.TensorLen())
	pixels := make([]uint8, spec.PixelLen())
	spec.ResizeRGB(pixels, Image{Pixels: img})
	spec.Normalize(want, pixels)

	got := make([]float32, spec.TensorLen())
	if err := spec.Tensor(t.Context(), got, encodePNG(t, img), DefaultLimits()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tensor (-want +got):\n%s", diff)
	}
}

func BenchmarkTensor(b *testing.B) {
	data := encodeJPEG(b, pattern(200, 200))
	for name, spec := range map[string]Spec{"64": DefaultSpec(64), "224": DefaultSpec(224)} {
		b.Run(name, func(b *testing.B) {
			dst := make([]float32, spec.TensorLen())
			for b.Loop() {
				if err := spec.Tensor(b.Context(), dst, data, DefaultLimits()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkResizeRGB(b *testing.B) {
	img := Image{Pixels: pattern(200, 200)}
	spec := DefaultSpec(64)
	dst := make([]uint8, spec.PixelLen())
	for b.Loop() {
		spec.ResizeRGB(dst, img)
	}
}

func BenchmarkNormalize(b *testing.B) {
	spec := DefaultSpec(64)
	pixels := make([]uint8, spec.PixelLen())
	dst := make([]float32, spec.TensorLen())
	for b.Loop() {
		spec.Normalize(dst, pixels)
	}
}
