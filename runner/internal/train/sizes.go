// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// unbalanced is how many times as many images as the smallest class the largest may have without a warning.
const unbalanced = 10

// weigh weighs the classes, and says what is special about their sizes.
func (r *attempt) weigh(d *data) {
	trained := d.split.Train.ClassCounts()
	if r.cfg.Training.ClassWeights == contract.ClassWeightsBalanced {
		d.weights = balanced(trained)
	}
	if slices.Min(trained) != slices.Max(trained) {
		d.sizes = sizesOf(d)
		r.log.Info("The classes have different numbers of training images", "classes", listSizes(d.sizes), "classWeights", cmp.Or(r.cfg.Training.ClassWeights, "None"))
	}
	warnings := sizeWarnings(d)
	for _, warning := range warnings {
		r.log.Warn("Dataset: " + warning)
	}
	d.dataset.Warnings = append(d.dataset.Warnings, warnings...)
}

// balanced are weights by which classes of n images each count alike: images / (classes × n), as scikit-learn's.
func balanced(counts []int) []float32 {
	total := 0
	for _, n := range counts {
		total += n
	}
	weights := make([]float32, len(counts))
	for i, n := range counts {
		weights[i] = float32(float64(total) / float64(len(counts)*n))
	}
	return weights
}

// learned is how many training images of each class the loss counts, or as if.
func (d *data) learned() []int {
	if d.weights == nil {
		return d.split.Train.ClassCounts()
	}
	return slices.Repeat([]int{1}, len(d.dataset.Classes))
}

// sizesOf are the sizes of all classes, the one with the fewest training images first.
func sizesOf(d *data) []contract.ClassSize {
	train, validation, test := d.split.Train.ClassCounts(), d.split.Validation.ClassCounts(), d.split.Test.ClassCounts()
	sizes := make([]contract.ClassSize, len(d.dataset.Classes))
	for i, class := range d.dataset.Classes {
		sizes[i] = contract.ClassSize{Class: class, Train: train[i], Validation: validation[i], Test: test[i]}
		if d.weights != nil {
			sizes[i].Weight = float64(d.weights[i])
		}
	}
	slices.SortStableFunc(sizes, func(a, b contract.ClassSize) int { return cmp.Compare(a.Train, b.Train) })
	return sizes
}

// shortSizes are as many sizes as a result holds: the smallest, and the largest.
func shortSizes(sizes []contract.ClassSize) []contract.ClassSize {
	if len(sizes) <= contract.MaxClassSizes {
		return sizes
	}
	return append(slices.Clone(sizes[:contract.MaxClassSizes-1]), sizes[len(sizes)-1])
}

// listSizes shows sizes in a line.
func listSizes(sizes []contract.ClassSize) string {
	var shown []string
	for _, size := range shortSizes(sizes) {
		shown = append(shown, fmt.Sprintf("%s %d", size.Class, size.Train))
	}
	if more := len(sizes) - len(shown); more > 0 {
		shown = slices.Insert(shown, len(shown)-1, fmt.Sprintf("(%d more)", more))
	}
	return strings.Join(shown, ", ")
}

// sizeWarnings are what people should know of the sizes of classes, a sentence each.
func sizeWarnings(d *data) []string {
	var warnings []string
	if n := len(d.sizes); n > 0 && d.weights == nil {
		least, most := d.sizes[0], d.sizes[n-1]
		if most.Train >= unbalanced*least.Train {
			warnings = append(warnings, fmt.Sprintf("there are %d training images of class %q and %d of %q: set training.classWeights to %s, or add images",
				least.Train, least.Class, most.Train, most.Class, contract.ClassWeightsBalanced))
		}
	}
	for _, part := range []struct {
		name, field, means string
		subset             dataset.Subset
	}{
		{"validation", "split.validationPercent", "it alone says how well the class is known when the best epoch is chosen", d.split.Validation},
		{"test", "split.testPercent", "it alone decides the figures of the class", d.split.Test},
	} {
		var single []string
		for i, n := range part.subset.ClassCounts() {
			if n == 1 {
				single = append(single, d.dataset.Classes[i])
			}
		}
		if len(single) > 0 {
			warnings = append(warnings, fmt.Sprintf("%d of %d classes, the first being %q, have one image in the %s part: %s: add images, or raise %s",
				len(single), len(d.dataset.Classes), single[0], part.name, part.means, part.field))
		}
	}
	return warnings
}
