// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package classifier

import "math"

// Softmax returns the probabilities of the classes, which sum to 1.
func Softmax(logits []float32) []float64 { return SoftmaxAt(logits, 1) }

// SoftmaxAt is Softmax of the logits divided by a temperature above 0.
func SoftmaxAt(logits []float32, temperature float64) []float64 {
	greatest := math.Inf(-1)
	for _, v := range logits {
		greatest = max(greatest, float64(v))
	}
	probabilities := make([]float64, len(logits))
	var sum float64
	for i, v := range logits {
		probabilities[i] = math.Exp((float64(v) - greatest) / temperature) // never overflows
		sum += probabilities[i]
	}
	for i := range probabilities {
		probabilities[i] /= sum
	}
	return probabilities
}

// ArgMax returns the index of the greatest value, the first of equal ones.
func ArgMax[T float32 | float64](values []T) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}
