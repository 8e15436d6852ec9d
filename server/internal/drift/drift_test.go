// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"math"
	"math/rand/v2"
	"testing"
)

func fill(w *Window, shares []float64, n int, confidence float64) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same in each run
	for range n {
		class, at := 0, random.Float64()
		for at > shares[class] && class < len(shares)-1 {
			at -= shares[class]
			class++
		}
		w.Add(class, confidence)
	}
}

func TestIndex(t *testing.T) {
	// By hand: 0.3·ln(0.8/0.5) - 0.3·ln(0.2/0.5), less what chance makes of it.
	want := 0.3*math.Log(1.6) + 0.3*math.Log(2.5) - (1./100_001 + 1./100_001)
	if got := index([]int{50_000, 50_000}, []int{80_000, 20_000}); math.Abs(got-want) > 1e-4 {
		t.Errorf("index = %v, want %v", got, want)
	}
	if got := index([]int{5, 5}, []int{5, 5}); got != 0 {
		t.Errorf("index of equal counts = %v", got)
	}
	if got := index([]int{100, 0}, []int{0, 100}); got < 5 || math.IsInf(got, 0) {
		t.Errorf("index of what has nothing in common = %v", got)
	}
}

// Chance alone is no drift, whatever the number of classes; what has shifted is.
func TestChanceIsNoDrift(t *testing.T) {
	for _, classes := range []int{2, 10, 100, 500} {
		shares, counts := make([]float64, classes), make([]int, classes)
		for i := range shares {
			shares[i], counts[i] = 1/float64(classes), 0
		}
		test := NewWindow(Expected{Predicted: make([]int, classes)})
		fill(test, shares, cap(test.last)/2, 0.9)
		w := NewWindow(Expected{Predicted: test.counts})
		fill(w, shares, cap(w.last), 0.9)
		if shift, ok := w.Shift(); !ok || shift.Index > 0.1 {
			t.Errorf("%d classes by chance: %+v, %v", classes, shift, ok)
		}
		shares[0] += 0.5
		fill(w, shares, cap(w.last), 0.9)
		if shift, _ := w.Shift(); shift.Index < 0.25 {
			t.Errorf("%d classes, of which one comes all the time: %+v", classes, shift)
		}
	}
}

func TestWindowSlides(t *testing.T) {
	w := NewWindow(Expected{Predicted: []int{10, 10}, Confidence: 0.9})
	fill(w, []float64{1, 0}, fewest-1, 1)
	if shift, ok := w.Shift(); ok || shift.Images != fewest-1 {
		t.Errorf("with %d predictions: %+v, %v", fewest-1, shift, ok)
	}
	for i := range smallest {
		w.Add(i%2, 0.5)
	}
	shift, ok := w.Shift()
	if !ok || shift.Images != smallest || shift.Index != 0 || math.Abs(shift.Confidence-0.5) > 1e-6 || shift.Expected != 0.9 {
		t.Errorf("after the window has passed: %+v, %v", shift, ok)
	}
}
