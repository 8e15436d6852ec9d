// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"math"
	"strconv"

	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Gates judge a model by what its TrainingRun measured, before anything starts. A comparison with the live model is fair
// only where both were measured on the same images; else the smoke test's quality check has both classify the same ones.

// rounding of decimals to binary doesn't decide.
const rounding = 1e-9

// promotionGate is one of spec.promotion.gates, parsed.
type promotionGate struct {
	contract.Gate
	// bounded says that the gate has its own bound; margin is by how much the metric may be worse than live's, nil for any.
	bounded bool
	margin  *float64
}

// parseGate parses a gate, the value of a field.
func parseGate(p *children.Parser, field string, gate v1alpha1.PromotionGate) promotionGate {
	parsed := promotionGate{
		Gate:    children.Gate(p, field, v1alpha1.Gate{Metric: gate.Metric, Min: gate.Min, Max: gate.Max}),
		bounded: gate.Min != "" || gate.Max != "",
	}
	if gate.NotWorseThanLive != "" {
		parsed.margin = ptr.To(children.Parse(p, field+".notWorseThanLive", gate.NotWorseThanLive))
	}
	return parsed
}

// comparedModel is what a model's metrics are compared with.
type comparedModel struct {
	revision string
	info     revisionInfo
}

// judgeGates says which gate a model's metrics miss, empty if none; and which comparison with live can't be made by them,
// empty if each can. Without a model to compare with there is nothing to be worse than.
func judgeGates(gates []promotionGate, info *revisionInfo, live *comparedModel) (failure, open string) {
	for _, gate := range gates {
		value, found := findMetric(info.Metrics, gate.Metric)
		if !found {
			return fmt.Sprintf("the model has no metric %s, which spec.promotion.gates requires: remove that gate, or serve a TrainingRun that reports the metric", gate.Metric), ""
		}
		if gate.bounded && !gate.Admits(value) {
			return fmt.Sprintf("metric %s is %s; spec.promotion.gates requires %s", gate.Metric, formatShare(value), gate.Range()), ""
		}
		if gate.margin == nil || live == nil {
			continue
		}
		before, found := findMetric(live.info.Metrics, gate.Metric)
		switch why := whyIncomparable(info, live, gate.Metric, found); {
		case why != "":
			if open == "" {
				open = fmt.Sprintf("metric %s isn't compared with that of the live revision %s, because %s: the smoke test's quality check decides", gate.Metric, live.revision, why)
			}
		case gate.worsening(value, before) > *gate.margin+rounding:
			return fmt.Sprintf("metric %s is %s, and %s of the live revision %s on the same test split; spec.promotion.gates allows it to be worse by %s at most",
				gate.Metric, formatShare(value), formatShare(before), live.revision, formatShare(*gate.margin)), ""
		}
	}
	return "", open
}

// worsening is by how much a value is worse than another; below 0 it is better.
func (g promotionGate) worsening(value, before float64) float64 {
	if contract.LessIsBetter(g.Metric) {
		return value - before
	}
	return before - value
}

// whyIncomparable says why the figures of two models can't be compared; empty if they can.
func whyIncomparable(info *revisionInfo, live *comparedModel, metric string, measured bool) string {
	switch {
	case !measured:
		return fmt.Sprintf("that has no metric %s", metric)
	case info.TestSplit == "" || live.info.TestSplit == "":
		return "their test splits aren't both known"
	case info.TestSplit != live.info.TestSplit:
		return "it was measured on another test split"
	default:
		return ""
	}
}

// comparedWith returns the model that a candidate's metrics are compared with, or nil: there is none before the first
// promotion, none if live's is the same file, and none for a model that had the traffic until the spec asked for another.
// Whoever goes back to that has seen both serve.
func comparedWith(record *rollout.Record, live *revisionInfo, info *revisionInfo) *comparedModel {
	if record == nil || record.Live == "" || live == nil || live.Model.SHA256 == info.Model.SHA256 {
		return nil
	}
	for i := range record.History {
		if entry := &record.History[i]; entry.Model.SHA256 == info.Model.SHA256 {
			if entry.Reason == rollout.ReasonReplaced {
				return nil
			}
			break // the newest counts
		}
	}
	return &comparedModel{revision: record.Live, info: *live}
}

// openGate says which gate a test is to decide; empty if none.
func (s *scope) openGate(start rollout.Start) string {
	if t := s.observed.Target; t != nil && t.Name == start.Revision && start.Check == rollout.Smoke {
		return t.GateOpen
	}
	return ""
}

// usualMargin is how far below live's score the quality check lets a model be without a gate. A gate makes it no larger.
const usualMargin = 0.10

// qualityMargin is the margin of a gate of the accuracy, which is what the quality check measures; nil without one.
func qualityMargin(gates []promotionGate) *float64 {
	for _, gate := range gates {
		if gate.Metric == contract.MetricAccuracy && gate.margin != nil {
			return ptr.To(min(*gate.margin, usualMargin))
		}
	}
	return nil
}

func findMetric(metrics []v1alpha1.Metric, name string) (value float64, found bool) {
	for _, metric := range metrics {
		if metric.Name == name {
			value, err := strconv.ParseFloat(metric.Value, 64)
			return value, err == nil && !math.IsNaN(value)
		}
	}
	return 0, false
}

func formatShare(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
