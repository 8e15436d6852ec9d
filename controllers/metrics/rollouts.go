// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	rolloutDecisions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trainyard_rollout_decisions_total",
		Help: "Decisions on the rollouts of ModelServers, by the rule that made them, such as promote, finishBake, reject or switchBack.",
	}, []string{"rule"})
	rolloutsEnded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trainyard_rollouts_ended_total",
		Help: "Rollouts of revisions that have ended: Succeeded, Rejected before they had traffic, RolledBack after, Failed with nothing to roll back to, Superseded by another revision, or Postponed because the revision didn't start in time.",
	}, []string{"result", "reason"})
	testDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "trainyard_rollout_test_duration_seconds",
		Help:    "Time from the creation of the Job of a test, smoke or bake, to its end, by the test and its result: Passed, Failed, or Void, which says nothing about the model.",
		Buckets: []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600},
	}, []string{"test", "result"})
	switchBack = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "trainyard_rollout_switch_back_duration_seconds",
		Help:    "Time from when a revision failed while it had the traffic until the Service was switched back to the revision before.",
		Buckets: []float64{.25, .5, 1, 2, 5, 10, 30, 60, 120, 300, 600},
	})
)

func init() {
	metrics.Registry.MustRegister(rolloutDecisions, rolloutsEnded, testDuration, switchBack)
	for _, result := range []string{"Passed", "Failed", "Void"} {
		for _, test := range []string{"smoke", "bake"} {
			testDuration.WithLabelValues(test, result)
		}
	}
}

// ExpectRollouts has rollouts of this result and these reasons exported from the start: a
// series that is there at 0 has a rate from its first increment on.
func ExpectRollouts(result string, reasons ...string) {
	for _, reason := range reasons {
		rolloutsEnded.WithLabelValues(result, reason)
	}
}

// RolloutDecided counts a write of a rollout's record, by the planner's rule that asked for it.
func RolloutDecided(rule string) { rolloutDecisions.WithLabelValues(rule).Inc() }

// RolloutEnded counts the rollout of a revision that has ended.
func RolloutEnded(result, reason string) { rolloutsEnded.WithLabelValues(result, reason).Inc() }

// TestTook notes how long a smoke test or a bake took.
func TestTook(test, result string, d time.Duration) {
	testDuration.WithLabelValues(test, result).Observe(seconds(d))
}

// SwitchedBack notes how long a revision had failed before the Service was switched back.
func SwitchedBack(after time.Duration) { switchBack.Observe(seconds(after)) }
