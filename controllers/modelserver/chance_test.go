// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// guesser is a model of accuracy 0.375 on 40 images.
func guesser() *revisionInfo {
	return &revisionInfo{
		Model: v1alpha1.RevisionModel{TrainingRun: "run-1"},
		Metrics: []v1alpha1.Metric{
			{Name: "loss", Value: "0.7"}, {Name: "accuracy", Value: "0.375", Interval: v1alpha1.MetricInterval{Low: "0.227", High: "0.542"}},
		},
		Chance: v1alpha1.NoBetterThanChance, ChanceAccuracy: "0.525",
	}
}

func TestChanceFailure(t *testing.T) {
	but := func(change func(*revisionInfo)) *revisionInfo {
		info := guesser()
		change(info)
		return info
	}
	for name, tc := range map[string]struct {
		policy v1alpha1.ChancePolicy
		info   *revisionInfo
		want   string
	}{
		"guesses": {
			policy: v1alpha1.RejectChance, info: guesser(),
			want: "the model is no better than guessing: its accuracy on the test split, 0.375 (with a confidence of 95 % from 0.227 to 0.542), is not above that of always naming the most frequent class, 0.525, with a confidence of 99 %: train on more images, check their labels, or set spec.promotion.chance to Allow",
		},
		"guesses, and figures are missing": {
			info: but(func(i *revisionInfo) { i.Metrics, i.ChanceAccuracy = nil, "" }),
			want: "the model is no better than guessing: its accuracy on the test split is not above that of always naming the most frequent class with a confidence of 99 %: train on more images, check their labels, or set spec.promotion.chance to Allow",
		},
		"guesses, which is allowed": {policy: v1alpha1.AllowChance, info: guesser()},
		"better":                    {policy: v1alpha1.RejectChance, info: but(func(i *revisionInfo) { i.Chance = v1alpha1.BetterThanChance })},
		"not known":                 {policy: v1alpha1.RejectChance, info: but(func(i *revisionInfo) { i.Chance = "" })},
	} {
		if diff := cmp.Diff(tc.want, chanceFailure(tc.policy, tc.info)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestChanceHints(t *testing.T) {
	samples := &v1alpha1.ModelServerSpec{Smoke: v1alpha1.Smoke{Samples: &v1alpha1.SmokeSamples{}}}
	for name, tc := range map[string]struct {
		spec *v1alpha1.ModelServerSpec
		info *revisionInfo
		want []string
	}{
		"guesses": {info: guesser(), want: []string{noBetter(guesser())}},
		"better":  {info: &revisionInfo{Chance: v1alpha1.BetterThanChance}},
		"an older run": {
			info: &revisionInfo{Model: v1alpha1.RevisionModel{TrainingRun: "run-1"}},
			want: []string{"whether the model is better than guessing could not be judged, because TrainingRun run-1 left no comparison"},
		},
		"another tool's": {
			info: &revisionInfo{},
			want: []string{"whether the model is better than guessing could not be judged, because it came without the figures of a TrainingRun"},
		},
		"another tool's, judged by pictures": {spec: samples, info: &revisionInfo{}},
	} {
		if tc.spec == nil {
			tc.spec = &v1alpha1.ModelServerSpec{}
		}
		if diff := cmp.Diff(tc.want, chanceHints(tc.spec, tc.info)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
