// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	"k8s.io/utils/ptr"
)

// The pod goes with its Job, and what it said with the pod.
func TestRunAgainKeepsTheFirstCause(t *testing.T) {
	r := &trainingRunReconciler{}
	s := scopeThat(func(s *trainingRunScope) { s.job = trainingJob() })
	if err := r.runAgain(t.Context(), s, "no result: unexpected end of JSON input"); err != nil {
		t.Fatal(err)
	}
	computeTrainingRunStatus(s, nil)
	const want = "no result: unexpected end of JSON input; the Job is made again once"
	if got := s.run.Status.LastFailure; got == nil || got.Message != want {
		t.Fatalf("last failure = %+v, want %q", got, want)
	}

	again := scopeThat(func(next *trainingRunScope) {
		next.run, next.job = s.run.DeepCopy(), trainingJob()
		next.job.DeletionTimestamp = ptr.To(at(1)) // its deletion is under way
	})
	if err := r.runAgain(t.Context(), again, "no result: its pod is gone"); err != nil {
		t.Fatal(err)
	}
	computeTrainingRunStatus(again, nil)
	if got := again.run.Status.LastFailure.Message; got != want {
		t.Errorf("last failure = %q, want %q", got, want)
	}
}
