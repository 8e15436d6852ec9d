// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"iter"
	"math"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/measures"
)

// maxScores bounds the logits that are kept, to 64 MiB. What is measured by probabilities is left out of more.
const maxScores = 16 << 20

// answers are logits and labels of all images, while they are few enough to be kept.
type answers struct {
	logits  []float32 // a row for each image
	labels  []int32
	softmax []softmax // of each image
	many    bool
}

// softmax is what turns an image's logits into probabilities: exp(logit - top) / sum.
type softmax struct{ top, sum float64 }

func (s softmax) of(logit float32) float64 { return math.Exp(float64(logit)-s.top) / s.sum }

func (a *answers) add(logits []float32, label int) {
	if a.many = a.many || len(a.logits)+len(logits) > maxScores; a.many {
		a.logits, a.labels, a.softmax = nil, nil, nil
		return
	}
	s := softmax{top: float64(slices.Max(logits))}
	for _, v := range logits {
		s.sum += math.Exp(float64(v) - s.top)
	}
	a.logits, a.labels, a.softmax = append(a.logits, logits...), append(a.labels, int32(label)), append(a.softmax, s)
}

// probabilities are the softmax of row i of the logits divided by temperature, in the given slice.
func (a *answers) probabilities(i int, row []float64, temperature float64) {
	logits := a.logits[i*len(row) : (i+1)*len(row)]
	top := float64(slices.Max(logits))
	sum := 0.0
	for class, v := range logits {
		row[class] = math.Exp((float64(v) - top) / temperature)
		sum += row[class]
	}
	for class := range row {
		row[class] /= sum
	}
}

// Answer is one answer.
type Answer struct {
	// Label is the image's class, Predicted the one that it was taken for.
	Label, Predicted int
	// Probabilities are those of the classes; the next answer overwrites them.
	Probabilities []float64
}

// Right tells whether the image was taken for what it is.
func (a Answer) Right() bool { return a.Label == a.Predicted }

// Confidence is the probability of the predicted class.
func (a Answer) Confidence() float64 { return a.Probabilities[a.Predicted] }

// Answers yields the answers in the order in which they were added; none if there are too many to be kept.
func (t *Tally) Answers() iter.Seq[Answer] {
	return func(yield func(Answer) bool) {
		a, row := &t.answers, make([]float64, len(t.Confusion))
		for i, label := range a.labels {
			logits := a.logits[i*len(row) : (i+1)*len(row)]
			for class, v := range logits {
				row[class] = a.softmax[i].of(v)
			}
			if !yield(Answer{Label: int(label), Predicted: argmax(logits), Probabilities: row}) {
				return
			}
		}
	}
}

// Reliability sorts the answers by their confidence, into the bins of the calibration error.
func (t *Tally) Reliability() []measures.Bin {
	confidences, right := t.confidences()
	return measures.Reliability(confidences, right, calibrationBins)
}

// Ranking orders the images by the probability of a class.
func (t *Tally) Ranking(class int) measures.Ranking {
	a, classes := &t.answers, len(t.Confusion)
	scores, positive := make([]float64, len(a.labels)), make([]bool, len(a.labels))
	for i, label := range a.labels {
		scores[i], positive[i] = a.softmax[i].of(a.logits[i*classes+class]), int(label) == class
	}
	return measures.Rank(scores, positive)
}

// rank adds to the classes what follows from the order of their probabilities.
func (t *Tally) rank(classes []measures.Class) {
	for class := range classes {
		if classes[class].Support == 0 {
			continue
		}
		ranking := t.Ranking(class)
		if area, ok := ranking.ROCAUC(); ok {
			classes[class].ROCAUC = &area
		}
		if precision, ok := ranking.AveragePrecision(); ok {
			classes[class].AveragePrecision = &precision
		}
	}
}

// confidences are those of the answers, and whether they were right.
func (t *Tally) confidences() (confidences []float64, right []bool) {
	for a := range t.Answers() {
		confidences, right = append(confidences, a.Confidence()), append(right, a.Right())
	}
	return confidences, right
}
