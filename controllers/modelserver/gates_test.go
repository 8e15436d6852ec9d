// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

func TestJudgeGates(t *testing.T) {
	candidate := &revisionInfo{TestSplit: "sha256:1", Metrics: []v1alpha1.Metric{
		{Name: "accuracy", Value: "0.95"}, {Name: "loss", Value: "0.25"}, {Name: "f1", Value: "NaN"}, {Name: "kappa", Value: "-0.1"},
	}}
	live := func(split string, metrics ...v1alpha1.Metric) *comparedModel {
		return &comparedModel{revision: "pets-1", info: revisionInfo{TestSplit: split, Metrics: metrics}}
	}
	const (
		same, other = "sha256:1", "sha256:2"
		unreported  = ", which spec.promotion.gates requires: remove that gate, or serve a TrainingRun that reports the metric"
		decides     = ": the smoke test's quality check decides"
	)
	accuracy := func(value string) v1alpha1.Metric { return v1alpha1.Metric{Name: "accuracy", Value: value} }
	loss := func(value string) v1alpha1.Metric { return v1alpha1.Metric{Name: "loss", Value: value} }
	for name, tc := range map[string]struct {
		gates         []v1alpha1.PromotionGate
		live          *comparedModel
		failure, open string
	}{
		"no gate":    {},
		"reached":    {gates: []v1alpha1.PromotionGate{{Metric: "accuracy", Min: "0.95"}}},
		"missed":     {gates: []v1alpha1.PromotionGate{{Metric: "accuracy", Min: "0.9501"}}, failure: "metric accuracy is 0.95; spec.promotion.gates requires 0.9501 at least"},
		"little":     {gates: []v1alpha1.PromotionGate{{Metric: "loss", Max: "0.25"}}},
		"too much":   {gates: []v1alpha1.PromotionGate{{Metric: "loss", Max: "0.2"}}, failure: "metric loss is 0.25; spec.promotion.gates requires 0.2 at most"},
		"unreported": {gates: []v1alpha1.PromotionGate{{Metric: "recall", Min: "0.1"}}, failure: "the model has no metric recall" + unreported},
		"no number":  {gates: []v1alpha1.PromotionGate{{Metric: "f1", Min: "0.1"}}, failure: "the model has no metric f1" + unreported},
		"unreported, the first model": {
			gates: []v1alpha1.PromotionGate{{Metric: "recall", NotWorseThanLive: "0.1"}}, failure: "the model has no metric recall" + unreported,
		},
		"the first model": {gates: []v1alpha1.PromotionGate{{Metric: "accuracy", NotWorseThanLive: "0"}}},
		"below 0 has no bound of its own": {
			gates: []v1alpha1.PromotionGate{{Metric: "kappa", NotWorseThanLive: "0"}}, live: live(same, v1alpha1.Metric{Name: "kappa", Value: "-0.2"}),
		},
		"as good":            {gates: []v1alpha1.PromotionGate{{Metric: "accuracy", NotWorseThanLive: "0"}}, live: live(same, accuracy("0.95"))},
		"better":             {gates: []v1alpha1.PromotionGate{{Metric: "accuracy", NotWorseThanLive: "0"}}, live: live(same, accuracy("0.5"))},
		"worse by as much":   {gates: []v1alpha1.PromotionGate{{Metric: "accuracy", NotWorseThanLive: "0.01"}}, live: live(same, accuracy("0.96"))},
		"loss as much above": {gates: []v1alpha1.PromotionGate{{Metric: "loss", NotWorseThanLive: "0.05"}}, live: live(same, loss("0.2"))},
		"less loss":          {gates: []v1alpha1.PromotionGate{{Metric: "loss", NotWorseThanLive: "0"}}, live: live(same, loss("0.9"))},
		"worse": {
			gates: []v1alpha1.PromotionGate{{Metric: "accuracy", NotWorseThanLive: "0.01"}}, live: live(same, accuracy("0.9601")),
			failure: "metric accuracy is 0.95, and 0.9601 of the live revision pets-1 on the same test split; spec.promotion.gates allows it to be worse by 0.01 at most",
		},
		"more loss": {
			gates: []v1alpha1.PromotionGate{{Metric: "loss", NotWorseThanLive: "0.04"}}, live: live(same, loss("0.2")),
			failure: "metric loss is 0.25, and 0.2 of the live revision pets-1 on the same test split; spec.promotion.gates allows it to be worse by 0.04 at most",
		},
		"both bounds, its own missed": {
			gates: []v1alpha1.PromotionGate{{Metric: "accuracy", Min: "0.96", NotWorseThanLive: "1"}}, live: live(same, accuracy("0.9")),
			failure: "metric accuracy is 0.95; spec.promotion.gates requires 0.96 at least",
		},
		"both bounds, that of live missed": {
			gates: []v1alpha1.PromotionGate{{Metric: "accuracy", Min: "0.9", NotWorseThanLive: "0"}}, live: live(same, accuracy("0.96")),
			failure: "metric accuracy is 0.95, and 0.96 of the live revision pets-1 on the same test split; spec.promotion.gates allows it to be worse by 0 at most",
		},
		"another test split": {
			gates: []v1alpha1.PromotionGate{{Metric: "accuracy", NotWorseThanLive: "0"}}, live: live(other, accuracy("0.99")),
			open: "metric accuracy isn't compared with that of the live revision pets-1, because it was measured on another test split" + decides,
		},
		"another test split, and its own bound missed": {
			gates: []v1alpha1.PromotionGate{{Metric: "accuracy", NotWorseThanLive: "0"}, {Metric: "loss", Max: "0.1"}}, live: live(other, accuracy("0.99")),
			failure: "metric loss is 0.25; spec.promotion.gates requires 0.1 at most",
		},
		"a test split that isn't known": {
			gates: []v1alpha1.PromotionGate{{Metric: "accuracy", NotWorseThanLive: "0"}}, live: live("", accuracy("0.99")),
			open: "metric accuracy isn't compared with that of the live revision pets-1, because their test splits aren't both known" + decides,
		},
		"live has no such metric": {
			gates: []v1alpha1.PromotionGate{{Metric: "accuracy", NotWorseThanLive: "0"}}, live: live(same),
			open: "metric accuracy isn't compared with that of the live revision pets-1, because that has no metric accuracy" + decides,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &children.Parser{}
			var gates []promotionGate
			for _, gate := range tc.gates {
				gates = append(gates, parseGate(p, "gate", gate))
			}
			if p.Err != nil {
				t.Fatal(p.Err)
			}
			failure, open := judgeGates(gates, candidate, tc.live)
			if diff := cmp.Diff([]string{tc.failure, tc.open}, []string{failure, open}); diff != "" {
				t.Errorf("failure and what is left open (-want +got):\n%s", diff)
			}
		})
	}
}

func TestComparedWith(t *testing.T) {
	model := func(c string) *revisionInfo {
		return &revisionInfo{Model: v1alpha1.RevisionModel{SHA256: strings.Repeat(c, 64)}}
	}
	was := func(c, reason string) v1alpha1.RetiredRevision {
		return v1alpha1.RetiredRevision{Revision: "pets-" + c, Model: model(c).Model, Reason: reason}
	}
	record := func(history ...v1alpha1.RetiredRevision) *rollout.Record {
		return &rollout.Record{Live: "pets-2", History: history}
	}
	for name, tc := range map[string]struct {
		record *rollout.Record
		live   *revisionInfo
		want   bool
	}{
		"no record yet":            {live: model("2")},
		"nothing is live":          {record: &rollout.Record{}},
		"nothing is known of live": {record: record()},
		"the same file":            {record: record(), live: model("1")},
		"new":                      {record: record(was("3", rollout.ReasonReplaced)), live: model("2"), want: true},
		"was live":                 {record: record(was("3", rollout.ReasonReplaced), was("1", rollout.ReasonReplaced)), live: model("2")},
		"failed its bake once":     {record: record(was("1", v1alpha1.BakeFailedReason)), live: model("2"), want: true},
		"failed its bake the last time": {
			record: record(was("1", v1alpha1.BakeFailedReason), was("3", rollout.ReasonReplaced), was("1", rollout.ReasonReplaced)), live: model("2"), want: true,
		},
	} {
		if got := comparedWith(tc.record, tc.live, model("1")); (got != nil) != tc.want || got != nil && got.revision != "pets-2" {
			t.Errorf("%s: compared with %v, want %t", name, got, tc.want)
		}
	}
}
