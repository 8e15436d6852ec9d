// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// JobField is a field of a Job's spec that can be edited while the Job runs.
type JobField struct {
	Name   string // as in metav1.FieldsV1
	differ func(have, want *batchv1.JobSpec) bool
	set    func(to, from *batchv1.JobSpec)
}

// jobFields are those that keep a Job from running, or end it.
var jobFields = []JobField{
	jobFieldOf("f:suspend", func(s *batchv1.JobSpec) **bool { return &s.Suspend }, false),
	jobFieldOf("f:parallelism", func(s *batchv1.JobSpec) **int32 { return &s.Parallelism }, 1),
	jobFieldOf("f:backoffLimit", func(s *batchv1.JobSpec) **int32 { return &s.BackoffLimit }, 6),
	jobFieldOf("f:activeDeadlineSeconds", func(s *batchv1.JobSpec) **int64 { return &s.ActiveDeadlineSeconds }, 0),
}

// jobFieldOf makes a JobField. Unset is what the field means where it isn't set.
func jobFieldOf[T comparable](name string, field func(*batchv1.JobSpec) **T, unset T) JobField {
	return JobField{
		Name: name,
		differ: func(have, want *batchv1.JobSpec) bool {
			return ptr.Deref(*field(have), unset) != ptr.Deref(*field(want), unset)
		},
		set: func(to, from *batchv1.JobSpec) { *field(to) = ClonePtr(*field(from)) },
	}
}

// EditedFields are those that a Job, which hasn't ended, doesn't have as it should. A Job
// that is handed to a queue is suspended and resumed by that.
func EditedFields(job *batchv1.Job, want *batchv1.JobSpec) []JobField {
	var edited []JobField
	for _, field := range jobFields {
		queued := field.Name == "f:suspend" && job.Labels[KueueQueueLabel] != ""
		if !queued && field.differ(&job.Spec, want) {
			edited = append(edited, field)
		}
	}
	return edited
}

// RestoreJobSpec sets back what was edited of a running Job's spec outside Trainyard. What
// an admission webhook has made of the Job stays. It returns what to report of that, nothing
// if it didn't have to.
func RestoreJobSpec(ctx context.Context, c client.Client, live client.Reader, job *batchv1.Job, want *batchv1.JobSpec) (repair string, err error) {
	if job.DeletionTimestamp != nil || FindJobEnd(job) != nil || len(EditedFields(job, want)) == 0 {
		return "", nil
	}
	stored := &batchv1.Job{}
	if same, err := Reread(ctx, live, job, stored); !same || stored.DeletionTimestamp != nil || FindJobEnd(stored) != nil {
		return "", err
	}
	restored := stored.DeepCopy()
	for _, field := range EditedFields(stored, want) {
		if !IsJobFieldOurs(stored, field.Name) {
			field.set(&restored.Spec, want)
		}
	}
	if equality.Semantic.DeepEqual(stored.Spec, restored.Spec) {
		return "", nil
	}
	if err := Patch(ctx, c, stored, restored); err != nil {
		return "", fmt.Errorf("set back Job %s: %w", klog.KObj(job), err)
	}
	return fmt.Sprintf("Job %s was edited outside Trainyard; set it back", job.Name), nil
}
