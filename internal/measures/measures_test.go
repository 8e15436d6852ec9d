// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package measures

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// tolerance of scikit-learn's and SciPy's figures.
const tolerance = 1e-9

// recorded is what test/peers/measures/record.py wrote.
type recorded struct {
	Rankings []struct {
		Scores           []float64
		Positive         []bool
		ROCAUC           *float64 `json:"rocAUC"`
		AveragePrecision *float64
	}
	Confusions []struct {
		Confusion       [][]int
		Kappa           *float64
		Classes         []Class
		Macro, Weighted Averages
	}
	Calibrations []struct {
		Confidences []float64
		Right       []bool
		Bins        int
		Error       float64
	}
	Intervals []struct {
		Right, Answers        int
		Confidence, Low, High float64
	}
	Tails []struct {
		Right, Answers       int
		Probability, AtLeast float64
	}
}

func readRecorded(t *testing.T) (r recorded) {
	t.Helper()
	data, err := os.ReadFile("testdata/scikit-learn.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// comparison counts what it compares.
type comparison struct {
	*testing.T

	compared int
}

// figure compares a figure; want is nil where there is none.
func (c *comparison) figure(what string, n int, want *float64, got float64, ok bool) {
	c.Helper()
	c.compared++
	if ok != (want != nil) || ok && !(math.Abs(got-*want) <= tolerance) {
		c.Errorf("%s of case %d is %v (%v), want %v", what, n, got, ok, want)
	}
}

func (c *comparison) averages(what string, n int, want, got Averages) {
	c.Helper()
	c.figure(what+" precision", n, &want.Precision, got.Precision, true)
	c.figure(what+" recall", n, &want.Recall, got.Recall, true)
	c.figure(what+" F1", n, &want.F1, got.F1, true)
}

func TestAsScikitLearn(t *testing.T) {
	want := readRecorded(t)
	c := &comparison{T: t}
	for n, tc := range want.Rankings {
		ranking := Rank(tc.Scores, tc.Positive)
		area, ok := ranking.ROCAUC()
		c.figure("ROC-AUC", n, tc.ROCAUC, area, ok)
		precision, ok := ranking.AveragePrecision()
		c.figure("average precision", n, tc.AveragePrecision, precision, ok)
	}
	for n, tc := range want.Confusions {
		kappa, ok := Kappa(tc.Confusion)
		c.figure("kappa", n, tc.Kappa, kappa, ok)
		classes := Classes(tc.Confusion)
		for i, class := range classes {
			w := tc.Classes[i]
			c.averages("class", n, Averages{w.Precision, w.Recall, w.F1}, Averages{class.Precision, class.Recall, class.F1})
			if class.Support != w.Support {
				t.Errorf("support of class %d of case %d is %d, want %d", i, n, class.Support, w.Support)
			}
		}
		c.averages("macro", n, tc.Macro, Macro(classes))
		c.averages("weighted", n, tc.Weighted, Weighted(classes))
	}
	for n, tc := range want.Calibrations {
		c.figure("calibration error", n, &tc.Error, CalibrationError(tc.Confidences, tc.Right, tc.Bins), true)
	}
	for n, tc := range want.Intervals {
		low, high := Interval(tc.Right, tc.Answers, tc.Confidence)
		c.figure("low end", n, &tc.Low, low, true)
		c.figure("high end", n, &tc.High, high, true)
	}
	for n, tc := range want.Tails {
		c.figure("probability", n, &tc.AtLeast, AtLeast(tc.Right, tc.Answers, tc.Probability), true)
	}
	t.Logf("%d figures compared", c.compared)
	if c.compared < 800 {
		t.Errorf("%d figures compared: the recording is cut short", c.compared)
	}
}

// Without answers there is nothing to measure, and nothing fails.
func TestNoAnswers(t *testing.T) {
	c := &comparison{T: t}
	area, ok := Rank(nil, nil).ROCAUC()
	c.figure("ROC-AUC", 0, nil, area, ok)
	precision, ok := Rank(nil, nil).AveragePrecision()
	c.figure("average precision", 0, nil, precision, ok)
	kappa, ok := Kappa([][]int{{0, 0}, {0, 0}})
	c.figure("kappa", 0, nil, kappa, ok)
	zero, one := 0.0, 1.0
	c.figure("calibration error", 0, &zero, CalibrationError(nil, nil, 15), true)
	c.averages("macro", 0, Averages{}, Macro(Classes([][]int{{0, 0}, {0, 0}})))
	low, high := Interval(0, 0, 0.95)
	c.figure("low end", 0, &zero, low, true)
	c.figure("high end", 0, &one, high, true)
}

// The figures are those of scipy.stats.binomtest.
func TestGuessingAndWorsening(t *testing.T) {
	for _, tc := range []struct {
		answers int
		share   float64
		want    int
		ok      bool
	}{
		{8, 0.5, 8, true}, {60, 0.5, 40, true}, {1000, 0.5, 538, true}, {6, 0.5, 7, false}, {20, 1, 21, false}, {16, 0.95, 17, false},
	} {
		got, ok := FewestBeatingGuessing(tc.answers, tc.share)
		if got != tc.want || ok != tc.ok {
			t.Errorf("of %d answers %d must be right to beat %g (%t), want %d (%t)", tc.answers, got, tc.share, ok, tc.want, tc.ok)
		}
		if ok && (!BeatsGuessing(got, tc.answers, tc.share) || BeatsGuessing(got-1, tc.answers, tc.share)) {
			t.Errorf("%d of %d isn't the fewest that beats %g", got, tc.answers, tc.share)
		}
	}
	for _, tc := range []struct {
		lost, gained int
		want         float64
	}{
		{0, 0, 1}, {0, 9, 1}, {5, 0, 1. / 32}, {15, 5, 0.020694732666015625}, {7, 7, 0.604736328125},
	} {
		if got := Worsening(tc.lost, tc.gained); math.Abs(got-tc.want) > tolerance {
			t.Errorf("%d worse and %d better: %v, want %v", tc.lost, tc.gained, got, tc.want)
		}
	}
}
