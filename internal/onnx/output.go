// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"fmt"
	"math"
	"slices"
)

// Output says what the numbers mean that a classifier yields for an image.
type Output string

const (
	// OutputLogits is a number for each class; their softmax are the probabilities.
	OutputLogits Output = "logits"
	// OutputProbabilities is the probability of each class.
	OutputProbabilities Output = "probabilities"
	// OutputLogProbabilities is the natural logarithm of each class's probability.
	OutputLogProbabilities Output = "logProbabilities"
	// OutputSigmoid is one number, the probability of the second of two classes.
	OutputSigmoid Output = "sigmoid"
	// OutputLogit is one number, whose sigmoid is the probability of the second of two classes.
	OutputLogit Output = "logit"
)

// Outputs are the values that an Output may have.
var Outputs = []Output{OutputLogits, OutputProbabilities, OutputLogProbabilities, OutputSigmoid, OutputLogit}

// Validate reports whether o is one of Outputs, or empty.
func (o Output) Validate() error {
	if o != "" && !slices.Contains(Outputs, o) {
		return fmt.Errorf("%q is not known; it must be one of %q", o, Outputs)
	}
	return nil
}

// single reports whether there is one number for two classes.
func (o Output) single() bool { return o == OutputSigmoid || o == OutputLogit }

const (
	// leastProbability stands for all that are smaller: float32 has no logarithm for 0, and rounding decides on the rest.
	leastProbability = 1e-30
	// leastLogProbability stands for the logarithm of 0.
	leastLogProbability = -1000
)

// AppendLogits appends logits, numbers for each class whose softmax are the probabilities, of raw, which a network of
// this output has yielded for any number of images. Those of probabilities are their logarithms.
func (o Output) AppendLogits(logits, raw []float32) []float32 {
	for _, v := range raw {
		switch o {
		case OutputProbabilities:
			logits = append(logits, logarithm(float64(v)))
		case OutputLogProbabilities:
			logits = append(logits, max(v, leastLogProbability))
		case OutputSigmoid:
			logits = append(logits, logarithm(1-float64(v)), logarithm(float64(v)))
		case OutputLogit:
			logits = append(logits, 0, v)
		default:
			logits = append(logits, v)
		}
	}
	return logits
}

// logarithm is that of a probability. NaN stays NaN.
func logarithm(p float64) float32 { return float32(math.Log(max(p, leastProbability))) }
