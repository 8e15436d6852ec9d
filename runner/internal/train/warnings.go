// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"fmt"
	"math"
	"slices"

	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

const (
	// explosion is how many times the loss of guessing is no overfitting any more: weights that grow without bound
	// give that and more for some epochs before they overflow, if they ever do.
	explosion = 10
	// relapse is how many times the least loss so far shows the same, once it exceeds that of guessing.
	relapse = 10
	// learned is the part of the loss of guessing by the classes' shares below which a network knows more than these.
	learned = 0.98
)

// guessing is the mean cross-entropy of giving every class the same probability.
func guessing(classes int) float64 { return math.Log(float64(classes)) }

// entropy is the least mean cross-entropy of an answer that doesn't depend on the image, for images of classes in the
// given numbers.
func entropy(counts []int) float64 {
	total, sum := 0, 0.0
	for _, n := range counts {
		total += n
	}
	for _, n := range counts {
		if share := float64(n) / float64(total); share > 0 {
			sum -= share * math.Log(share)
		}
	}
	return sum
}

// exploded says that the loss grew out of bounds in the last epoch of history; it is empty if it didn't. A loss that is
// not finite ends the run elsewhere.
func exploded(history []report.Epoch, classes int, learningRate float64) string {
	last, earlier := history[len(history)-1], history[:len(history)-1]
	guess := guessing(classes)
	loss, of := last.TrainLoss, "training"
	if last.ValidationLoss > loss {
		loss, of = last.ValidationLoss, "validation"
	}
	if loss > explosion*guess {
		return fmt.Sprintf("the loss explodes: it is %.4g on %s images in epoch %d, and guessing gives %.2g: lower training.learningRate (%v)",
			loss, of, len(history), guess, learningRate)
	}
	for i, epoch := range earlier {
		if last.TrainLoss > guess && last.TrainLoss > relapse*epoch.TrainLoss {
			return fmt.Sprintf("the loss explodes: on training images it is %.4g in epoch %d, after %.4g in epoch %d: lower training.learningRate (%v)",
				last.TrainLoss, len(history), epoch.TrainLoss, i+1, learningRate)
		}
	}
	return ""
}

// outcome is what a training came to.
type outcome struct {
	history      []report.Epoch
	divergences  []report.Divergence
	trained      []int // training images by class, as the loss counts them
	classes      []string
	tally        *metrics.Tally // of the published model, on the test split
	learningRate float64
}

// warnings says what is wrong with a model that is published all the same, since only its gates decide on that.
func (o outcome) warnings() []string {
	var warnings []string
	if n := len(o.divergences); n > 0 {
		last := o.divergences[n-1]
		warnings = append(warnings, fmt.Sprintf(
			"training diverged, last in epoch %d after %d steps in all, went back %d times, and ended with 1/%d of the rate: lower training.learningRate (%v)",
			last.Epoch, last.Step, n, 1<<n, o.learningRate))
	}
	for n := range o.history {
		if w := exploded(o.history[:n+1], len(o.classes), o.learningRate); w != "" {
			warnings = append(warnings, w) // the first epoch says where it began
			break
		}
	}
	least := math.Inf(1)
	for _, epoch := range o.history {
		least = min(least, epoch.TrainLoss, epoch.ValidationLoss)
	}
	if floor := entropy(o.trained); least >= learned*floor {
		warnings = append(warnings, fmt.Sprintf(
			"the network has learned nothing: its loss never fell below %.4g, and answers that ignore the image give %.4g: check the labels, training.learningRate (%v) and training.epochs (%d)",
			least, floor, o.learningRate, len(o.history)))
	}
	if class, only := onlyPrediction(o.tally); only {
		warnings = append(warnings, fmt.Sprintf("the model takes every test image for %q", o.classes[class]))
	}
	if w := o.tally.NoBetterThanChance(o.classes); w != "" {
		warnings = append(warnings, w)
	}
	return warnings
}

// warnings returns, and logs, what is odd about a model that is to be published, after what is odd about its data, which
// has been logged.
func (r *attempt) warnings(t *trainer, data *data, out *exported) []string {
	found := outcome{
		history: t.state.History, trained: data.learned(), classes: data.dataset.Classes, tally: out.tally,
		learningRate: t.cfg.LearningRate, divergences: t.state.Divergences,
	}.warnings()
	if c := out.calibration; c != nil && c.Warning != "" {
		found = append(found, c.Warning)
	}
	for _, warning := range found {
		r.log.Warn("Model: " + warning)
	}
	return slices.Concat(data.dataset.Warnings, found)
}

// onlyPrediction returns the class that all images of several are taken for, if there is one.
func onlyPrediction(tally *metrics.Tally) (class int, only bool) {
	predicted, actual := map[int]bool{}, map[int]bool{}
	for label, row := range tally.Confusion {
		for p, n := range row {
			if n > 0 {
				actual[label], predicted[p] = true, true
				class = p
			}
		}
	}
	return class, len(predicted) == 1 && len(actual) > 1
}
