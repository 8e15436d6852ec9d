// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package drift compares what a model has answered of late with what it answered on the test split of its run: other classes,
// or less confidence, mean that its pictures are no longer those that it was measured on. It needs no labels.
package drift

import (
	"math"
	"sync"
)

// Expected is what a model answered on its test split.
type Expected struct {
	// Predicted counts the images by predicted class.
	Predicted []int
	// Confidence is the mean probability of the predicted class; 0 if it isn't known.
	Confidence float64
}

const (
	// A window has room for perClass predictions of each class, within bounds: with fewer, chance would hide a shift.
	perClass, smallest, largest = 20, 1000, 20_000
	// fewest predictions are needed for a verdict.
	fewest = 200
)

// Window is the last predictions. Its methods may be called concurrently.
type Window struct {
	expected Expected

	mu     sync.Mutex
	last   []prediction // the oldest at next once it is full
	next   int
	counts []int
	sum    float64
}

type prediction struct {
	class      int32
	confidence float32
}

// NewWindow returns an empty window that is compared with what is expected.
func NewWindow(expected Expected) *Window {
	classes := len(expected.Predicted)
	return &Window{
		expected: expected,
		last:     make([]prediction, 0, min(max(smallest, perClass*classes), largest)),
		counts:   make([]int, classes),
	}
}

// Add adds the prediction of a class, an index of Expected.Predicted.
func (w *Window) Add(class int, confidence float64) {
	p := prediction{class: int32(class), confidence: float32(confidence)} //nolint:gosec // an index of classes
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[class]++
	w.sum += float64(p.confidence)
	if len(w.last) < cap(w.last) {
		w.last = append(w.last, p)
		return
	}
	oldest := w.last[w.next]
	w.counts[oldest.class]--
	w.sum -= float64(oldest.confidence)
	w.last[w.next] = p
	w.next = (w.next + 1) % len(w.last)
}

// Shift is how far a window is from what is expected.
type Shift struct {
	// Images are those in the window.
	Images int
	// Index is the population stability index of the predicted classes, less what chance alone makes of it.
	Index float64
	// Confidence is the mean in the window, Expected that on the test split, 0 if it isn't known.
	Confidence, Expected float64
}

// Shift is the present one; false with too few predictions to tell.
func (w *Window) Shift() (Shift, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.last)
	if n < fewest {
		return Shift{Images: n}, false
	}
	return Shift{
		Images: n, Index: index(w.expected.Predicted, w.counts), Confidence: w.sum / float64(n), Expected: w.expected.Confidence,
	}, true
}

// index is the population stability index of two counts by class, the sum of (b-a)·ln(b/a) over their shares a and b, less its
// expectation when both are drawn from one population: (classes-1)·(1/n+1/m). It is not below 0. Half an image is added to
// each count, so that a class that never came is not infinitely far.
func index(expected, seen []int) float64 {
	const half = 0.5
	classes := float64(len(expected))
	n, m := total(expected)+half*classes, total(seen)+half*classes
	sum := 0.0
	for i := range expected {
		a, b := (float64(expected[i])+half)/n, (float64(seen[i])+half)/m
		sum += (b - a) * math.Log(b/a)
	}
	return max(0, sum-(classes-1)*(1/n+1/m))
}

func total(counts []int) float64 {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return float64(sum)
}
