// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// A test compares a revision with the one that is to be replaced, on that one's samples.
// Those may be lost, or where no pod can reach both: the rollout goes on without them.

const (
	// volumeGrace is what the volumes of a test may take before it is tried without the
	// samples of the other revision.
	volumeGrace = 2 * time.Minute

	// comparisonSkippedReason surfaces in an event when a candidate is judged by its own samples
	// only, because those of the revision before can't be had.
	comparisonSkippedReason = "ComparisonSkipped"
)

// withoutReference tells why a test can't use the samples of the revision that it is
// compared with; empty if it can.
func (r *reconciler) withoutReference(ctx context.Context, s *scope, in *testInput) (string, error) {
	if in.liveInfo == nil || in.liveInfo.Samples == nil || in.server.Spec.Smoke.Samples != nil {
		return "", nil
	}
	if !contract.IsPVCURI(in.liveInfo.Samples.URI) {
		return in.start.Unreachable, nil // as the test's init container has said
	}
	claim, _, err := contract.ParsePVCURI(in.liveInfo.Samples.URI)
	if err != nil || in.info.Samples != nil && claimOf(in.info.Samples.URI) == claim {
		return "", err
	}
	if cause := in.start.Unreachable; cause != "" {
		return cause, nil
	}
	volume := &corev1.PersistentVolumeClaim{}
	err = r.live.Get(ctx, types.NamespacedName{Namespace: s.server.Namespace, Name: claim}, volume)
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Sprintf("claim %s doesn't exist", claim), nil
	case err != nil:
		return "", fmt.Errorf("get PersistentVolumeClaim %s: %w", claim, err)
	case volume.DeletionTimestamp != nil:
		return fmt.Sprintf("claim %s is being deleted", claim), nil
	case volume.Status.Phase == corev1.ClaimLost:
		return fmt.Sprintf("claim %s has lost its volume", claim), nil
	}
	return "", nil
}

// claimOf returns the claim in a URI that has been checked.
func claimOf(uri string) string {
	claim, _, _ := contract.ParsePVCURI(uri)
	return claim
}

// judgeStart has a test that can't start because of its volumes count as void, and tells
// in how long to look again if it may come to that.
func judgeStart(observed *rollout.Job, job *batchv1.Job, pod *corev1.Pod, now time.Time) time.Duration {
	observed.Skipped = job.Annotations[v1alpha1.ComparisonSkippedAnnotation]
	if observed.State != rollout.JobRunning || pod == nil || !mountsReference(job) {
		return 0
	}
	problem := podstate.FindProblem(pod)
	if problem.Message == "" && !podstate.IsAwaitingStart(pod) || problem.Message != "" && !podstate.IsOfVolume(problem.Reason) {
		return 0
	}
	if left := volumeGrace - now.Sub(pod.CreationTimestamp.Time); left > 0 {
		return left
	}
	observed.State = rollout.JobVoid
	observed.Unreachable = "the volumes of the test can't be used together"
	observed.Message = observed.Unreachable
	if problem.Message != "" {
		observed.Message = problem.Message
	}
	return 0
}

// mountsReference tells whether a test has a volume of its own for the samples of the
// revision that it is compared with.
func mountsReference(job *batchv1.Job) bool {
	for i := range job.Spec.Template.Spec.Volumes {
		if job.Spec.Template.Spec.Volumes[i].Name == liveVolume {
			return true
		}
	}
	return false
}
