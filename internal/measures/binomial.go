// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package measures

import (
	"sort"

	"gonum.org/v1/gonum/mathext"
)

// Interval returns between which shares of right answers the true share lies, with the given confidence, where of some
// answers so many were right: that of Clopper and Pearson, which is exact and never too narrow. Without answers that is
// from 0 to 1.
func Interval(right, answers int, confidence float64) (low, high float64) {
	outside := (1 - confidence) / 2
	low, high = 0, 1
	if right > 0 {
		low = mathext.InvRegIncBeta(float64(right), float64(answers-right+1), outside)
	}
	if right < answers {
		high = mathext.InvRegIncBeta(float64(right+1), float64(answers-right), 1-outside)
	}
	return low, high
}

// AtLeast is the probability that of some answers so many or more are right, where each is with the given probability.
func AtLeast(right, answers int, probability float64) float64 {
	if right <= 0 {
		return 1
	}
	return mathext.RegIncBeta(float64(right), float64(answers-right+1), probability)
}

// guessingLevel is how likely guessing may be to have as many answers right as count as better than guessing.
const guessingLevel = 0.01

// BeatsGuessing tells whether of some answers more are right than guessing explains, which has the given share of them
// right: by a one-sided test with a confidence of 99 %.
func BeatsGuessing(right, answers int, share float64) bool {
	return AtLeast(right, answers, share) <= guessingLevel
}

// FewestBeatingGuessing is how many of some answers must at least be right to beat guessing; ok is false where so few answers
// can't, even if all are right.
func FewestBeatingGuessing(answers int, share float64) (fewest int, ok bool) {
	fewest = sort.Search(answers+1, func(right int) bool { return BeatsGuessing(right, answers, share) })
	return fewest, fewest <= answers
}

// Worsening is how likely chance alone is to change so many answers to the worse, or more, of those that it changes at all:
// McNemar's exact test, one-sided. Lost are the answers that were right and aren't any more, gained those that are right now
// and weren't.
func Worsening(lost, gained int) float64 { return AtLeast(lost, lost+gained, 0.5) }
