// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

var (
	runsEnded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trainyard_trainingruns_ended_total",
		Help: "TrainingRuns that have ended, by the condition that says so, Complete or Failed, and its reason.",
	}, []string{"condition", "reason"})
	runDuration = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "trainyard_trainingrun_duration_seconds",
		Help:    "Time from the start of the first pod of a TrainingRun to its end, suspensions included, by the condition that it ended with.",
		Buckets: []float64{10, 30, 60, 300, 900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 24 * 3600, 3 * 24 * 3600, 7 * 24 * 3600},
	}, []string{"condition"})
	reasonDelay = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "trainyard_trainingrun_reason_delay_seconds",
		Help: "Time until the status of a TrainingRun gave the reason of a problem: from the end of a pod that failed, or from the creation of a pod, or Job, that doesn't start.",
		// An image that can't be pulled is told after a minute or so, what keeps a pod from its node at once.
		Buckets: []float64{.25, .5, 1, 2, 5, 10, 30, 60, 120, 300, 600},
	}, []string{"reason"})
	polls = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "trainyard_progress_polls_total",
		Help: "Questions to the pods of TrainingRuns for their progress, answered or not.",
	})
	pollFailures = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "trainyard_progress_poll_failures_total",
		Help: "Questions for progress that weren't answered as they should, as of pods that are starting or that the manager can't reach.",
	})
)

// runFailures are the reasons that a run may fail for.
var runFailures = []string{
	v1alpha1.ArtifactInvalidReason, v1alpha1.ConfigInvalidReason, v1alpha1.CredentialsInvalidReason, v1alpha1.DatasetInvalidReason,
	v1alpha1.DatasetNotFoundReason, v1alpha1.DeadlineExceededReason, v1alpha1.GateNotMetReason, v1alpha1.LossDivergedReason,
	v1alpha1.NodeLostReason, v1alpha1.OOMKilledReason, v1alpha1.ResultMissingReason, v1alpha1.RunnerFailedReason, v1alpha1.SourceUnreachableReason,
	v1alpha1.TooManyInvalidFilesReason,
}

func init() {
	metrics.Registry.MustRegister(runsEnded, runDuration, reasonDelay, polls, pollFailures)
	// A series that exists from the start has a rate from its first increment on.
	runsEnded.WithLabelValues(v1alpha1.CompleteCondition, v1alpha1.ModelPublishedReason)
	for _, reason := range runFailures {
		runsEnded.WithLabelValues(v1alpha1.FailedCondition, reason)
	}
	for _, condition := range []string{v1alpha1.CompleteCondition, v1alpha1.FailedCondition} {
		runDuration.WithLabelValues(condition)
	}
}

// RunEnded counts a TrainingRun that has ended. Call it once the status that says so is
// written: it is written once.
func RunEnded(condition, reason string) { runsEnded.WithLabelValues(condition, reason).Inc() }

// RunTook notes how long a TrainingRun took that has ended with this condition.
func RunTook(condition string, d time.Duration) {
	runDuration.WithLabelValues(condition).Observe(seconds(d))
}

// ReasonGiven notes how long a TrainingRun had a problem before its status gave the reason.
func ReasonGiven(reason string, after time.Duration) {
	reasonDelay.WithLabelValues(reason).Observe(seconds(after))
}

// ProgressPolled counts a question for progress, and whether it failed.
func ProgressPolled(failed bool) {
	polls.Inc()
	if failed {
		pollFailures.Inc()
	}
}
