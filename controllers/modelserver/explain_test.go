// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

func TestFindReplicaProblem(t *testing.T) {
	condition := func(kind appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason, message string) appsv1.DeploymentCondition {
		return appsv1.DeploymentCondition{Type: kind, Status: status, Reason: reason, Message: message}
	}
	refused := func(cause string) []appsv1.DeploymentCondition {
		return []appsv1.DeploymentCondition{
			condition(appsv1.DeploymentAvailable, corev1.ConditionFalse, "MinimumReplicasUnavailable", "x"),
			condition(appsv1.DeploymentReplicaFailure, corev1.ConditionTrue, "FailedCreate", `pods "pets-1-5d9c-x7k2p" is forbidden: `+cause),
		}
	}
	cases := map[string]struct {
		conditions []appsv1.DeploymentCondition
		cause      string
		remedy     string
	}{
		"well": {conditions: []appsv1.DeploymentCondition{condition(appsv1.DeploymentAvailable, corev1.ConditionTrue, "MinimumReplicasAvailable", "x")}},
		"quota": {
			conditions: refused("exceeded quota: q, requested: requests.cpu=1, used: requests.cpu=1, limited: requests.cpu=1"),
			cause:      "exceeded quota: q, requested: requests.cpu=1, used: requests.cpu=1, limited: requests.cpu=1",
			remedy:     "; raise the quota, or ask for less in spec.podTemplate.resources",
		},
		"a quota of what isn't set": {
			conditions: refused("failed quota: q: must specify limits.cpu for: server"),
			cause:      "failed quota: q: must specify limits.cpu for: server",
			remedy:     "; set spec.podTemplate.resources.limits.cpu, or have a LimitRange of the namespace set defaults",
		},
		"LimitRange": {
			conditions: refused("maximum memory usage per Container is 1Gi, but limit is 2Gi"),
			cause:      "maximum memory usage per Container is 1Gi, but limit is 2Gi",
			remedy:     "; keep spec.podTemplate.resources within the namespace's LimitRange, or change that",
		},
		"Pod Security": {
			conditions: refused(`violates PodSecurity "restricted:latest": privileged (container "proxy" must not set securityContext.privileged=true)`),
			cause:      `violates PodSecurity "restricted:latest": privileged (container "proxy" must not set securityContext.privileged=true)`,
			remedy:     "; Trainyard's own pods meet the level restricted: find what adds to them, such as an injector of sidecars",
		},
		"a webhook": {
			conditions: []appsv1.DeploymentCondition{
				condition(appsv1.DeploymentReplicaFailure, corev1.ConditionTrue, "FailedCreate", `admission webhook "w" denied the request: no`),
			},
			cause: `admission webhook "w" denied the request: no`,
		},
		"not any more":     {conditions: []appsv1.DeploymentCondition{condition(appsv1.DeploymentReplicaFailure, corev1.ConditionFalse, "FailedCreate", "x")}},
		"pods that remain": {conditions: []appsv1.DeploymentCondition{condition(appsv1.DeploymentReplicaFailure, corev1.ConditionTrue, "FailedDelete", "x")}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "pets-1"}, Status: appsv1.DeploymentStatus{Conditions: tc.conditions}}
			var want podstate.Problem
			if tc.cause != "" {
				want.Message = "pods of Deployment pets-1 can't be created: " + tc.cause + tc.remedy
			}
			if diff := cmp.Diff(want, findReplicaProblem(deployment)); diff != "" {
				t.Errorf("problem (-want +got):\n%s", diff)
			}
		})
	}
}

// The remedy of a refused test names the field that a test has its resources from.
func TestRemedyOfARefusedTest(t *testing.T) {
	problem := podstate.Refused("the pod of Job j", smokeAsker, "failed quota: q: must specify limits.cpu for: smoke")
	if want := "set spec.smoke.resources.limits.cpu, or have a LimitRange"; !strings.Contains(problem.Message, want) {
		t.Errorf("message %q, want one with %q", problem.Message, want)
	}
}

func TestWithServerEnd(t *testing.T) {
	crashing := podstate.Problem{Message: "container server can't start (CrashLoopBackOff): back-off"}
	ended := func(code int32, reason, message string) *corev1.Pod {
		return &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			Name:                 contract.ServerContainer,
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: message}},
		}}}}
	}
	limited := func(pod *corev1.Pod) *corev1.Pod {
		pod.Spec.Containers = []corev1.Container{{Name: contract.ServerContainer, Resources: corev1.ResourceRequirements{
			Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
		}}}
		return pod
	}
	deleted := func(pod *corev1.Pod) *corev1.Pod {
		pod.DeletionTimestamp = &observedAt
		return pod
	}
	with := func(pod *corev1.Pod, ready corev1.ConditionStatus) *corev1.Pod {
		pod.Name, pod.Status.Conditions = "p", []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}}
		return pod
	}
	cases := map[string]struct {
		problem podstate.Problem
		pod     *corev1.Pod
		want    podstate.Problem
	}{
		"no problem":  {pod: ended(1, "Error", "x")},
		"ready again": {pod: with(ended(1, "Error", "x"), corev1.ConditionTrue)},
		"out of memory before, not ready again": {
			pod:  with(limited(ended(137, "OOMKilled", "")), corev1.ConditionFalse),
			want: podstate.Problem{Reason: "OOMKilled", Message: "pod p isn't ready again; the server used more memory than its limit: raise spec.podTemplate.resources.limits.memory"},
		},
		"it leaves": {pod: deleted(with(ended(1, "Error", "x"), corev1.ConditionFalse))},
		"its node ran out of memory": {
			problem: crashing, pod: ended(137, "OOMKilled", ""),
			want: podstate.Problem{Reason: "OOMKilled", Message: crashing.Message + "; its node ran out of memory: request more in spec.podTemplate.resources.requests.memory"},
		},
		"its node doesn't answer": {
			problem: podstate.Problem{Reason: "NodeNotReady", Message: "node n1 has not answered"}, pod: with(ended(1, "Error", "x"), corev1.ConditionFalse),
			want: podstate.Problem{Reason: "NodeNotReady", Message: "node n1 has not answered"},
		},
		"never ended": {problem: crashing, pod: &corev1.Pod{}, want: crashing},
		"crashed": {
			problem: crashing, pod: ended(3, "Error", `{"version":1,"message":"unknown field"}`),
			want: podstate.Problem{Message: crashing.Message + "; the server ended with exit code 3: unknown field"},
		},
		"out of memory": {
			problem: crashing, pod: limited(ended(137, "OOMKilled", "")),
			want: podstate.Problem{Reason: "OOMKilled", Message: crashing.Message + "; the server used more memory than its limit: raise spec.podTemplate.resources.limits.memory"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := withServerEnd(tc.problem, tc.pod); got != tc.want {
				t.Errorf("problem = %+v, want %+v", got, tc.want)
			}
		})
	}
}

// TestByName: of the problems of several pods the same one is told each time.
func TestByName(t *testing.T) {
	pod := func(name string) *corev1.Pod { return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}} }
	listed := []*corev1.Pod{pod("c"), pod("a"), pod("b")}
	var got []string
	for _, p := range byName(listed) {
		got = append(got, p.Name)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, got); diff != "" || listed[0].Name != "c" {
		t.Errorf("order (-want +got):\n%s; the list itself starts with %s", diff, listed[0].Name)
	}
}
