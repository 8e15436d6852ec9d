// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"slices"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// chanceFailure says that a model is no better than guessing; empty where it is better, or isn't known to be no better, or
// the policy allows it.
func chanceFailure(policy v1alpha1.ChancePolicy, info *revisionInfo) string {
	if policy == v1alpha1.AllowChance || info.Chance != v1alpha1.NoBetterThanChance {
		return ""
	}
	return noBetter(info) + ": train on more images, check their labels, or set spec.promotion.chance to Allow"
}

// noBetter says in what a model is no better than guessing, with the figures that its run has left.
func noBetter(info *revisionInfo) string {
	accuracy, guessing := "its accuracy on the test split", "that of always naming the most frequent class"
	if i := slices.IndexFunc(info.Metrics, func(m v1alpha1.Metric) bool { return m.Name == contract.MetricAccuracy }); i >= 0 {
		accuracy += ", " + figure(info.Metrics[i]) + ","
	}
	if info.ChanceAccuracy != "" {
		guessing += ", " + info.ChanceAccuracy + ","
	}
	return fmt.Sprintf("the model is no better than guessing: %s is not above %s with a confidence of 99 %%", accuracy, guessing)
}

// figure is a metric's value and where it lies.
func figure(metric v1alpha1.Metric) string {
	if metric.Interval == (v1alpha1.MetricInterval{}) {
		return metric.Value
	}
	return fmt.Sprintf("%s (with a confidence of 95 %% from %s to %s)", metric.Value, metric.Interval.Low, metric.Interval.High)
}

// chanceHints tell of a live model that guessing may be as good as.
func chanceHints(spec *v1alpha1.ModelServerSpec, info *revisionInfo) []string {
	switch {
	case info.Chance == v1alpha1.NoBetterThanChance:
		return []string{noBetter(info)}
	case info.Chance != "":
		return nil
	case info.Model.TrainingRun != "":
		return []string{fmt.Sprintf("whether the model is better than guessing could not be judged, because TrainingRun %s left no comparison", info.Model.TrainingRun)}
	case spec.Smoke.Samples == nil:
		return []string{"whether the model is better than guessing could not be judged, because it came without the figures of a TrainingRun"}
	default:
		return nil // its smoke test has judged it by the user's own pictures
	}
}
