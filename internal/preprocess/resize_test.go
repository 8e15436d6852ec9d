// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"image"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/preprocess/raster"
)

// testdata/pillow-bilinear.json is what Pillow 13.0 makes of pattern(width,
// height) by resize((size, size), Image.Resampling.BILINEAR), pillow-bicubic.json
// what it makes by BICUBIC, and torchvision-crop.json what torchvision 0.29 makes
// of it by Resize(shorterSide) and CenterCrop(size). The bound is in gray levels:
// a cubic filter overshoots, which Pillow cuts between its passes. It does that
// here in one picture, enlarged, of 5×4 pixels of the most contrasting colors.
func TestResizeAgrees(t *testing.T) {
	for file, rule := range map[string]struct {
		resize, filter string
		bound          func(width int) int
	}{
		"pillow-bilinear.json":  {ResizeBilinear, "", func(int) int { return 1 }},
		"torchvision-crop.json": {ResizeCrop, "", func(int) int { return 1 }},
		"pillow-bicubic.json": {ResizeBilinear, FilterBicubic, func(width int) int {
			if width == 5 {
				return 7
			}
			return 1
		}},
	} {
		t.Run(file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			var golden []struct {
				Width, Height, Size, ShorterSide int
				Pixels                           string
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
				spec.Resize, spec.Filter, spec.ShorterSide = rule.resize, rule.filter, g.ShorterSide
				if err := spec.Validate(); err != nil {
					t.Fatal(err)
				}
				got := make([]uint8, spec.PixelLen())
				if err := spec.resize(t.Context(), got, inMemory(pattern(g.Width, g.Height), 1)); err != nil {
					t.Fatal(err)
				}
				for i := range want {
					if diff := int(want[i]) - int(got[i]); max(diff, -diff) > rule.bound(g.Width) {
						t.Errorf("%d×%d to %d: byte %d = %d, want %d", g.Width, g.Height, g.Size, i, got[i], want[i])
						break
					}
				}
			}
		})
	}
}

// memoryPicture is a picture that needs no decoding.
type memoryPicture struct {
	header raster.Header
	img    image.Image
}

func (p memoryPicture) Header() raster.Header { return p.header }

func (p memoryPicture) Rows(_ context.Context, emit func([]uint8)) error {
	row := make([]uint8, Channels*p.header.Width)
	for y := range p.header.Height {
		for x := range p.header.Width {
			r, g, b, _ := p.img.At(x, y).RGBA()
			row[3*x], row[3*x+1], row[3*x+2] = uint8(r>>8), uint8(g>>8), uint8(b>>8)
		}
		emit(row)
	}
	return nil
}

// inMemory is a picture with the pixels of an image, whose bounds begin at 0, 0.
func inMemory(img image.Image, orientation int) opened {
	header := raster.Header{Width: img.Bounds().Dx(), Height: img.Bounds().Dy(), Orientation: orientation}
	return opened{Header: header, picture: memoryPicture{header, img}, reduction: 1}
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
			cut := DefaultSpec(8)
			cut.Resize, cut.ShorterSide = ResizeCrop, 9
			cubic := DefaultSpec(8)
			cubic.Filter = FilterBicubic
			for _, spec := range []Spec{DefaultSpec(8), cut, cubic} {
				pixels := make([]uint8, spec.PixelLen())
				if err := spec.resize(t.Context(), pixels, inMemory(img, 1)); err != nil {
					t.Fatal(err)
				}
				for i, v := range pixels {
					if v != 77 {
						t.Fatalf("%s: byte %d = %d, want 77", spec.Resize, i, v)
					}
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
	if err := spec.resize(t.Context(), pixels, inMemory(img, 1)); err != nil {
		t.Fatal(err)
	}
	spec.Normalize(want, pixels)

	got := make([]float32, spec.TensorLen())
	if err := NewDecoder(DefaultLimits()).Tensor(t.Context(), spec, got, encodePNG(t, img)); err != nil {
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
			decoder := NewDecoder(DefaultLimits())
			for b.Loop() {
				if err := decoder.Tensor(b.Context(), spec, dst, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkResize(b *testing.B) {
	img := inMemory(pattern(200, 200), 1)
	spec := DefaultSpec(64)
	dst := make([]uint8, spec.PixelLen())
	for b.Loop() {
		if err := spec.resize(b.Context(), dst, img); err != nil {
			b.Fatal(err)
		}
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
