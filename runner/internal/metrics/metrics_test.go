// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// tally answers as confusion says, with logits of 1 for the predicted class and 0 for the others.
func tally(confusion [][]int) *Tally {
	t := NewTally(len(confusion))
	for label, row := range confusion {
		for predicted, n := range row {
			for range n {
				logits := make([]float32, len(row))
				logits[predicted] = 1
				t.Add(logits, label)
			}
		}
	}
	return t
}

func TestMetrics(t *testing.T) {
	right, wrong := -math.Log(math.E/(math.E+1)), -math.Log(1/(math.E+1))
	rightOf3, wrongOf3 := -math.Log(math.E/(math.E+2)), -math.Log(1/(math.E+2))
	cases := map[string]struct {
		confusion [][]int
		want      []float64 // accuracy, precision, recall, f1, loss
		classes   []Class
	}{
		// The figures are those of scikit-learn's precision_recall_fscore_support(average="macro", zero_division=0).
		"two classes": {
			confusion: [][]int{{8, 2}, {1, 9}},
			want:      []float64{0.85, (8.0/9 + 9.0/11) / 2, 0.85, (16.0/19 + 18.0/21) / 2, (17*right + 3*wrong) / 20},
			classes:   []Class{{8.0 / 9, 0.8, 16.0 / 19, 10}, {9.0 / 11, 0.9, 18.0 / 21, 10}},
		},
		"a class never predicted": {
			confusion: [][]int{{5, 0}, {5, 0}},
			want:      []float64{0.5, 0.25, 0.5, 1.0 / 3, (right + wrong) / 2},
			classes:   []Class{{0.5, 1, 2.0 / 3, 5}, {0, 0, 0, 5}},
		},
		"a class without images": { // it has no part in the means
			confusion: [][]int{{8, 2, 0}, {1, 8, 1}, {0, 0, 0}},
			want:      []float64{0.8, (8.0/9 + 8.0/10) / 2, 0.8, (16.0/19 + 16.0/20) / 2, (16*rightOf3 + 4*wrongOf3) / 20},
			classes:   []Class{{8.0 / 9, 0.8, 16.0 / 19, 10}, {8.0 / 10, 0.8, 16.0 / 20, 10}, {}},
		},
		"no answers": {
			confusion: [][]int{{0, 0}, {0, 0}},
			want:      []float64{0, 0, 0, 0, 0},
			classes:   []Class{{}, {}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := tally(tc.confusion)
			var values []float64
			for _, m := range got.Metrics() {
				values = append(values, m.Value)
			}
			if diff := cmp.Diff(tc.want, values, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
				t.Errorf("metrics (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.classes, got.Classes(), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
				t.Errorf("classes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.confusion, got.Confusion); diff != "" {
				t.Errorf("confusion (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMetricNames(t *testing.T) {
	var names []string
	for _, m := range NewTally(2).Metrics() {
		names = append(names, m.Name)
	}
	want := []string{contract.MetricAccuracy, contract.MetricPrecision, contract.MetricRecall, contract.MetricF1, contract.MetricLoss}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestLossOfLargeLogits(t *testing.T) {
	got := NewTally(2)
	got.Add([]float32{1000, -1000}, 1)
	if diff := cmp.Diff(2000.0, got.Loss()); diff != "" {
		t.Errorf("loss (-want +got):\n%s", diff)
	}
}

func TestFirstOfEqualLogitsIsPredicted(t *testing.T) {
	if got := NewTally(3).Add([]float32{1, 2, 2}, 2); got != 1 {
		t.Errorf("predicted class %d, want 1", got)
	}
}
