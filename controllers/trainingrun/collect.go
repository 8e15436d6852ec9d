// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"context"
	"errors"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
)

// finishEarly stops at a run that has ended: nothing that happens to its Job changes
// that. Its status may have been edited: the Job keeps what it was, and stays until that
// is restored.
func (r *reconciler) finishEarly(ctx context.Context, s *scope) (err error) {
	s.pruning = pruningIn(&s.run.Status)
	if s.job != nil && children.FindJobEnd(s.job) != nil {
		s.kept, err = r.restoreEnding(ctx, s)
	}
	s.over = s.over || s.kept
	s.ended = s.over
	if err != nil || !s.ended || s.restored != "" {
		return err
	}
	return errors.Join(r.expireJob(ctx, s), r.pruneOutput(ctx, s))
}

// collectResult reads what has come of a Job that has ended.
func (r *reconciler) collectResult(ctx context.Context, s *scope) error {
	if s.job == nil {
		return nil
	}
	end := children.FindJobEnd(s.job)
	if end == nil {
		return nil
	}
	if end.Type == batchv1.JobFailed {
		s.end = &end.LastTransitionTime
		return r.collectFailure(ctx, s, end)
	}
	s.end = s.job.Status.CompletionTime
	return r.collectPublished(ctx, s)
}

// collectPublished reads the result of the Job's succeeded pod. The cache of pods may
// be behind that of Jobs, so it isn't believed when it has none.
func (r *reconciler) collectPublished(ctx context.Context, s *scope) error {
	published, cause := publishedBy(s.run, s.pods)
	if cause != nil {
		if err := r.observeLive(ctx, s); err != nil {
			return err
		}
		published, cause = publishedBy(s.run, s.pods)
	}
	if cause == nil {
		s.published = published
		return nil
	}
	message := fmt.Sprintf("the runner succeeded, but left no result that can be read: %v", cause)
	if children.JobAttempt(s.job) > 0 {
		s.failure = &runFailure{reason: v1alpha1.ResultMissingReason, message: message + "; it was run a second time: check that spec.image is a runner of Trainyard, and create another TrainingRun"}
		return nil
	}
	return r.runAgain(ctx, s, message)
}

// runAgain recreates a Job whose result can't be read. A runner that has
// published already only says so again. The first pass leaves that in status, which
// the next Job's attempt is taken from; the second deletes the Job.
func (r *reconciler) runAgain(ctx context.Context, s *scope, message string) error {
	if nextAttempt(&s.run.Status) > 0 {
		s.resultMissing = s.run.Status.LastFailure.DeepCopy() // the pod goes with its Job: the first cause is the true one
		return r.deleteJob(ctx, s.job)
	}
	s.resultMissing = &v1alpha1.Failure{
		Reason:  v1alpha1.ResultMissingReason,
		Message: message + "; the Job is recreated once",
		Time:    s.endTime(),
	}
	s.requeueWithin(recordGrace)
	return nil
}

// collectFailure finds out why the Job failed. A run that missed a gate has published
// its model all the same. What it decides is final, and the cache of pods may be behind
// that of Jobs: it may know of an earlier failure only.
func (r *reconciler) collectFailure(ctx context.Context, s *scope, end *batchv1.JobCondition) error {
	if ended, err := r.endedByEdit(ctx, s, end); ended || err != nil {
		return err
	}
	if err := r.observeLive(ctx, s); err != nil {
		return err
	}
	last := newestFailure(s.run, s.pods)
	if last == nil {
		last = s.run.Status.LastFailure
	}
	failure := terminalFailure(s.job, end, last)
	if failure.reason == v1alpha1.GateNotMetReason {
		if pod := s.newestPod(); pod != nil {
			s.published = gateMissed(s.run, pod)
		}
		if s.published == nil && children.JobAttempt(s.job) == 0 {
			return r.runAgain(ctx, s, "the model missed a gate, and what was published can't be read, because the pod is gone or left no result")
		}
	}
	if last != nil && last.Reason == v1alpha1.ResultMissingReason && children.JobAttempt(s.job) == 0 {
		return r.runAgain(ctx, s, last.Message) // that was decided, and its pod is gone
	}
	s.failure = failure
	return nil
}
