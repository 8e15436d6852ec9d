// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package measures

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPoints(t *testing.T) {
	ranking := Rank([]float64{0.9, 0.2, 0.7, 0.7, 0.4}, []bool{true, false, true, false, true})
	all := []Point{{0.9, 1, 0}, {0.7, 2, 1}, {0.4, 3, 1}, {0.2, 3, 2}}
	for most, want := range map[int][]Point{0: {}, 1: {all[0]}, 2: {all[0], all[3]}, 3: {all[0], all[1], all[3]}, 4: all, 9: all} {
		if diff := cmp.Diff(want, ranking.Points(most)); diff != "" {
			t.Errorf("%d points at most (-want +got):\n%s", most, diff)
		}
	}
	if positive, negative := ranking.Totals(); positive != 3 || negative != 2 {
		t.Errorf("totals are %d and %d", positive, negative)
	}
	for threshold, want := range map[float64]Point{1: {1, 0, 0}, 0.9: {0.9, 1, 0}, 0.8: {0.8, 1, 0}, 0.4: {0.4, 3, 1}, 0: {0, 3, 2}} {
		if got := ranking.At(threshold); got != want {
			t.Errorf("at %v: %v, want %v", threshold, got, want)
		}
	}
	if got := Rank(nil, nil).At(0.5); got != (Point{Threshold: 0.5}) || len(Rank(nil, nil).Points(3)) != 0 {
		t.Errorf("without images: %v", got)
	}
}

func TestReliability(t *testing.T) {
	got := Reliability([]float64{0.5, 0.5, 0.75, 1, 0.875}, []bool{true, false, true, true, true}, 2)
	want := []Bin{{Answers: 2, Right: 1, Confidence: 0.5}, {Answers: 3, Right: 3, Confidence: 0.875}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bins (-want +got):\n%s", diff)
	}
	if got := Reliability(nil, nil, 3); !cmp.Equal(got, make([]Bin, 3)) {
		t.Errorf("without answers: %v", got)
	}
}
