// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

var observedAt = metav1.NewTime(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))

func TestObservedPod(t *testing.T) {
	pod := func(changes ...func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "p", UID: "u"},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.0.0.1", Conditions: []corev1.PodCondition{
				{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: observedAt},
			}},
		}
		for _, change := range changes {
			change(p)
		}
		return p
	}
	ended := func(code int32, message string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: contract.ServerContainer, LastTerminationState: corev1.ContainerState{
				Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error", Message: message, FinishedAt: observedAt},
			}}}
		}
	}
	ready := rollout.Pod{Name: "p", UID: "u", URL: "http://10.0.0.1:8080", Ready: true}
	with := func(change func(*rollout.Pod)) rollout.Pod {
		p := ready
		change(&p)
		return p
	}
	cases := map[string]struct {
		pod  *corev1.Pod
		want rollout.Pod
	}{
		"ready": {pod: pod(), want: ready},
		"deleted": {
			pod:  pod(func(p *corev1.Pod) { p.DeletionTimestamp = &observedAt }),
			want: with(func(p *rollout.Pod) { p.Leaving = true }),
		},
		"disrupted": {
			pod: pod(func(p *corev1.Pod) {
				p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue})
			}),
			want: with(func(p *rollout.Pod) { p.Leaving = true }),
		},
		"evicted by an old kubelet": {
			pod: pod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed; p.Status.Reason = "Evicted" }),
			want: with(func(p *rollout.Pod) {
				p.Leaving = true
				p.Terminated = &rollout.Termination{ID: endID(-1), ExitCode: -1, Reason: "Evicted"}
			}),
		},
		"no node has room": {
			pod: pod(func(p *corev1.Pod) {
				p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable}}
			}),
			want: with(func(p *rollout.Pod) { p.Ready = false }),
		},
		"restarted": {
			pod: pod(ended(1, "panic: oh\nno\x1b")),
			want: with(func(p *rollout.Pod) {
				p.Terminated = &rollout.Termination{ID: endID(1), Own: true, ExitCode: 1, Reason: "Error", Message: "panic: oh no"}
			}),
		},
		"refused its model": {
			pod: pod(ended(contract.ExitArtifact, `{"version":1,"reason":"ArtifactInvalid","message":"digest differs"}`)),
			want: with(func(p *rollout.Pod) {
				p.Terminated = &rollout.Termination{ID: endID(6), Own: true, ExitCode: 6, Reason: "Error", Message: "digest differs", ModelInvalid: true}
			}),
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, observedPod(tc.pod)); diff != "" {
				t.Errorf("pod (-want +got):\n%s", diff)
			}
		})
	}
}

// endID is the ID of an end with this code at observedAt, of a container without one.
func endID(code int32) string {
	return (&podstate.ContainerEnd{Time: observedAt, ExitCode: &code}).ID()
}

// TestEndsAreToldApart without comparing times: a container's ID, its end or its code differ.
func TestEndsAreToldApart(t *testing.T) {
	one, two := int32(1), int32(2)
	later := metav1.NewTime(observedAt.Add(time.Second))
	ends := []podstate.ContainerEnd{
		{Time: observedAt, ExitCode: &one}, {Time: observedAt, ExitCode: &two}, {Time: observedAt},
		{Time: later, ExitCode: &one}, {Time: observedAt, ExitCode: &one, Container: "containerd://1"},
	}
	seen := map[string]int{}
	for i := range ends {
		if j, ok := seen[ends[i].ID()]; ok {
			t.Errorf("ends %d and %d have the same ID", j, i)
		}
		seen[ends[i].ID()] = i
	}
}

// TestOwnEnds: what the cluster does to a server isn't held against its model.
func TestOwnEnds(t *testing.T) {
	limited := func(p *corev1.Pod) {
		p.Spec.Containers = []corev1.Container{{Name: contract.ServerContainer, Resources: corev1.ResourceRequirements{
			Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
		}}}
	}
	podLimited := func(p *corev1.Pod) {
		p.Spec.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}}
	}
	const missing = `{"version":1,"message":"invalid model: open /model/m.onnx: no such file or directory"}`
	cases := map[string]struct {
		code            int32
		reason, message string
		change          func(*corev1.Pod)
		want, invalid   bool
	}{
		"a panic":                         {code: 2, reason: "Error", want: true},
		"a failure":                       {code: 1, reason: "Error", want: true},
		"a segmentation fault":            {code: 139, reason: "Error", want: true},
		"a wrong digest":                  {code: 6, reason: "Error", message: `{"version":1,"message":"another digest"}`, want: true, invalid: true},
		"a missing file":                  {code: 75, reason: "Error", message: missing},
		"a missing file, a server before": {code: 6, reason: "Error", message: missing},
		"out of its own memory":           {code: 137, reason: "OOMKilled", change: limited, want: true},
		"out of its pod's memory":         {code: 137, reason: "OOMKilled", change: podLimited, want: true},
		"the node is out of memory":       {code: 137, reason: "OOMKilled"},
		"killed":                          {code: 137, reason: "Error"},
		"told to stop":                    {code: 143, reason: "Error"},
		"stopped":                         {code: 0, reason: "Completed"},
		"the node has started again":      {code: 137, reason: "ContainerStatusUnknown"},
		"the runtime can't start it":      {code: 128, reason: "StartError"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
				Name: contract.ServerContainer,
				State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
					ExitCode: tc.code, Reason: tc.reason, Message: tc.message, FinishedAt: observedAt,
				}},
			}}}}
			if tc.change != nil {
				tc.change(pod)
			}
			got := observedPod(pod).Terminated
			if got.Own != tc.want || got.ModelInvalid != tc.invalid {
				t.Errorf("own %t, model invalid %t, want %t and %t", got.Own, got.ModelInvalid, tc.want, tc.invalid)
			}
		})
	}
}

// TestUnready: only a server that was ready, runs, and says that it isn't ready any more.
func TestUnready(t *testing.T) {
	before, after := metav1.NewTime(observedAt.Add(-time.Minute)), metav1.NewTime(observedAt.Add(time.Minute))
	cases := map[string]struct {
		pod, containers corev1.ConditionStatus
		since           metav1.Time
		state           corev1.ContainerState
		want            bool
	}{
		"its probe fails":           {pod: "False", containers: "False", since: after, state: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: observedAt}}, want: true},
		"it is ready":               {pod: "True", containers: "True", since: after, state: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: observedAt}}},
		"it hasn't been ready yet":  {pod: "False", containers: "False", since: before, state: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: observedAt}}},
		"its node is lost":          {pod: "False", containers: "True", since: after, state: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: observedAt}}},
		"it waits to be restarted":  {pod: "False", containers: "False", since: after, state: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}},
		"its image is being pulled": {pod: "False", containers: "False", since: after, state: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{Status: corev1.PodStatus{
				Conditions: []corev1.PodCondition{
					{Type: corev1.PodReady, Status: tc.pod, LastTransitionTime: tc.since},
					{Type: corev1.ContainersReady, Status: tc.containers, LastTransitionTime: tc.since},
				},
				ContainerStatuses: []corev1.ContainerStatus{{Name: contract.ServerContainer, State: tc.state}},
			}}
			if got := observedPod(pod).Unready; got != tc.want {
				t.Errorf("unready = %t, want %t", got, tc.want)
			}
		})
	}
}
