// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package measures

import (
	"math"
	"sort"
)

// CalibrationError is the expected calibration error: how far the share of right answers lies from the confidence that they
// were given with, on average over the answers. Confidences, from 0 to 1, fall into equal bins, one on a boundary into the
// lower bin, as in scikit-learn's calibration_curve. Both slices have the same length; without answers it is 0.
func CalibrationError(confidences []float64, right []bool, bins int) float64 {
	boundaries := boundariesOf(bins)
	surplus := make([]float64, bins) // confidence without being right
	for i, confidence := range confidences {
		bin := sort.SearchFloat64s(boundaries, confidence)
		surplus[bin] += confidence
		if right[i] {
			surplus[bin]--
		}
	}
	sum := 0.0
	for _, s := range surplus {
		sum += math.Abs(s)
	}
	if len(confidences) == 0 {
		return 0
	}
	return sum / float64(len(confidences))
}

// boundariesOf returns where equal bins from 0 to 1 meet, as numpy.linspace computes it: a last digit decides where a
// confidence on a boundary falls.
func boundariesOf(bins int) []float64 {
	boundaries, width := make([]float64, bins-1), 1/float64(bins)
	for i := range boundaries {
		boundaries[i] = float64(i+1) * width
	}
	return boundaries
}

// Bin is what the answers of similar confidence came to.
type Bin struct {
	// Answers fell into it; Right of them were right. Confidence is their mean, 0 without any.
	Answers    int     `json:"answers"`
	Right      int     `json:"right"`
	Confidence float64 `json:"confidence"`
}

// Reliability sorts answers into bins as CalibrationError does.
func Reliability(confidences []float64, right []bool, bins int) []Bin {
	boundaries, sorted := boundariesOf(bins), make([]Bin, bins)
	for i, confidence := range confidences {
		bin := &sorted[sort.SearchFloat64s(boundaries, confidence)]
		bin.Answers++
		bin.Confidence += confidence
		if right[i] {
			bin.Right++
		}
	}
	for i := range sorted {
		sorted[i].Confidence = ratio(sorted[i].Confidence, float64(sorted[i].Answers))
	}
	return sorted
}
