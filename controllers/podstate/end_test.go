// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package podstate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

func TestFindContainerEnd(t *testing.T) {
	restarted := corev1.ContainerStatus{
		Name:                 "runner",
		State:                corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		LastTerminationState: terminatedContainer("Error", 2, "crash").State,
	}
	evicted := corev1.Pod{Status: corev1.PodStatus{
		Phase: corev1.PodFailed, Reason: "Evicted", Message: "low on disk",
		Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, LastTransitionTime: at(30)},
			{Type: corev1.DisruptionTarget, LastTransitionTime: at(20)},
		},
	}}
	cases := map[string]struct {
		pod  corev1.Pod
		want *ContainerEnd
	}{
		"running": {pod: corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning}}},
		"ended": {
			pod:  corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{terminatedContainer("OOMKilled", 137, "log")}}},
			want: &ContainerEnd{Reason: "OOMKilled", ExitCode: ptr.To[int32](137), Output: "log", Time: at(60)},
		},
		"ended before its last restart": {
			pod:  corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{restarted}}},
			want: &ContainerEnd{Reason: "Error", ExitCode: ptr.To[int32](2), Output: "crash", Time: at(60)},
		},
		"another container's end": {
			pod: corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
				{Name: "sidecar", State: terminatedContainer("Error", 1, "").State},
			}}},
		},
		"never ran": {pod: evicted, want: &ContainerEnd{Reason: "Evicted", Output: "low on disk", Time: at(30)}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := FindContainerEnd(&tc.pod, "runner")
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(ContainerEnd{})); diff != "" {
				t.Errorf("findContainerEnd (-want +got):\n%s", diff)
			}
		})
	}
}

// Of the words for an end, those are no program's own that its runtime, or the kubelet, finds for one that it hasn't seen.
func TestIsLost(t *testing.T) {
	for reason, want := range map[string]bool{"Unknown": true, "ContainerStatusUnknown": true, "Error": false, "OOMKilled": false, "": false} {
		if got := (&ContainerEnd{Reason: reason}).IsLost(); got != want {
			t.Errorf("IsLost of %q = %t, want %t", reason, got, want)
		}
	}
}
