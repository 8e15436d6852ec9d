// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package classifier_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/classifier"
)

func TestSoftmax(t *testing.T) {
	cases := map[string]struct {
		logits []float32
		want   []float64
	}{
		"equal":          {[]float32{3, 3}, []float64{0.5, 0.5}},
		"one to three":   {[]float32{0, 1.0986123}, []float64{0.25, 0.75}}, // ln 3
		"no overflow":    {[]float32{1e30, 0}, []float64{1, 0}},
		"all very low":   {[]float32{-1e30, -1e30}, []float64{0.5, 0.5}},
		"a single class": {[]float32{-4}, []float64{1}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := classifier.Softmax(tc.logits)
			near := cmp.Comparer(func(a, b float64) bool { return a-b < 1e-7 && b-a < 1e-7 })
			if diff := cmp.Diff(tc.want, got, near); diff != "" {
				t.Errorf("Softmax() (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSoftmaxAtATemperature(t *testing.T) {
	got := classifier.SoftmaxAt([]float32{0, 2.1972246, -1e30}, 2) // 2 ln 3
	near := cmp.Comparer(func(a, b float64) bool { return a-b < 1e-7 && b-a < 1e-7 })
	if diff := cmp.Diff([]float64{0.25, 0.75, 0}, got, near); diff != "" {
		t.Errorf("SoftmaxAt() (-want +got):\n%s", diff)
	}
}

func TestArgMax(t *testing.T) {
	for name, tc := range map[string]struct {
		values []float32
		want   int
	}{
		"last": {[]float32{-3, -2, -1}, 2}, "first of equals": {[]float32{1, 2, 2}, 1}, "one": {[]float32{0}, 0},
	} {
		if got := classifier.ArgMax(tc.values); got != tc.want {
			t.Errorf("%s: ArgMax() = %d, want %d", name, got, tc.want)
		}
	}
}
