// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package generate

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAffine(t *testing.T) {
	const quarter = math.Pi / 2
	cases := map[string]struct {
		t    affine
		want point // of 1, 2
	}{
		"identity":     {identity, point{1, 2}},
		"moved":        {place(point{10, 20}, 1, 1, 0), point{11, 22}},
		"scaled":       {place(point{}, 3, 4, 0), point{3, 8}},
		"quarter turn": {place(point{}, 1, 1, quarter), point{-2, 1}},
		"composed":     {place(point{10, 0}, 1, 1, 0).of(place(point{}, 2, 2, 0)), point{12, 4}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			approx := cmp.Options{cmp.AllowUnexported(point{}), cmpopts.EquateApprox(0, 1e-12)}
			got := tc.t.apply(point{1, 2})
			if diff := cmp.Diff(tc.want, got, approx); diff != "" {
				t.Errorf("apply (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(point{1, 2}, tc.t.inverse().apply(got), approx); diff != "" {
				t.Errorf("inverse (-want +got):\n%s", diff)
			}
		})
	}
}

// The area that a shape covers, edge pixels counted by their share.
func TestFillCoverage(t *testing.T) {
	const size = 100
	cases := map[string]struct {
		t       affine
		outline []point
		want    float64 // share of the canvas
	}{
		"whole":         {identity, []point{{0, 0}, {1, 0}, {1, 1}, {0, 1}}, 1},
		"beyond":        {identity, []point{{-5, -5}, {5, -5}, {5, 5}, {-5, 5}}, 1},
		"outside":       {identity, []point{{2, 2}, {3, 2}, {3, 3}}, 0},
		"half a pixel":  {identity, []point{{0, 0}, {0.005, 0}, {0.005, 1}, {0, 1}}, 0.005},
		"triangle":      {identity, []point{{0, 0}, {1, 0}, {0, 1}}, 0.5},
		"moved, scaled": {place(point{0.5, 0.5}, 0.1, 0.2, 1), []point{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}}, 0.08},
		"ellipse":       {place(point{0.5, 0.5}, 1, 1, 0), ellipse(point{}, 0.4, 0.2), math.Pi * 0.08},
		"smooth circle": {place(point{0.5, 0.5}, 0.4, 0.4, 0), smooth(ellipse(point{}, 1, 1)...), math.Pi * 0.16},
		"stroke":        {identity, stroke(0.2, 0.1, point{0.1, 0.5}, point{0.5, 0.5}, point{0.9, 0.5}), 0.12},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCanvas(size)
			c.fill(tc.t, tc.outline, 1, solid(gray(1)))
			var got float64
			for _, pixel := range c.pixels {
				got += pixel[0] / (size * size)
			}
			if math.Abs(got-tc.want) > 0.01*tc.want+1e-4 {
				t.Errorf("covered share = %.4f, want %.4f", got, tc.want)
			}
		})
	}
}

func TestFillPaintsInShapeCoordinates(t *testing.T) {
	c := newCanvas(10)
	// The right half of the canvas, in coordinates that run over it from 0 to 1.
	c.fill(place(point{0.5, 0}, 0.5, 1, 0), []point{{0, 0}, {1, 0}, {1, 1}, {0, 1}}, 0.5, func(p point) color { return color{p.x, p.y, 1} })
	approx := cmpopts.EquateApprox(0, 1e-9)
	if diff := cmp.Diff(color{}, c.pixels[4], approx); diff != "" {
		t.Errorf("left of the shape (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(color{0.5 * 0.1, 0.5 * 0.05, 0.5}, c.pixels[5], approx); diff != "" {
		t.Errorf("first pixel of the shape (-want +got):\n%s", diff)
	}
}
