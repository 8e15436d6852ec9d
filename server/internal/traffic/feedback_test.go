// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"errors"
	"strconv"
	"testing"
)

func TestFeedback(t *testing.T) {
	f := newFeedback()
	for i := range 3 {
		f.answered(&Request{ID: strconv.Itoa(i), Predictions: []Prediction{{Class: "cat"}}})
	}
	f.answered(&Request{ID: "several", Predictions: []Prediction{{Class: "cat"}, {Class: "dog"}}})
	f.answered(&Request{ID: "refused"})
	for _, tc := range []struct {
		id, label string
		right     bool
		err       error
	}{
		{"0", "cat", true, nil},
		{"1", "dog", false, nil},
		{"1", "cat", false, ErrLabeled},
		{"several", "cat", false, ErrSeveralImages},
		{"refused", "cat", false, ErrUnknownRequest},
		{"never", "cat", false, ErrUnknownRequest},
	} {
		if _, right, err := f.label(tc.id, tc.label); right != tc.right || !errors.Is(err, tc.err) {
			t.Errorf("label %s as %s: right %v, error %v", tc.id, tc.label, right, err)
		}
	}
	got := f.stats()
	if got.Labeled != 2 || got.Accuracy != 0.5 || got.Labels["cat"].Accuracy != 1 || got.Labels["dog"].Right != 0 {
		t.Errorf("stats = %+v", got)
	}
}

func TestFeedbackForgets(t *testing.T) {
	f := newFeedback()
	for range 2 {
		f.answered(&Request{ID: "again", Predictions: []Prediction{{Class: "cat"}}})
	}
	for i := range keptAnswers - 1 {
		f.answered(&Request{ID: strconv.Itoa(i), Predictions: []Prediction{{Class: "cat"}}})
	}
	if _, _, err := f.label("again", "cat"); err != nil {
		t.Errorf("of two requests of one id the last is kept: %v", err)
	}
	for i := range 3 * keptAnswers {
		f.answered(&Request{ID: "x" + strconv.Itoa(i), Predictions: []Prediction{{Class: "cat"}}})
	}
	if _, _, err := f.label("again", "cat"); !errors.Is(err, ErrUnknownRequest) {
		t.Errorf("one of long ago: %v", err)
	}
	if len(f.answers) != keptAnswers || len(f.ring) != keptAnswers {
		t.Errorf("kept %d and %d answers, want %d", len(f.answers), len(f.ring), keptAnswers)
	}
}
