// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package measures

// Kappa is Cohen's: how much of the agreement between truth and answers is more than chance would bring. Confusion counts
// images by true class, then predicted class. There is none where chance leaves nothing to disagree on: one class is all
// that there is on both sides.
func Kappa(confusion [][]int) (kappa float64, ok bool) {
	actual, predicted := make([]float64, len(confusion)), make([]float64, len(confusion))
	total, wrong := 0.0, 0.0
	for label, row := range confusion {
		for answer, n := range row {
			actual[label] += float64(n)
			predicted[answer] += float64(n)
			total += float64(n)
			if answer != label {
				wrong += float64(n)
			}
		}
	}
	if total == 0 {
		return 0, false
	}
	wrongByChance := 0.0
	for label, a := range actual {
		for answer, p := range predicted {
			if answer != label {
				wrongByChance += a * p / total
			}
		}
	}
	if wrongByChance == 0 {
		return 0, false
	}
	return 1 - wrong/wrongByChance, true
}
