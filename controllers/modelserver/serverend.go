// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// isUnready tells whether a pod's server has been ready since it started, still runs, and
// answers its readiness probe no more. A pod whose containers are ready though it isn't
// itself is one whose node doesn't answer: the node controller says so, not the server.
func isUnready(pod *corev1.Pod) bool {
	ready, containers := podstate.FindCondition(pod, corev1.PodReady), podstate.FindCondition(pod, corev1.ContainersReady)
	if ready == nil || ready.Status != corev1.ConditionFalse || containers == nil || containers.Status != corev1.ConditionFalse {
		return false
	}
	for i := range pod.Status.ContainerStatuses {
		status := &pod.Status.ContainerStatuses[i]
		if status.Name == contract.ServerContainer && status.State.Running != nil {
			// Both times are the kubelet's. A server that hasn't been ready yet became unready
			// before it started.
			return status.State.Running.StartedAt.Before(&ready.LastTransitionTime)
		}
	}
	return false
}

// stopCodes are those of a container that was stopped from outside or waits for something
// outside: by SIGHUP, SIGINT, SIGKILL or SIGTERM, or by the server's own word.
var stopCodes = map[int32]bool{contract.ExitOK: true, contract.ExitTemporary: true, 128 + 1: true, 128 + 2: true, 128 + 9: true, 128 + 15: true}

// isOwnEnd tells whether a server ended by itself, for a cause of its own, and not because
// of what the cluster did to it. Without a limit of its own it is the node that was out
// of memory.
func isOwnEnd(pod *corev1.Pod, end *podstate.ContainerEnd) bool {
	switch {
	case end.ExitCode == nil:
		return false
	case end.IsOOM():
		return hasMemoryLimit(pod, contract.ServerContainer)
	case end.Reason != "" && end.Reason != "Error":
		return false // ContainerStatusUnknown, StartError and others: the runtime's, not the program's
	default:
		return !stopCodes[*end.ExitCode] && !isMissingModel(end)
	}
}

func hasMemoryLimit(pod *corev1.Pod, container string) bool {
	if r := pod.Spec.Resources; r != nil {
		if _, ok := r.Limits[corev1.ResourceMemory]; ok {
			return true
		}
	}
	for i := range pod.Spec.Containers {
		if c := &pod.Spec.Containers[i]; c.Name == container {
			_, ok := c.Resources.Limits[corev1.ResourceMemory]
			return ok
		}
	}
	return false
}

// isMissingModel tells whether a server ended because its model isn't there, as when a
// volume is late. Servers of earlier versions end with the code of a wrong file then.
func isMissingModel(end *podstate.ContainerEnd) bool {
	return ptr.Deref(end.ExitCode, -1) == contract.ExitArtifact && strings.Contains(end.Output, syscall.ENOENT.Error())
}

// serverMessage is what a server said when it ended: the message of its result, or
// the end of its log.
func serverMessage(output string) string {
	result := &contract.ServeResult{}
	if err := contract.DecodeResult([]byte(output), result); err == nil {
		return text.Clean(result.Message, rollout.MaxMessage/2)
	}
	return text.Clean(text.CleanLines(output, rollout.MaxMessage/2), rollout.MaxMessage/2)
}

// withServerEnd adds to the problem of a pod how its server ended last: the kubelet
// says only that it waits before it starts it again. Until the pod is ready again that
// stays its problem, also while the server runs in between.
func withServerEnd(problem podstate.Problem, pod *corev1.Pod) podstate.Problem {
	end := podstate.FindContainerEnd(pod, contract.ServerContainer)
	if end == nil || problem.Reason == v1alpha1.NodeNotReadyReason {
		return problem
	}
	if problem.Message == "" {
		c := podstate.FindCondition(pod, corev1.PodReady)
		if c == nil || c.Status == corev1.ConditionTrue || pod.DeletionTimestamp != nil || podstate.IsTerminated(pod) {
			return problem
		}
		problem.Message = fmt.Sprintf("pod %s isn't ready again", pod.Name)
	}
	if end.IsOOM() {
		problem.Reason = v1alpha1.OOMKilledReason
		if hasMemoryLimit(pod, contract.ServerContainer) {
			problem.Message += "; the server used more memory than its limit: raise spec.podTemplate.resources.limits.memory"
		} else {
			problem.Message += "; its node ran out of memory: request more in spec.podTemplate.resources.requests.memory"
		}
		return problem
	}
	problem.Message += fmt.Sprintf("; the server ended with exit code %d: %s", ptr.Deref(end.ExitCode, -1), serverMessage(end.Output))
	return problem
}
