// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metrics measures a classifier's answers against the truth.
package metrics

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/measures"
)

// Tally collects answers one by one.
type Tally struct {
	// Confusion counts answers by true class, then predicted class.
	Confusion [][]int

	loss    float64
	answers answers
}

// confidence of the interval of the accuracy.
const confidence = 0.95

// NewTally returns an empty tally for a number of classes.
func NewTally(classes int) *Tally {
	t := &Tally{Confusion: make([][]int, classes)}
	for i := range t.Confusion {
		t.Confusion[i] = make([]int, classes)
	}
	return t
}

// Add counts one answer, the logits of an image of the given class. It returns the class that the logits are highest
// for, the first of several.
func (t *Tally) Add(logits []float32, label int) (predicted int) {
	predicted = argmax(logits)
	t.Confusion[label][predicted]++
	t.loss += crossEntropy(logits, label)
	t.answers.add(logits, label)
	return predicted
}

func argmax(logits []float32) (highest int) {
	for i, v := range logits {
		if v > logits[highest] {
			highest = i
		}
	}
	return highest
}

// crossEntropy is -log softmax(logits)[label], computed so that no exponential overflows.
func crossEntropy(logits []float32, label int) float64 {
	top := math.Inf(-1)
	for _, v := range logits {
		top = max(top, float64(v))
	}
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - top)
	}
	return math.Log(sum) + top - float64(logits[label])
}

// Count is the number of answers.
func (t *Tally) Count() int {
	count := 0
	for _, row := range t.Confusion {
		for _, n := range row {
			count += n
		}
	}
	return count
}

// right is the number of right answers.
func (t *Tally) right() int {
	right := 0
	for i, row := range t.Confusion {
		right += row[i]
	}
	return right
}

// Loss is the mean cross-entropy.
func (t *Tally) Loss() float64 { return ratio(t.loss, float64(t.Count())) }

// Accuracy is the share of right answers.
func (t *Tally) Accuracy() float64 { return ratio(float64(t.right()), float64(t.Count())) }

// Classes returns the figures of each class.
func (t *Tally) Classes() []measures.Class {
	classes := measures.Classes(t.Confusion)
	t.rank(classes)
	return classes
}

// Metrics returns the metrics of the contract. Averages are over the classes that there are images of, and what can't be
// measured is left out.
func (t *Tally) Metrics() []contract.Metric {
	classes := t.Classes()
	macro, weighted := measures.Macro(classes), measures.Weighted(classes)
	accuracy := contract.Metric{Name: contract.MetricAccuracy, Value: t.Accuracy()}
	accuracy.Interval.Low, accuracy.Interval.High = measures.Interval(t.right(), t.Count(), confidence)
	metrics := []contract.Metric{
		accuracy,
		{Name: contract.MetricPrecision, Value: macro.Precision},
		{Name: contract.MetricRecall, Value: macro.Recall},
		{Name: contract.MetricF1, Value: macro.F1},
		{Name: contract.MetricLoss, Value: t.Loss()},
		{Name: contract.MetricWeightedPrecision, Value: weighted.Precision},
		{Name: contract.MetricWeightedRecall, Value: weighted.Recall},
		{Name: contract.MetricWeightedF1, Value: weighted.F1},
	}
	add := func(name string, value float64, ok bool) {
		if ok {
			metrics = append(metrics, contract.Metric{Name: name, Value: value})
		}
	}
	area, ok := mean(classes, func(c measures.Class) *float64 { return c.ROCAUC })
	add(contract.MetricROCAUC, area, ok)
	precision, ok := mean(classes, func(c measures.Class) *float64 { return c.AveragePrecision })
	add(contract.MetricPRAUC, precision, ok)
	kappa, ok := measures.Kappa(t.Confusion)
	add(contract.MetricKappa, kappa, ok)
	calibration, ok := t.CalibrationError(1)
	add(contract.MetricCalibrationError, calibration, ok)
	return metrics
}

// mean is that of a figure over the classes that have it.
func mean(classes []measures.Class, of func(measures.Class) *float64) (value float64, ok bool) {
	sum, n := 0.0, 0
	for _, c := range classes {
		if v := of(c); v != nil {
			sum += *v
			n++
		}
	}
	return ratio(sum, float64(n)), n > 0
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
