// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/rollout"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// explain finds out what keeps the pods from running that the rollout waits for.
func (r *modelServerReconciler) explain(s *modelServerScope) {
	status := rollout.Describe(s.observed)
	if status.Outcome != rollout.Reconciling {
		return
	}
	if deployment := s.deployments[status.Pods]; deployment != nil {
		s.problem = findReplicaProblem(deployment)
	}
	r.explainPods(s, status)
	job := s.jobs[status.Job]
	if job == nil || len(s.pods[job.Name]) > 0 || s.problem.message != "" {
		return
	}
	problem, again := r.explainer.explainJob(s.server, job, smokeAsker)
	problem.unread = problem.unread || s.problem.unread
	s.problem = problem
	s.requeueWithin(again)
}

// explainPods finds out what keeps pods from running that are there.
func (r *modelServerReconciler) explainPods(s *modelServerScope, status rollout.Status) {
	for _, key := range []string{status.Pods, status.Job} {
		for _, pod := range byName(s.pods[key]) {
			if key == "" || s.problem.message != "" {
				return
			}
			problem, again := r.explainer.explainPod(s.server, pod)
			problem.unread = problem.unread || s.problem.unread
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
func withServerEnd(problem podProblem, pod *corev1.Pod) podProblem {
	end := findContainerEnd(pod, contract.ServerContainer)
	if end == nil {
		return problem
	}
	if problem.message == "" {
		c := findPodCondition(pod, corev1.PodReady)
		if c == nil || c.Status == corev1.ConditionTrue || pod.DeletionTimestamp != nil || isTerminated(pod) {
			return problem
		}
		problem.message = fmt.Sprintf("pod %s isn't ready again", pod.Name)
	}
	if end.isOOM() {
		problem.reason = v1alpha1.OOMKilledReason
		if hasMemoryLimit(pod, contract.ServerContainer) {
			problem.message += "; the server used more memory than spec.podTemplate.resources.limits allows"
		} else {
			problem.message += "; its node ran out of memory: ask for more in spec.podTemplate.resources.requests"
		}
		return problem
	}
	problem.message += fmt.Sprintf("; the server ended with exit code %d: %s", ptr.Deref(end.exitCode, -1), serverMessage(end.output))
	return problem
}
