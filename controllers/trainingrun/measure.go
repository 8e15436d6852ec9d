// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/metrics"
)

// measure counts and times what the status says anew, which is written.
func measure(s *scope, before *v1alpha1.TrainingRunStatus, now time.Time) {
	measureEnd(s)
	if since := failedSince(before, &s.run.Status); since != nil {
		metrics.ReasonGiven(s.run.Status.LastFailure.Reason, now.Sub(since.Time))
	}
	if since := waitedSince(s, before); since != nil {
		metrics.ReasonGiven(s.problem.Reason, now.Sub(since.Time))
	}
}

// measureEnd counts a run that has ended in this pass.
func measureEnd(s *scope) {
	for _, ending := range []string{v1alpha1.CompleteCondition, v1alpha1.FailedCondition} {
		c := meta.FindStatusCondition(s.run.Status.Conditions, ending)
		if s.over || c == nil || c.Status != metav1.ConditionTrue {
			continue
		}
		metrics.RunEnded(c.Type, c.Reason)
		if start, end := s.run.Status.StartTime, s.run.Status.CompletionTime; start != nil && end != nil {
			metrics.RunTook(c.Type, end.Sub(start.Time))
		}
	}
}

// failedSince is when a failure happened that the status didn't have before, or nil.
func failedSince(before, after *v1alpha1.TrainingRunStatus) *metav1.Time {
	failure, known := after.LastFailure, before.LastFailure
	if failure == nil || failure.Time == nil || known != nil && known.PodName == failure.PodName && known.Time.Equal(failure.Time) {
		return nil
	}
	return failure.Time
}

// waitedSince is since when the pod waits, or the Job for one, of a run whose status tells
// why from now on; else it is nil. What a pod that ran waits for later doesn't count.
func waitedSince(s *scope, before *v1alpha1.TrainingRunStatus) *metav1.Time {
	if s.problem.Reason == "" || s.ended || readyReason(&s.run.Status) != s.problem.Reason {
		return nil
	}
	if reason := readyReason(before); reason != "" && reason != v1alpha1.PendingReason {
		return nil
	}
	if pod := s.newestPod(); pod != nil {
		return &pod.CreationTimestamp
	}
	if s.job != nil {
		return &s.job.CreationTimestamp
	}
	return nil
}

// readyReason is the reason of the Ready condition, or nothing.
func readyReason(status *v1alpha1.TrainingRunStatus) string {
	if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ReadyCondition); ready != nil {
		return ready.Reason
	}
	return ""
}
