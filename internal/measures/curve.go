// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package measures

import "sort"

// Point is what a threshold comes to: the images that score at least as high.
type Point struct {
	Threshold float64 `json:"threshold"`
	// True are the images of the class, False the others.
	True  int `json:"true"`
	False int `json:"false"`
}

// Totals counts the images of the class and the others.
func (r Ranking) Totals() (positive, negative int) {
	all := r.all()
	return all.positive, all.negative
}

// At returns what a threshold comes to.
func (r Ranking) At(threshold float64) Point {
	n := sort.Search(len(r.steps), func(i int) bool { return r.steps[i].score < threshold })
	if n == 0 {
		return Point{Threshold: threshold}
	}
	return Point{Threshold: threshold, True: r.steps[n-1].positive, False: r.steps[n-1].negative}
}

// Points returns the thresholds at which something changes, from the highest down: all, or so many of them evenly, the
// first and the last included.
func (r Ranking) Points(most int) []Point {
	n := min(most, len(r.steps))
	points := make([]Point, n)
	for i := range points {
		at := i
		if n > 1 {
			at = i * (len(r.steps) - 1) / (n - 1)
		}
		s := r.steps[at]
		points[i] = Point{Threshold: s.score, True: s.positive, False: s.negative}
	}
	return points
}
