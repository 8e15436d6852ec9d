// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"math"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/measures"
)

const (
	// maxScores bounds the logits that are kept, to 64 MiB. What is measured by probabilities is left out of more.
	maxScores = 16 << 20
	// calibrationBins is how many Guo et al. (2017) sort confidences into.
	calibrationBins = 15
)

// answers are logits and labels of all images, while they are few enough to be kept.
type answers struct {
	logits []float32 // a row for each image
	labels []int32
	many   bool
}

func (a *answers) add(logits []float32, label int) {
	if a.many = a.many || len(a.logits)+len(logits) > maxScores; a.many {
		a.logits, a.labels = nil, nil
		return
	}
	a.logits, a.labels = append(a.logits, logits...), append(a.labels, int32(label))
}

// probabilities are the softmax of row i of the logits, in the given slice.
func (a *answers) probabilities(i int, row []float64) {
	logits := a.logits[i*len(row) : (i+1)*len(row)]
	top := float64(slices.Max(logits))
	sum := 0.0
	for class, v := range logits {
		row[class] = math.Exp(float64(v) - top)
		sum += row[class]
	}
	for class := range row {
		row[class] /= sum
	}
}

// rank adds to the classes what follows from the order of their probabilities.
func (t *Tally) rank(classes []measures.Class) {
	a := &t.answers
	scores, positive, row := make([]float64, len(a.labels)), make([]bool, len(a.labels)), make([]float64, len(classes))
	for class := range classes {
		if classes[class].Support == 0 {
			continue
		}
		for i, label := range a.labels {
			a.probabilities(i, row)
			scores[i], positive[i] = row[class], int(label) == class
		}
		ranking := measures.Rank(scores, positive)
		if area, ok := ranking.ROCAUC(); ok {
			classes[class].ROCAUC = &area
		}
		if precision, ok := ranking.AveragePrecision(); ok {
			classes[class].AveragePrecision = &precision
		}
	}
}

// calibrationError measures the confidence that each answer was given with: the probability of its class.
func (t *Tally) calibrationError() (value float64, ok bool) {
	a := &t.answers
	confidences, right, row := make([]float64, len(a.labels)), make([]bool, len(a.labels)), make([]float64, len(t.Confusion))
	for i, label := range a.labels {
		a.probabilities(i, row)
		confidences[i] = slices.Max(row)
		right[i] = argmax(a.logits[i*len(row):(i+1)*len(row)]) == int(label)
	}
	return measures.CalibrationError(confidences, right, calibrationBins), len(a.labels) > 0
}
