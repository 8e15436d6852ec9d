// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package measures

import "gonum.org/v1/gonum/mathext"

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
