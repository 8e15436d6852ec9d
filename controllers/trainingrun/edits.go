// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"context"
	"fmt"
	"slices"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/trainyard-dev/trainyard/controllers/children"
)

// endsByField are the fields of a Job's spec by which it ends for these reasons.
var endsByField = map[string]string{
	batchv1.JobReasonDeadlineExceeded:     "f:activeDeadlineSeconds",
	batchv1.JobReasonBackoffLimitExceeded: "f:backoffLimit",
}

// endedByEdit tells whether the run's Job failed because its spec was edited outside
// Trainyard. It is deleted then, and the run goes on in another.
func (r *reconciler) endedByEdit(ctx context.Context, s *scope, end *batchv1.JobCondition) (bool, error) {
	field := endsByField[end.Reason]
	if !slices.ContainsFunc(children.EditedFields(s.job, jobSpecOf(s.run)), func(edited children.JobField) bool { return edited.Name == field }) {
		return false, nil
	}
	stored := &batchv1.Job{}
	switch same, err := children.Reread(ctx, r.live, s.job, stored); {
	case err != nil:
		return false, err
	case !same:
		return true, nil // deleted for this very reason, which the cache doesn't show yet
	case children.IsJobFieldOurs(stored, field):
		return false, nil
	}
	if s.job.DeletionTimestamp == nil {
		s.repairs = append(s.repairs, fmt.Sprintf("Job %s was edited outside Trainyard and failed because of that (%s); recreating it", s.job.Name, end.Reason))
	}
	return true, r.deleteJob(ctx, s.job)
}
