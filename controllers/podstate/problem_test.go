// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package podstate

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

var (
	t0      = wrappers.T0
	at      = wrappers.At
	testNow = t0.Add(time.Hour)
)

func waitingContainer(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name:  "runner",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
	}
}

func terminatedContainer(reason string, code int32, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name: "runner",
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			Reason: reason, ExitCode: code, Message: message, FinishedAt: at(60),
		}},
	}
}

func unscheduled(reason, message string) corev1.PodCondition {
	return corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: reason, Message: message}
}

func claimPod(pod corev1.Pod) corev1.Pod {
	pod.Spec.Volumes = []corev1.Volume{{
		Name:         "data",
		VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "pets"}},
	}}
	return pod
}

func TestFindPodProblem(t *testing.T) {
	cases := map[string]struct {
		pod         corev1.Pod
		wantReason  string
		wantMessage string // a part of it; empty: no problem at all
	}{
		"just made": {pod: corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending}}},
		"starting":  {pod: corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waitingContainer("ContainerCreating", "")}}}},
		"running": {pod: corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{
			{Name: "runner", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
		}}}},
		"no room": {
			pod: corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: "p"},
				Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
					unscheduled("Unschedulable", "0/3 nodes are available: 3 Insufficient cpu."),
				}},
			},
			wantReason:  v1alpha1.UnschedulableReason,
			wantMessage: "no node can run pod p: 0/3 nodes are available: 3 Insufficient cpu; add a node that fits spec.podTemplate, or ask for less there",
		},
		"scheduling gates": {
			pod:         corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{unscheduled("SchedulingGated", "")}}},
			wantMessage: "scheduling gates",
		},
		"claim not found": {
			pod: claimPod(corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
				unscheduled("Unschedulable", `0/1 nodes are available: persistentvolumeclaim "pets" not found.`),
			}}}),
			wantReason: v1alpha1.VolumeUnavailableReason,
			wantMessage: `a volume can't be used: 0/1 nodes are available: persistentvolumeclaim "pets" not found; check that the claim exists and is bound; ` +
				"one that is used on several nodes must be ReadWriteMany",
		},
		"claim not found, said twice": {
			pod: claimPod(corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
				unscheduled("Unschedulable", `persistentvolumeclaim "pets" not found. not found`),
			}}}),
			wantReason:  v1alpha1.VolumeUnavailableReason,
			wantMessage: `a volume can't be used: persistentvolumeclaim "pets" not found; check`,
		},
		"volume on another node": {
			pod: claimPod(corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
				unscheduled("Unschedulable", "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had volume node affinity conflict."),
			}}}),
			wantReason:  v1alpha1.VolumeUnavailableReason,
			wantMessage: "a volume is bound to another node than the pod can run on: 0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had volume node affinity conflict; let the pod run there",
		},
		"words about volumes, but none is used": {
			pod: corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
				unscheduled("Unschedulable", "node(s) exceed max volume count"),
			}}},
			wantReason:  v1alpha1.UnschedulableReason,
			wantMessage: "max volume count",
		},
		"image can't be pulled": {
			pod: corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
				waitingContainer("ErrImagePull", "not found"),
			}}},
			wantReason:  v1alpha1.ImagePullBackOffReason,
			wantMessage: "the image of container runner can't be pulled (ErrImagePull): not found",
		},
		"image name is invalid": {
			pod: corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
				waitingContainer("InvalidImageName", "couldn't parse"),
			}}},
			wantReason:  v1alpha1.ImagePullBackOffReason,
			wantMessage: "InvalidImageName",
		},
		"scheduling comes before containers": {
			pod: corev1.Pod{Status: corev1.PodStatus{
				Conditions:        []corev1.PodCondition{unscheduled("Unschedulable", "no cpu")},
				ContainerStatuses: []corev1.ContainerStatus{waitingContainer("ErrImagePull", "not found")},
			}},
			wantReason:  v1alpha1.UnschedulableReason,
			wantMessage: "no cpu",
		},
		"init containers come before containers": {
			pod: corev1.Pod{Status: corev1.PodStatus{
				InitContainerStatuses: []corev1.ContainerStatus{waitingContainer("ErrImagePull", "init's")},
				ContainerStatuses:     []corev1.ContainerStatus{waitingContainer("ErrImagePull", "own")},
			}},
			wantReason:  v1alpha1.ImagePullBackOffReason,
			wantMessage: "init's",
		},
		"container can't be created: no reason of its own": {
			pod: corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
				waitingContainer("CreateContainerConfigError", `secret "s3" not found`),
			}}},
			wantMessage: `container runner can't start (CreateContainerConfigError): secret "s3" not found`,
		},
		"being deleted": {
			pod: corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &t0},
				Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waitingContainer("ErrImagePull", "")}},
			},
		},
		"ended": {
			pod: corev1.Pod{Status: corev1.PodStatus{
				Phase: corev1.PodFailed, Conditions: []corev1.PodCondition{unscheduled("Unschedulable", "no cpu")},
			}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := FindProblem(&tc.pod)
			if got.Reason != tc.wantReason || !strings.Contains(got.Message, tc.wantMessage) || (got.Message == "") != (tc.wantMessage == "") {
				t.Errorf("findPodProblem = %q %q, want %q and a message with %q", got.Reason, got.Message, tc.wantReason, tc.wantMessage)
			}
		})
	}
}

func TestIsAwaitingStart(t *testing.T) {
	placed := func(statuses ...corev1.ContainerStatus) corev1.Pod {
		return corev1.Pod{
			Spec:   corev1.PodSpec{NodeName: "n1"},
			Status: corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: statuses},
		}
	}
	notPlaced := placed()
	notPlaced.Spec.NodeName = ""
	running := placed()
	running.Status.Phase = corev1.PodRunning
	cases := map[string]struct {
		pod  corev1.Pod
		want bool
	}{
		"the kubelet says nothing yet": {pod: placed(), want: true},
		"container is being made":      {pod: placed(waitingContainer("ContainerCreating", "")), want: true},
		"image can't be pulled":        {pod: placed(waitingContainer("ErrImagePull", ""))},
		"no node":                      {pod: notPlaced},
		"running":                      {pod: running},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := IsAwaitingStart(&tc.pod); got != tc.want {
				t.Errorf("isAwaitingStart = %t, want %t", got, tc.want)
			}
		})
	}
}
