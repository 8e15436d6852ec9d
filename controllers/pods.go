// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// podProblem is why a pod doesn't get to run. It heals by itself once its cause is
// gone. The zero value is no problem.
type podProblem struct {
	// reason is a condition's reason; it is empty for a problem that has none of its own.
	reason  string
	message string
}

// findPodProblem tells what keeps a pod from running. The first cause on the pod's
// way decides: scheduling, then volumes, then its containers in order.
func findPodProblem(pod *corev1.Pod) podProblem {
	if pod.DeletionTimestamp != nil || isTerminated(pod) {
		return podProblem{}
	}
	if c := findPodCondition(pod, corev1.PodScheduled); c != nil && c.Status == corev1.ConditionFalse {
		return schedulingProblem(pod, c)
	}
	for _, status := range allContainerStatuses(pod) {
		if problem := waitingProblem(status.Name, status.State.Waiting); problem.message != "" {
			return problem
		}
	}
	return podProblem{}
}

// volumeGrace is how long a pod may wait for its volumes before its events are asked for the cause.
const volumeGrace = 10 * time.Second

// explainPod tells what keeps a pod from running, and in how long to ask again if time
// alone may bring that to light; zero if not. It reads the pod's events only where
// nothing else tells.
func explainPod(ctx context.Context, live client.Reader, pod *corev1.Pod, now time.Time) (podProblem, time.Duration, error) {
	problem := findPodProblem(pod)
	if problem.message != "" || !isAwaitingVolumes(pod) {
		return problem, 0, nil
	}
	if now.Sub(pod.CreationTimestamp.Time) < volumeGrace {
		return podProblem{}, volumeGrace, nil
	}
	podEvents := &corev1.EventList{}
	if err := live.List(ctx, podEvents, client.InNamespace(pod.Namespace), client.MatchingFields{"involvedObject.uid": string(pod.UID)}); err != nil {
		return podProblem{}, 0, fmt.Errorf("list the events of pod %s: %w", klog.KObj(pod), err)
	}
	return findVolumeProblem(pod, podEvents.Items), volumeGrace, nil
}

// findVolumeProblem tells from a pod's events whether its volumes are what keeps it
// from starting: the kubelet and the attach controller say so nowhere else. The
// newest event decides: anything else after a failed mount means that it healed.
func findVolumeProblem(pod *corev1.Pod, podEvents []corev1.Event) podProblem {
	var newest *corev1.Event
	for i := range podEvents {
		event := &podEvents[i]
		if event.InvolvedObject.UID == pod.UID && (newest == nil || eventTime(newest).Before(eventTime(event))) {
			newest = event
		}
	}
	if newest == nil || newest.Reason != "FailedMount" && newest.Reason != "FailedAttachVolume" {
		return podProblem{}
	}
	return volumeUnavailable(newest.Message)
}

func eventTime(event *corev1.Event) *metav1.Time {
	if event.Series != nil {
		return &metav1.Time{Time: event.Series.LastObservedTime.Time}
	}
	if !event.LastTimestamp.IsZero() {
		return &event.LastTimestamp
	}
	return &metav1.Time{Time: event.EventTime.Time}
}

// isAwaitingVolumes tells whether a pod has a node but neither a container that
// waits for something else nor one that has started: its volumes may be the cause.
func isAwaitingVolumes(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodPending || pod.Spec.NodeName == "" {
		return false
	}
	for _, status := range allContainerStatuses(pod) {
		if w := status.State.Waiting; w == nil || w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" {
			return false
		}
	}
	return true
}

func schedulingProblem(pod *corev1.Pod, c *corev1.PodCondition) podProblem {
	if c.Reason == corev1.PodReasonSchedulingGated {
		return podProblem{message: "the pod's scheduling is held by its scheduling gates"}
	}
	if usesClaims(pod) && isVolumeMessage(c.Message) {
		return volumeUnavailable(c.Message)
	}
	return podProblem{
		reason:  v1alpha1.UnschedulableReason,
		message: fmt.Sprintf("no node can run pod %s: %s", pod.Name, c.Message),
	}
}

// volumeMessages are what the scheduler says when it is a volume that excludes a node.
var volumeMessages = []string{
	"persistentvolume", // as in: persistentvolumeclaim "pets" not found
	"volume node affinity conflict",
	"volume binding",
	"unavailable due to persistentvolume",
	"max volume count",
	"read-write-once-pod",
	"readwriteoncepod",
	"provision",
}

func isVolumeMessage(message string) bool {
	message = strings.ToLower(message)
	for _, sign := range volumeMessages {
		if strings.Contains(message, sign) {
			return true
		}
	}
	return false
}

func usesClaims(pod *corev1.Pod) bool {
	for i := range pod.Spec.Volumes {
		if pod.Spec.Volumes[i].PersistentVolumeClaim != nil {
			return true
		}
	}
	return false
}

func volumeUnavailable(cause string) podProblem {
	return podProblem{
		reason: v1alpha1.VolumeUnavailableReason,
		message: "a volume can't be used: " + cause +
			"; check that the claim exists and is bound; one used on several nodes must be ReadWriteMany, or its content must be in an object store",
	}
}

// imageReasons are what the kubelet says of an image that it can't get.
var imageReasons = map[string]bool{
	"ImagePullBackOff":          true,
	"ErrImagePull":              true,
	"ErrImageNeverPull":         true,
	"InvalidImageName":          true,
	"ImageInspectError":         true,
	"RegistryUnavailable":       true,
	"SignatureValidationFailed": true,
}

// startingReasons are what the kubelet says while nothing is wrong.
var startingReasons = map[string]bool{"": true, "ContainerCreating": true, "PodInitializing": true}

func waitingProblem(container string, w *corev1.ContainerStateWaiting) podProblem {
	switch {
	case w == nil || startingReasons[w.Reason]:
		return podProblem{}
	case imageReasons[w.Reason]:
		return podProblem{
			reason:  v1alpha1.ImagePullBackOffReason,
			message: fmt.Sprintf("the image of container %s can't be pulled (%s): %s", container, w.Reason, w.Message),
		}
	default: // CreateContainerConfigError, CrashLoopBackOff and others
		return podProblem{message: fmt.Sprintf("container %s can't start (%s): %s", container, w.Reason, w.Message)}
	}
}

// containerEnd is how a container ended.
type containerEnd struct {
	// reason is the kubelet's word, such as OOMKilled, Error or Completed, or the
	// pod's own, such as Evicted, where the container has none.
	reason string
	// exitCode is nil if the container never ran.
	exitCode *int32
	// output is the termination message as the container left it, or the end of its
	// log: nothing in it can be trusted.
	output string
	time   metav1.Time
}

// isOOM tells whether the container was killed for using more memory than its limit.
func (e *containerEnd) isOOM() bool { return e.reason == v1alpha1.OOMKilledReason }

// findContainerEnd returns how the named container of a pod ended: now, or before its
// last restart. It returns nil for one that hasn't ended.
func findContainerEnd(pod *corev1.Pod, container string) *containerEnd {
	for _, status := range pod.Status.ContainerStatuses {
		if status.Name != container {
			continue
		}
		for _, state := range []corev1.ContainerState{status.State, status.LastTerminationState} {
			if t := state.Terminated; t != nil {
				return &containerEnd{reason: t.Reason, exitCode: &t.ExitCode, output: t.Message, time: t.FinishedAt}
			}
		}
	}
	if pod.Status.Phase != corev1.PodFailed {
		return nil
	}
	return &containerEnd{reason: pod.Status.Reason, output: pod.Status.Message, time: podFailureTime(pod)}
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

// isDisrupted tells whether a pod failed because its node was needed for something
// else: eviction, preemption, drain.
func isDisrupted(pod *corev1.Pod) bool {
	c := findPodCondition(pod, corev1.DisruptionTarget)
	return c != nil && c.Status == corev1.ConditionTrue
}

func isTerminated(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func findPodCondition(pod *corev1.Pod, conditionType corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == conditionType {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

func allContainerStatuses(pod *corev1.Pod) []corev1.ContainerStatus {
	statuses := make([]corev1.ContainerStatus, 0, len(pod.Status.InitContainerStatuses)+len(pod.Status.ContainerStatuses))
	statuses = append(statuses, pod.Status.InitContainerStatuses...)
	return append(statuses, pod.Status.ContainerStatuses...)
}
