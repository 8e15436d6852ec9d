// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package measures

import (
	"cmp"
	"slices"
)

// Ranking is how the scores of a class order images, from the highest score down.
type Ranking struct {
	// steps are the images at or above each score, in falling order of the scores. Images of equal score are one step.
	steps []step
}

// step counts the images at or above a score: those of the class, and the others.
type step struct {
	score              float64
	positive, negative int
}

// Rank orders images by their scores; positive says which of them are of the class. Both have the same length.
func Rank(scores []float64, positive []bool) Ranking {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	var r Ranking
	var above step
	for n, i := range order {
		if positive[i] {
			above.positive++
		} else {
			above.negative++
		}
		if n == len(order)-1 || scores[order[n+1]] != scores[i] {
			above.score = scores[i]
			r.steps = append(r.steps, above)
		}
	}
	return r
}

// all counts all images.
func (r Ranking) all() step {
	if len(r.steps) == 0 {
		return step{}
	}
	return r.steps[len(r.steps)-1]
}

// ROCAUC is the area under the receiver operating characteristic: the probability that an image of the class scores higher
// than another, where a tie counts half. There is none unless there are images of both kinds.
func (r Ranking) ROCAUC() (area float64, ok bool) {
	all := r.all()
	if all.positive == 0 || all.negative == 0 {
		return 0, false
	}
	var before step
	for _, s := range r.steps {
		area += float64(s.negative-before.negative) * float64(s.positive+before.positive) / 2
		before = s
	}
	return area / (float64(all.positive) * float64(all.negative)), true
}

// AveragePrecision sums up the precision at each score, weighted by the recall that is won there: the area under the
// precision-recall curve without interpolation. There is none without images of the class.
func (r Ranking) AveragePrecision() (sum float64, ok bool) {
	all := r.all()
	if all.positive == 0 {
		return 0, false
	}
	found := 0
	for _, s := range r.steps {
		sum += float64(s.positive-found) / float64(all.positive) * float64(s.positive) / float64(s.positive+s.negative)
		found = s.positive
	}
	return sum, true
}
