// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// failedPull returns how an init container of a pod that fetches a file ended last; nil unless it failed and hasn't
// succeeded since.
func failedPull(pod *corev1.Pod, container string) *podstate.ContainerEnd {
	end := podstate.FindContainerEnd(pod, container)
	if end == nil || ptr.Deref(end.ExitCode, contract.ExitOK) == contract.ExitOK {
		return nil
	}
	return end
}

// pullMessage says why a file couldn't be fetched.
func pullMessage(end *podstate.ContainerEnd) string {
	message := serverMessage(end.Output)
	if message == "" {
		message = "it said nothing"
	}
	return fmt.Sprintf("%s (exit code %d)", message, ptr.Deref(end.ExitCode, -1))
}

// observedPull is what the planner is told of a pod that didn't get its model: only another digest is evidence against
// the model.
func observedPull(end *podstate.ContainerEnd) *rollout.Termination {
	refused := ptr.Deref(end.ExitCode, -1) == contract.ExitArtifact
	return &rollout.Termination{
		ID: end.ID(), Own: refused, ModelInvalid: refused, ExitCode: ptr.Deref(end.ExitCode, -1), Message: pullMessage(end),
	}
}

// withPullEnd says why a pod doesn't get its model, which it is given before its server starts.
func withPullEnd(problem podstate.Problem, pod *corev1.Pod) podstate.Problem {
	end := failedPull(pod, contract.PullContainer)
	if end == nil || pod.DeletionTimestamp != nil {
		return problem
	}
	return podstate.Problem{
		Reason:  v1alpha1.SourceUnreachableReason,
		Message: fmt.Sprintf("pod %s can't fetch its model and tries again: %s", pod.Name, pullMessage(end)),
	}
}

// judgePulls has a test whose samples weren't fetched count as void, and says so of the live model's: then the test is
// made without them.
func judgePulls(observed *rollout.Job, pod *corev1.Pod) {
	if pod == nil || observed.State == rollout.JobPassed || observed.State == rollout.JobFailed {
		return
	}
	if end := failedPull(pod, contract.PullContainer); end != nil {
		observed.State, observed.Message = rollout.JobVoid, "the model's samples can't be fetched: "+pullMessage(end)
	}
	if end := failedPull(pod, contract.PullPicturesContainer); end != nil {
		observed.State, observed.Message = rollout.JobVoid, "the pictures of spec.smoke.samples can't be fetched: "+pullMessage(end)
	}
	if end := failedPull(pod, contract.PullLiveContainer); end != nil {
		observed.State = rollout.JobVoid
		observed.Unreachable = "the live model's samples can't be fetched: " + pullMessage(end)
		observed.Message = observed.Unreachable
	}
}
