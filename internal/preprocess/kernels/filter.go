// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package kernels

// groupPixels is how many pixels FilterRow makes at a time.
const groupPixels = 4

// Taps are the source pixels that make one pixel: Weights[i] belongs to pixel First+i.
type Taps struct {
	First   int
	Weights []float32
}

// Filter says of which pixels each pixel of a row is made.
type Filter struct {
	pixels int
	// taps is how many pixels each is made of; where that are more than it has, some weigh nothing.
	taps int
	// firsts are where the first of them begins, and weights is [groups][taps][groupPixels], for groups of groupPixels pixels.
	// Where these are no divisor of pixels the last group goes back, and makes some pixels again.
	firsts  []int32
	weights []float32
}

// NewFilter returns the filter of a row of groupPixels pixels or more.
func NewFilter(pixels []Taps) *Filter {
	f := &Filter{pixels: len(pixels)}
	for _, t := range pixels {
		f.taps = max(f.taps, len(t.Weights))
	}
	groups := (len(pixels) + groupPixels - 1) / groupPixels
	f.firsts, f.weights = make([]int32, groups*groupPixels), make([]float32, groups*groupPixels*f.taps)
	for i := range f.firsts {
		t := pixels[f.pixel(i)]
		f.firsts[i] = int32(channels * t.First)
		group := f.weights[i/groupPixels*groupPixels*f.taps:]
		for tap, weight := range t.Weights {
			group[groupPixels*tap+i%groupPixels] = weight
		}
	}
	return f
}

// pixel is the pixel that element i of firsts belongs to.
func (f *Filter) pixel(i int) int {
	return min(i/groupPixels*groupPixels, f.pixels-groupPixels) + i%groupPixels
}

// Padding is how many values must lie behind a row of sums that is filtered.
func (f *Filter) Padding() int { return channels*f.taps + 1 }
