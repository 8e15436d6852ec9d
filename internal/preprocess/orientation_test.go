// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package preprocess

import (
	"image"
	"image/color"
	"image/draw"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The upright picture is "rb/..": its top left quarter red, its top right one
// blue. Each stored form of it must come out so.
func TestResizeStandsUpright(t *testing.T) {
	cases := map[string]struct {
		orientation int
		stored      string // quarters: top left, top right, bottom left, bottom right
	}{
		"upright":                {orientation: 1, stored: "rb.."},
		"mirrored left to right": {orientation: 2, stored: "br.."},
		"upside down":            {orientation: 3, stored: "..br"},
		"mirrored top to bottom": {orientation: 4, stored: "..rb"},
		"transposed":             {orientation: 5, stored: "r.b."},
		"turned left":            {orientation: 6, stored: "b.r."},
		"transversed":            {orientation: 7, stored: ".b.r"},
		"turned right":           {orientation: 8, stored: ".r.b"},
	}
	colors := map[byte]color.Color{'r': color.RGBA{R: 255, A: 255}, 'b': color.RGBA{B: 255, A: 255}, '.': color.Black}
	names := map[[3]uint8]byte{{255, 0, 0}: 'r', {0, 0, 255}: 'b', {0, 0, 0}: '.'}
	spec := DefaultSpec(8)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			img := image.NewRGBA(image.Rect(0, 0, 16, 16))
			for quarter := range 4 {
				corner := image.Pt(quarter%2*8, quarter/2*8)
				draw.Draw(img, image.Rectangle{corner, corner.Add(image.Pt(8, 8))}, image.NewUniform(colors[tc.stored[quarter]]), image.Point{}, draw.Src)
			}
			pixels := make([]uint8, spec.PixelLen())
			if err := spec.resize(t.Context(), pixels, inMemory(img, tc.orientation)); err != nil {
				t.Fatal(err)
			}
			var got []byte
			for quarter := range 4 {
				x, y := quarter%2*4+1, quarter/2*4+1 // away from the blurred seams
				got = append(got, names[[3]uint8(pixels[3*(8*y+x):])])
			}
			if diff := cmp.Diff("rb..", string(got)); diff != "" {
				t.Errorf("quarters (-want +got):\n%s", diff)
			}
		})
	}
}
