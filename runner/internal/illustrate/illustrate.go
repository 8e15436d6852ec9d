// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package illustrate picks the pictures of a run's report: what the model got wrong and what it looked at there, what each
// cell of the confusion matrix holds, and what augmentation makes of an image.
package illustrate

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/model"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

const (
	// maxBytes bounds the encoded pictures of a report, which are a third more in the page.
	maxBytes = 1 << 20
	// maxCells is how many test images are picked for the cells of the confusion matrix, and maxCell for each.
	maxCells, maxCell = 96, 12
	// draws of each augmentation are shown, of one image.
	draws = 5
)

// Run is a run to illustrate.
type Run struct {
	// Tally has the answers to the images of Test, in their order.
	Tally *metrics.Tally
	Test  dataset.Subset
	// Train and Augmentation are what it was trained on.
	Train        dataset.Subset
	Augmentation dataset.Augmentation
	// Network is the trained one, for its activation maps.
	Network *model.Network
	// Shown: pictures may be shown, not only their names.
	Shown bool
}

// Fill adds mistakes, cells and augmentations to details. If it fails, details have no pictures.
func (r Run) Fill(ctx context.Context, details *report.Details) error {
	answered := r.answers()
	mistakes, cells := pickMistakes(answered), pickCells(answered)
	details.Mistakes, details.Cells = named(mistakes), named(cells)
	if !r.Shown {
		details.Pictures = report.PicturesDisabled
		return nil
	}
	details.Pictures = report.PicturesFailed
	p := &painter{run: r, left: maxBytes}
	augmentations, err := p.augmentations(ctx)
	if err != nil {
		return fmt.Errorf("draw examples of the augmentation: %w", err)
	}
	withPictures := [2][]report.Picture{slices.Clone(details.Mistakes), slices.Clone(details.Cells)}
	for i, picked := range [][]answer{mistakes, cells} {
		for j, a := range picked {
			if err := p.paint(ctx, &withPictures[i][j], a.sample); err != nil {
				return fmt.Errorf("draw test image %s: %w", withPictures[i][j].Name, err)
			}
		}
	}
	for i, a := range mistakes {
		if withPictures[0][i].Map, err = p.look(ctx, a); err != nil {
			return fmt.Errorf("find out what the network looked at in %s: %w", withPictures[0][i].Name, err)
		}
	}
	details.Mistakes, details.Cells, details.Augmentations = withPictures[0], withPictures[1], augmentations
	details.Maps = slices.ContainsFunc(details.Mistakes, func(p report.Picture) bool { return p.Map != nil })
	details.Pictures = report.PicturesShown
	return nil
}

// answer is a test image and what it was taken for.
type answer struct {
	report.Picture

	sample int // index into the dataset
}

func (r Run) answers() []answer {
	suspects := report.Suspects(r.Tally)
	answers := make([]answer, 0, len(suspects))
	for a := range r.Tally.Answers() {
		n := len(answers)
		sample := r.Test.Indices[n]
		answers = append(answers, answer{sample: sample, Picture: report.Picture{
			Name: dataset.Shown(r.Test.Dataset.Samples[sample].Name), Label: a.Label, Predicted: a.Predicted,
			Confidence: a.Confidence(), Probability: a.Probabilities[a.Label], Suspect: suspects[n],
		}})
	}
	slices.SortStableFunc(answers, func(a, b answer) int { return cmp.Compare(b.Confidence, a.Confidence) })
	return answers
}

// pickMistakes returns the most confident mistakes.
func pickMistakes(answers []answer) []answer {
	var wrong []answer
	for _, a := range answers {
		if a.Label != a.Predicted && len(wrong) < report.MaxMistakes {
			wrong = append(wrong, a)
		}
	}
	return wrong
}

// pickCells returns images of all cells of the confusion matrix: first one of each, the cells of mistakes before the
// others, then a second of each, and so on.
func pickCells(answers []answer) []answer {
	type cell struct{ label, predicted int }
	byCell := map[cell][]answer{}
	var cells []cell
	for _, a := range answers {
		at := cell{a.Label, a.Predicted}
		if byCell[at] == nil {
			cells = append(cells, at)
		}
		if len(byCell[at]) < maxCell {
			byCell[at] = append(byCell[at], a)
		}
	}
	right := func(c cell) int {
		if c.label == c.predicted {
			return 1
		}
		return 0
	}
	slices.SortFunc(cells, func(a, b cell) int {
		return cmp.Or(cmp.Compare(right(a), right(b)), cmp.Compare(a.label, b.label), cmp.Compare(a.predicted, b.predicted))
	})
	var picked []answer
	for n := range maxCell {
		for _, at := range cells {
			if n < len(byCell[at]) && len(picked) < maxCells {
				picked = append(picked, byCell[at][n])
			}
		}
	}
	return picked
}

func named(answers []answer) []report.Picture {
	var pictures []report.Picture
	for _, a := range answers {
		pictures = append(pictures, a.Picture)
	}
	return pictures
}
