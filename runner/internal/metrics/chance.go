// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/measures"
)

// Chance compares the accuracy with that of always guessing the class that most images are of. It is nil unless there are
// images of several classes.
func (t *Tally) Chance(classes []string) *contract.Chance {
	most, of, present := 0, 0, 0
	for class, row := range t.Confusion {
		images := 0
		for _, n := range row {
			images += n
		}
		if images > 0 {
			present++
		}
		if images > of {
			most, of = class, images
		}
	}
	if present < 2 {
		return nil
	}
	share := float64(of) / float64(t.Count())
	return &contract.Chance{
		Class: classes[most], Accuracy: share, Better: measures.BeatsGuessing(t.right(), t.Count(), share),
	}
}

// NoBetterThanChance says that the accuracy may be that of guessing; empty where it isn't.
func (t *Tally) NoBetterThanChance(classes []string) string {
	chance := t.Chance(classes)
	if chance == nil || chance.Better {
		return ""
	}
	return fmt.Sprintf("NoBetterThanChance: the accuracy, %.4g on %d images, is not higher than that of always guessing %q, %.4g, with a confidence of 99 %%: add images, check the labels, or train longer",
		t.Accuracy(), t.Count(), chance.Class, chance.Accuracy)
}
