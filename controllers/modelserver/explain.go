// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/trainyard-dev/trainyard/controllers/children"
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
			s.problem = withPullEnd(withServerEnd(problem, pod), pod)
			s.requeueWithin(again)
		}
	}
}

// byName returns pods in the order of their names: a cache lists them in another each
// time, and of several problems the same one is to be told.
func byName(pods []*corev1.Pod) []*corev1.Pod {
	return slices.SortedFunc(slices.Values(pods), func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
}

// The resources of a server's pods and of its tests' come from different fields.
var (
	serverAsker = podstate.Asker{Container: contract.ServerContainer, Field: children.PodResourcesField}
	smokeAsker  = podstate.Asker{Container: contract.SmokeContainer, Field: smokeResourcesField}
)

// findReplicaProblem tells from a Deployment's conditions whether its pods are refused.
func findReplicaProblem(deployment *appsv1.Deployment) podstate.Problem {
	for i := range deployment.Status.Conditions {
		c := &deployment.Status.Conditions[i]
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue && c.Reason == podstate.FailedCreate {
			return podstate.Refused("pods of Deployment "+deployment.Name, serverAsker, c.Message)
		}
	}
	return podstate.Problem{}
}
