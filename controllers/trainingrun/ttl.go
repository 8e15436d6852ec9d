// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
)

// expireJob deletes the Job of a run that has ended spec.ttlSecondsAfterFinished ago, and with it its pods. The Job itself has
// no such field: it must stay until its result is in the run's status.
func (r *reconciler) expireJob(ctx context.Context, s *scope) error {
	ttl := s.run.Spec.TTLSecondsAfterFinished
	if ttl == nil || s.job == nil || children.FindJobEnd(s.job) == nil {
		return nil
	}
	if left := sinceEnd(s, time.Duration(*ttl)*time.Second); left > 0 {
		s.requeueWithin(left)
		return nil
	}
	s.expired = true
	return r.deleteJob(ctx, s.job)
}

// sinceEnd returns how much is left of a time that began when the run ended.
func sinceEnd(s *scope, d time.Duration) time.Duration {
	return timeOfEnd(&s.run.Status).Add(d).Sub(s.now)
}

// timeOfEnd is when a run with this status ended. That has been written with its terminal condition; where somebody has removed
// it, the condition tells.
func timeOfEnd(status *v1alpha1.TrainingRunStatus) time.Time {
	if status.CompletionTime != nil {
		return status.CompletionTime.Time
	}
	var end time.Time
	for _, c := range status.Conditions {
		if (c.Type == v1alpha1.CompleteCondition || c.Type == v1alpha1.FailedCondition) && c.Status == metav1.ConditionTrue {
			end = c.LastTransitionTime.Time
		}
	}
	return end
}
