// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// maxAttempt is more than any Job's attempt: a greater one was written outside Trainyard.
const maxAttempt = 1 << 20

// JobAttempt reads how many Jobs came before this one because their result could not be
// read. It is 0 where the annotation can't be the controllers' own.
func JobAttempt(job *batchv1.Job) int {
	attempt, err := strconv.Atoi(job.Annotations[v1alpha1.AttemptAnnotation])
	if err != nil || attempt < 0 || attempt > maxAttempt {
		return 0
	}
	return attempt
}

// FindJobEnd returns the condition by which a Job is over, or nil.
func FindJobEnd(job *batchv1.Job) *batchv1.JobCondition {
	for i := range job.Status.Conditions {
		c := &job.Status.Conditions[i]
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return c
		}
	}
	return nil
}
