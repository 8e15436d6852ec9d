// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func TestJobAttempt(t *testing.T) {
	for value, want := range map[string]int{"": 0, "0": 0, "1": 1, "x": 0, "-1": 0, "9223372036854775807": 0} {
		job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AttemptAnnotation: value}}}
		if got := JobAttempt(job); got != want {
			t.Errorf("jobAttempt(%q) = %d, want %d", value, got, want)
		}
	}
}

func TestFindJobEnd(t *testing.T) {
	condition := func(conditionType batchv1.JobConditionType, status corev1.ConditionStatus) batchv1.JobCondition {
		return batchv1.JobCondition{Type: conditionType, Status: status}
	}
	cases := map[string]struct {
		conditions []batchv1.JobCondition
		want       batchv1.JobConditionType
	}{
		"running":      {},
		"decided":      {conditions: []batchv1.JobCondition{condition(batchv1.JobSuccessCriteriaMet, corev1.ConditionTrue), condition(batchv1.JobFailureTarget, corev1.ConditionTrue)}},
		"suspended":    {conditions: []batchv1.JobCondition{condition(batchv1.JobSuspended, corev1.ConditionTrue)}},
		"not any more": {conditions: []batchv1.JobCondition{condition(batchv1.JobComplete, corev1.ConditionFalse)}},
		"complete":     {conditions: []batchv1.JobCondition{condition(batchv1.JobSuccessCriteriaMet, corev1.ConditionTrue), condition(batchv1.JobComplete, corev1.ConditionTrue)}, want: batchv1.JobComplete},
		"failed":       {conditions: []batchv1.JobCondition{condition(batchv1.JobFailed, corev1.ConditionTrue)}, want: batchv1.JobFailed},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got batchv1.JobConditionType
			if end := FindJobEnd(&batchv1.Job{Status: batchv1.JobStatus{Conditions: tc.conditions}}); end != nil {
				got = end.Type
			}
			if got != tc.want {
				t.Errorf("findJobEnd = %q, want %q", got, tc.want)
			}
		})
	}
}
