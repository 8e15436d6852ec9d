// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metrics counts what the controllers decide, for Prometheus. What any
// controller has to tell (reconciles, their errors and duration, queues, requests to the
// API server) controller-runtime exports.
//
// No label has a value of a user's: names and namespaces stand in events and logs.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	runsEnded = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trainyard_trainingruns_ended_total",
		Help: "TrainingRuns that have ended, by the condition that says so, Complete or Failed, and its reason.",
	}, []string{"condition", "reason"})
	rolloutDecisions = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trainyard_rollout_decisions_total",
		Help: "Decisions on the rollouts of ModelServers, by the rule that made them, such as promote, finishBake, reject or switchBack.",
	}, []string{"rule"})
)

func init() { metrics.Registry.MustRegister(runsEnded, rolloutDecisions) }

// RunEnded counts a TrainingRun that has ended. Call it once the status that says so is
// written: it is written once.
func RunEnded(condition, reason string) { runsEnded.WithLabelValues(condition, reason).Inc() }

// RolloutDecided counts a write of a rollout's record, by the planner's rule that asked for it.
func RolloutDecided(rule string) { rolloutDecisions.WithLabelValues(rule).Inc() }
