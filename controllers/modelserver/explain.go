// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// explain finds out what keeps the pods from running that the rollout waits for.
func (r *reconciler) explain(s *scope) {
	status := rollout.Describe(s.observed)
	if status.Outcome != rollout.Reconciling {
		return
	}
	if deployment := s.deployments[status.Pods]; deployment != nil {
		s.problem = findReplicaProblem(deployment)
	}
	r.explainPods(s, status)
	job := s.jobs[status.Job]
	if job == nil || len(s.pods[job.Name]) > 0 || s.problem.Message != "" {
		return
	}
	problem, again := r.explainer.ExplainJob(s.server, job, smokeAsker)
	problem.Unread = problem.Unread || s.problem.Unread
	s.problem = problem
	s.requeueWithin(again)
}

// explainPods finds out what keeps pods from running that are there.
func (r *reconciler) explainPods(s *scope, status rollout.Status) {
	for _, key := range []string{status.Pods, status.Job} {
		for _, pod := range byName(s.pods[key]) {
			if key == "" || s.problem.Message != "" {
				return
			}
			problem, again := r.explainer.ExplainPod(s.server, pod)
			problem.Unread = problem.Unread || s.problem.Unread
			s.problem = withServerEnd(problem, pod)
			s.requeueWithin(again)
		}
	}
}

// byName returns pods in the order of their names: a cache lists them in another each
// time, and of several problems the same one is to be told.
func byName(pods []*corev1.Pod) []*corev1.Pod {
	return slices.SortedFunc(slices.Values(pods), func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
}

// withServerEnd adds to the problem of a pod how its server ended last: the kubelet
// says only that it waits before it starts it again. Until the pod is ready again that
// stays its problem, also while the server runs in between.
func withServerEnd(problem podstate.Problem, pod *corev1.Pod) podstate.Problem {
	end := podstate.FindContainerEnd(pod, contract.ServerContainer)
	if end == nil {
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
			problem.Message += "; the server used more memory than spec.podTemplate.resources.limits allows"
		} else {
			problem.Message += "; its node ran out of memory: ask for more in spec.podTemplate.resources.requests"
		}
		return problem
	}
	problem.Message += fmt.Sprintf("; the server ended with exit code %d: %s", ptr.Deref(end.ExitCode, -1), serverMessage(end.Output))
	return problem
}
