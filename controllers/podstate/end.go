// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package podstate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// ContainerEnd is how a container ended.
type ContainerEnd struct {
	// Reason is the kubelet's word, such as OOMKilled, Error or Completed, or the
	// pod's own, such as Evicted, where the container has none.
	Reason string
	// ExitCode is nil if the container never ran.
	ExitCode *int32
	// Output is the termination message as the container left it, or the end of its
	// log: nothing in it can be trusted.
	Output string
	Time   metav1.Time
	// Container is the runtime's ID of what ended; empty if it never ran.
	Container string
}

// ID tells an end from any other of the same container of the same pod.
func (e *ContainerEnd) ID() string {
	sum := sha256.Sum256([]byte(fmt.Sprint(e.Container, e.Time.UTC(), ptr.Deref(e.ExitCode, -1))))
	return hex.EncodeToString(sum[:4])
}

// IsOOM tells whether the container was killed for using more memory than its limit.
func (e *ContainerEnd) IsOOM() bool { return e.Reason == v1alpha1.OOMKilledReason }

// IsLost tells whether nobody knows how the container ended: its node, or the runtime there, stopped while it ran, and found it
// gone afterwards. The first word is containerd's, the second the kubelet's.
func (e *ContainerEnd) IsLost() bool {
	return e.Reason == "Unknown" || e.Reason == "ContainerStatusUnknown"
}

// MaxReason is the longest reason of a container's end that a status has room for.
const MaxReason = 64

// FindContainerEnd returns how the named container of a pod, which may be an init
// container, ended: now, or before its last restart. It returns nil for one that hasn't ended.
func FindContainerEnd(pod *corev1.Pod, container string) *ContainerEnd {
	for _, status := range allContainerStatuses(pod) {
		if status.Name != container {
			continue
		}
		for _, state := range []corev1.ContainerState{status.State, status.LastTerminationState} {
			if t := state.Terminated; t != nil {
				return &ContainerEnd{Reason: t.Reason, ExitCode: &t.ExitCode, Output: t.Message, Time: t.FinishedAt, Container: t.ContainerID}
			}
		}
	}
	if pod.Status.Phase != corev1.PodFailed {
		return nil
	}
	return &ContainerEnd{Reason: pod.Status.Reason, Output: pod.Status.Message, Time: podFailureTime(pod)}
}

// podFailureTime is when a pod failed none of whose containers tells: the newest change of its conditions.
func podFailureTime(pod *corev1.Pod) metav1.Time {
	newest := pod.CreationTimestamp
	for i := range pod.Status.Conditions {
		if at := pod.Status.Conditions[i].LastTransitionTime; newest.Before(&at) {
			newest = at
		}
	}
	return newest
}

// IsDisrupted tells whether a pod failed because its node was needed for something
// else: eviction, preemption, drain.
func IsDisrupted(pod *corev1.Pod) bool {
	c := FindCondition(pod, corev1.DisruptionTarget)
	return c != nil && c.Status == corev1.ConditionTrue
}

// IsTerminated tells whether a pod has ended.
func IsTerminated(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
