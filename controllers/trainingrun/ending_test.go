// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// endedStatus is the status of a run that has failed, for a generation of its spec.
func endedStatus(generation int64, conditions ...metav1.Condition) *v1alpha1.TrainingRunStatus {
	failed := metav1.Condition{Type: v1alpha1.FailedCondition, Status: metav1.ConditionTrue, Reason: "OOMKilled", ObservedGeneration: generation}
	return &v1alpha1.TrainingRunStatus{
		ObservedGeneration: generation,
		JobName:            "pets-1",
		Conditions:         append([]metav1.Condition{failed}, conditions...),
	}
}

// What a later spec changes of a status is no edit.
func TestEndingOutlastsTheSpec(t *testing.T) {
	suspended := metav1.Condition{Type: v1alpha1.SuspendedCondition, Status: metav1.ConditionFalse, ObservedGeneration: 2}
	if diff := cmp.Diff(encodeEnding(endedStatus(1)), encodeEnding(endedStatus(2, suspended))); diff != "" {
		t.Errorf("the ending has changed with the spec (-before +after):\n%s", diff)
	}
}

func TestDecodeEnding(t *testing.T) {
	whole := encodeEnding(endedStatus(1))
	unended := encodeEnding(&v1alpha1.TrainingRunStatus{JobName: "pets-1"})
	cases := map[string]struct {
		annotation string
		want       *v1alpha1.TrainingRunStatus
	}{
		"whole":               {digestOf(whole) + " " + whole, endedStatus(0)},
		"of a newer version":  {digestOf(whole[:1]+`"new":1,`+whole[1:]) + " " + whole[:1] + `"new":1,` + whole[1:], endedStatus(0)},
		"none":                {"", nil},
		"its digest only":     {digestOf(whole), nil},
		"edited":              {digestOf(whole) + " " + strings.ReplaceAll(whole, "OOMKilled", "ModelPublished"), nil},
		"cut":                 {digestOf(whole) + " " + whole[:20], nil},
		"no JSON":             {digestOf("{") + " {", nil},
		"of a run on its way": {digestOf(unended) + " " + unended, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, decodeEnding(tc.annotation)); diff != "" {
				t.Errorf("decoded (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTrimEnding(t *testing.T) {
	document := encodeEnding(endedStatus(1))
	for _, annotation := range []string{digestOf(document) + " " + document, digestOf(document)} {
		job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.EndingAnnotation: annotation}}}
		TrimEnding(job)
		if got := job.Annotations[v1alpha1.EndingAnnotation]; got != digestOf(document) {
			t.Errorf("trimmed to %q, want the digest", got)
		}
	}
	job := &batchv1.Job{}
	TrimEnding(job)
	if job.Annotations != nil {
		t.Errorf("a Job without an ending got annotations: %v", job.Annotations)
	}
}
