// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

// A Job that an edit had fail is deleted. The cache may show it a while longer, and the run goes on all the same.
func TestEditedJobThatIsGoneEndsNoRun(t *testing.T) {
	edited := trainingJob()
	edited.UID, edited.Spec.ActiveDeadlineSeconds = "job-1", ptr.To[int64](1)
	successor := edited.DeepCopy()
	successor.UID = "job-2"
	end := &batchv1.JobCondition{Type: batchv1.JobFailed, Reason: batchv1.JobReasonDeadlineExceeded}
	for name, stored := range map[string][]client.Object{"nothing is left": nil, "another has its name": {successor}} {
		t.Run(name, func(t *testing.T) {
			c := fake.NewClientBuilder().WithObjects(stored...).Build()
			s := scopeThat(func(s *scope) { s.job = edited.DeepCopy() })
			if err := (&reconciler{client: c, live: c}).collectFailure(t.Context(), s, end); err != nil {
				t.Fatal(err)
			}
			if s.failure != nil {
				t.Errorf("the run has failed: %+v; want it to go on", s.failure)
			}
			for _, object := range stored {
				if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), &batchv1.Job{}); err != nil {
					t.Errorf("get Job of UID %s: %v; want it to stay", object.GetUID(), err)
				}
			}
		})
	}
}
