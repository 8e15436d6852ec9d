// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"encoding/json"
	"math"
	"os"
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

// figures are the metrics by their names.
func figures(t *Tally) map[string]float64 {
	byName := map[string]float64{}
	for _, m := range t.Metrics() {
		byName[m.Name] = m.Value
	}
	return byName
}

// A metric that can't be measured is left out; sums of no answers are 0.
func TestMetricsOfDegenerateAnswers(t *testing.T) {
	certain := -math.Log(math.E / (math.E + 1))
	cases := map[string]struct {
		confusion [][]int
		want      map[string]float64
	}{
		"no answers": {[][]int{{0, 0}, {0, 0}}, map[string]float64{
			"accuracy": 0, "precision": 0, "recall": 0, "f1": 0, "loss": 0, "weightedPrecision": 0, "weightedRecall": 0, "weightedF1": 0,
		}},
		"one class": {[][]int{{5, 0}, {0, 0}}, map[string]float64{
			"accuracy": 1, "precision": 1, "recall": 1, "f1": 1, "loss": certain, "weightedPrecision": 1, "weightedRecall": 1, "weightedF1": 1,
			"prAUC": 1, "calibrationError": 1 - math.Exp(-certain),
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := tally(tc.confusion)
			if diff := cmp.Diff(tc.want, figures(got), cmpopts.EquateApprox(0, 1e-12)); diff != "" {
				t.Errorf("metrics (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.confusion, got.Confusion); diff != "" {
				t.Errorf("confusion (-want +got):\n%s", diff)
			}
		})
	}
}

// testdata/scikit-learn.json is what test/peers/measures/record.py wrote.
func TestMetricsAsScikitLearn(t *testing.T) {
	data, err := os.ReadFile("testdata/scikit-learn.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Logits  [][]float32
		Labels  []int
		Metrics map[string]*float64
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for n, tc := range cases {
		tally := NewTally(len(tc.Logits[0]))
		for i, logits := range tc.Logits {
			tally.Add(logits, tc.Labels[i])
		}
		got := figures(tally)
		for name, want := range tc.Metrics {
			value, ok := got[name]
			if ok != (want != nil) || ok && !(math.Abs(value-*want) <= 1e-9) {
				t.Errorf("%s of case %d is %v (%v), want %v", name, n, value, ok, want)
			}
			delete(got, name)
			compared++
		}
		if len(got) > 0 {
			t.Errorf("case %d has metrics that scikit-learn was not asked for: %v", n, got)
		}
	}
	t.Logf("%d figures compared", compared)
	if compared < 300 {
		t.Errorf("%d figures compared: the recording is cut short", compared)
	}
}

func TestClassesAreRanked(t *testing.T) {
	tally := NewTally(3)
	for label, logits := range [][]float32{{3, 1, 0}, {1, 2, 0}, {2, 0, 0}, {0, 1, 0}} {
		tally.Add(logits, label%2)
	}
	got := tally.Classes()
	if got[0].ROCAUC == nil || *got[0].ROCAUC != 1 || got[1].AveragePrecision == nil || *got[1].AveragePrecision != 1 {
		t.Errorf("classes %+v are told apart without a mistake, want areas of 1", got[:2])
	}
	if got[2].ROCAUC != nil || got[2].AveragePrecision != nil {
		t.Errorf("class %+v without images has an area", got[2])
	}
}

// The interval says how much a figure of few images is worth.
func TestAccuracyHasAnInterval(t *testing.T) {
	few, many := tally([][]int{{49, 1}, {1, 49}}).Metrics()[0], tally([][]int{{4900, 100}, {100, 4900}}).Metrics()[0]
	want := map[string]contract.Interval{"few": {Low: 0.92961, High: 0.99757}, "many": {Low: 0.97706, High: 0.98266}}
	got := map[string]contract.Interval{"few": few.Interval, "many": many.Interval}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-5)); diff != "" || few.Value != many.Value {
		t.Errorf("intervals of %v and %v (-want +got):\n%s", few.Value, many.Value, diff)
	}
}

// Beyond what is kept in memory, what needs no probabilities is measured all the same.
func TestManyAnswers(t *testing.T) {
	tally := tally([][]int{{3, 1}, {1, 3}})
	before := figures(tally)
	tally.Add(make([]float32, maxScores), 0)
	for _, name := range []string{contract.MetricROCAUC, contract.MetricPRAUC, contract.MetricCalibrationError} {
		if _, ok := before[name]; !ok {
			t.Errorf("%s is not measured of few answers", name)
		}
		delete(before, name)
	}
	tally.Confusion[0][0]--
	after := figures(tally)
	delete(before, contract.MetricLoss)
	delete(after, contract.MetricLoss)
	if diff := cmp.Diff(before, after); diff != "" || tally.answers.logits != nil {
		t.Errorf("metrics of many answers (-few +many):\n%s", diff)
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

func TestCalibrated(t *testing.T) {
	tally := NewTally(2)
	for i := range 4 { // three of four are right, and sure: ln 3 apart they would be as sure as they should
		tally.Add([]float32{4, 0}, i/3)
	}
	temperature, ok := tally.Temperature()
	if want := 4 / math.Log(3); !ok || math.Abs(temperature-want) > 1e-9 {
		t.Fatalf("temperature is %v (%t), want %v", temperature, ok, want)
	}
	got, ok := tally.Calibrated(temperature)
	want := Calibrated{
		Images: 4, Loss: tally.Loss(), CalibratedLoss: -0.75*math.Log(0.75) - 0.25*math.Log(0.25),
		CalibrationError: 1/(1+math.Exp(-4)) - 0.75,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-9)); diff != "" || !ok {
		t.Errorf("calibrated (-want +got):\n%s", diff)
	}
	before, after := tally.CalibratedMetrics(0), tally.CalibratedMetrics(temperature)
	if diff := cmp.Diff(tally.Metrics(), before); diff != "" {
		t.Errorf("without a temperature (-want +got):\n%s", diff)
	}
	added := after[len(before):]
	if len(added) != 2 || added[0] != (contract.Metric{Name: "temperature", Value: temperature}) || added[1].Name != "calibratedError" || added[1].Value > 1e-9 {
		t.Errorf("with a temperature there are %v", added)
	}
	if _, ok := NewTally(2).Calibrated(2); ok {
		t.Error("no answers are calibrated")
	}
}
