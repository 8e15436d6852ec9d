// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/engine/graph"
)

// answers are what a network yields for probes, one after the other.
type answers [][]float32

// probeScales are the sizes of the probes' numbers. The first probe is all zeros; inputs are about as large as the second.
var probeScales = []float64{0, 1, 0.3, 3}

// probe asks a network about images of noise and returns what it answers, of the width given, with finite numbers. It
// returns the first answer in any case.
func probe(program *graph.Program, inputLen, width int) (answers, error) {
	random := rand.New(rand.NewPCG(1, 2)) // the same for each start
	input := make([]float32, inputLen)
	var found answers
	for _, scale := range probeScales {
		mean := scale * random.NormFloat64()
		for i := range input {
			input[i] = float32(mean + scale*random.NormFloat64())
		}
		output := make([]float32, width)
		if err := program.Run(input, 1, output); err != nil {
			return nil, err
		}
		if len(found) == 0 || !slices.ContainsFunc(output, func(v float32) bool { return math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) }) {
			found = append(found, output)
		}
	}
	return found, nil
}

// differ reports whether the answers are not all the same.
func (a answers) differ() bool {
	return slices.ContainsFunc(a, func(values []float32) bool { return !slices.Equal(values, a[0]) })
}

// sumTolerance is how far the sum of probabilities may be from 1.
const sumTolerance = 1e-3

// fit reports whether all answers can be of the output o. If loose, they are rounded to 8 bits and needn't sum to 1.
func (a answers) fit(o Output, loose bool) bool {
	return !slices.ContainsFunc(a, func(values []float32) bool { return !fits(values, o, loose) })
}

func fits(values []float32, o Output, loose bool) bool {
	sum := 0.0
	for _, v := range values {
		p := float64(v)
		switch o {
		case OutputLogits, OutputLogit:
			continue
		case OutputLogProbabilities:
			p = math.Exp(p)
		}
		if !(p >= -sumTolerance && p <= 1+sumTolerance) {
			return false
		}
		sum += p
	}
	distribution := o == OutputProbabilities || o == OutputLogProbabilities
	return loose || !distribution || math.Abs(sum-1) <= sumTolerance
}

// shownValues is how many numbers of an answer an error shows.
const shownValues = 4

// shown are the first numbers of an answer, for an error.
func shown(values []float32) string {
	if len(values) <= shownValues {
		return fmt.Sprintf("%.4g", values)
	}
	return fmt.Sprintf("%.4g and %d more numbers", values[:shownValues], len(values)-shownValues)
}
