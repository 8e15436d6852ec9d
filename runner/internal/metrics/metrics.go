// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metrics measures a classifier's answers against the truth.
package metrics

import (
	"math"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Tally collects answers one by one.
type Tally struct {
	// Confusion counts answers by true class, then predicted class.
	Confusion [][]int
	loss      float64
	count     int
}

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
	for i, v := range logits {
		if v > logits[predicted] {
			predicted = i
		}
	}
	t.Confusion[label][predicted]++
	t.loss += crossEntropy(logits, label)
	t.count++
	return predicted
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
func (t *Tally) Count() int { return t.count }

// Loss is the mean cross-entropy.
func (t *Tally) Loss() float64 { return ratio(t.loss, float64(t.count)) }

// Accuracy is the share of right answers.
func (t *Tally) Accuracy() float64 {
	right := 0
	for i, row := range t.Confusion {
		right += row[i]
	}
	return ratio(float64(right), float64(t.count))
}

// Class is how well one class is recognised.
type Class struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	Support   int     `json:"support"` // images of the class
}

// Classes returns the figures of each class. A ratio with nothing to divide by is 0, as in scikit-learn.
func (t *Tally) Classes() []Class {
	classes := make([]Class, len(t.Confusion))
	for i, row := range t.Confusion {
		predicted := 0
		for _, other := range t.Confusion {
			predicted += other[i]
		}
		c := &classes[i]
		for _, n := range row {
			c.Support += n
		}
		c.Precision = ratio(float64(row[i]), float64(predicted))
		c.Recall = ratio(float64(row[i]), float64(c.Support))
		c.F1 = ratio(2*c.Precision*c.Recall, c.Precision+c.Recall)
	}
	return classes
}

// Metrics returns the metrics of the contract. Precision, recall and F1 are the plain means over the classes that there
// are images of.
func (t *Tally) Metrics() []contract.Metric {
	var precision, recall, f1, n float64
	for _, c := range t.Classes() {
		if c.Support == 0 {
			continue
		}
		precision += c.Precision
		recall += c.Recall
		f1 += c.F1
		n++
	}
	return []contract.Metric{
		{Name: contract.MetricAccuracy, Value: t.Accuracy()},
		{Name: contract.MetricPrecision, Value: ratio(precision, n)},
		{Name: contract.MetricRecall, Value: ratio(recall, n)},
		{Name: contract.MetricF1, Value: ratio(f1, n)},
		{Name: contract.MetricLoss, Value: t.Loss()},
	}
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
