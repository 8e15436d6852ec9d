// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/metrics"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

func init() {
	for result, reasons := range rollout.ConclusionReasons {
		metrics.ExpectRollouts(string(result), reasons...)
	}
}

// measureRollout counts and logs the rollouts that have ended by a write of the record.
func measureRollout(ctx context.Context, s *scope, before, after *rollout.Record, now time.Time) {
	for _, end := range rollout.Conclusions(before, after) {
		metrics.RolloutEnded(string(end.Result), end.Reason)
		logf.FromContext(ctx).Info("Rollout ended", "rule", s.actions.Rule, "revision", end.Revision, "result", end.Result, "reason", end.Reason)
		if end.Result == rollout.RolledBack {
			if failed := failedAt(s, before, end.Reason); !failed.IsZero() {
				metrics.SwitchedBack(now.Sub(failed))
			}
		}
	}
}

// failedAt is when the live revision of a record failed, or zero where nothing tells: it
// was deleted, or a person rejected it.
func failedAt(s *scope, record *rollout.Record, reason string) time.Time {
	switch reason {
	case v1alpha1.UnavailableReason:
		return record.LostSince.Time
	case v1alpha1.BakeFailedReason:
	default:
		return time.Time{}
	}
	for i := range s.observed.Jobs {
		job := &s.observed.Jobs[i]
		if job.Check == rollout.Bake && job.Revision == record.Live && job.State == rollout.JobFailed {
			return testEnd(s, s.jobs[job.Name()])
		}
	}
	var newest time.Time
	for _, pod := range s.pods[record.Live] {
		end := podstate.FindContainerEnd(pod, contract.ServerContainer)
		if end != nil && record.Ended[pod.UID] != end.ID() && end.Time.After(newest) {
			newest = end.Time.Time
		}
	}
	if newest.IsZero() {
		return record.UnreadySince.Time
	}
	return newest
}

// testResults are the results of tests that have ended.
var testResults = map[rollout.JobState]string{rollout.JobPassed: "Passed", rollout.JobFailed: "Failed", rollout.JobVoid: "Void"}

// measureTest notes how long a test took whose Job is deleted: each is, once.
func measureTest(s *scope, job *batchv1.Job) {
	end := testEnd(s, job)
	if end.IsZero() {
		return
	}
	for i := range s.observed.Jobs {
		observed := &s.observed.Jobs[i]
		if result := testResults[observed.State]; observed.Name() == job.Name && result != "" {
			metrics.TestTook(string(observed.Check), result, end.Sub(job.CreationTimestamp.Time))
		}
	}
}

// testEnd is when the container of a test ended, or zero if that isn't known.
func testEnd(s *scope, job *batchv1.Job) time.Time {
	if pod := podOfJob(job, s.pods[job.Name]); pod != nil {
		if end := podstate.FindContainerEnd(pod, contract.SmokeContainer); end != nil {
			return end.Time.Time
		}
	}
	return time.Time{}
}
