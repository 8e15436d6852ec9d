// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package podstate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Problem is why a pod doesn't get to run. It heals by itself once its cause is
// gone. The zero value is no problem.
type Problem struct {
	// Reason is a condition's reason; it is empty for a problem that has none of its own.
	Reason  string
	Message string
	// Unread says that the cause may be in events that haven't been read yet: what
	// status says of it still holds as far as is known.
	Unread bool
}

// FindProblem tells what keeps a pod from running. The first cause on the pod's
// way decides: scheduling, then volumes, then its containers in order.
func FindProblem(pod *corev1.Pod) Problem {
	if pod.DeletionTimestamp != nil || IsTerminated(pod) {
		return Problem{}
	}
	if c := FindCondition(pod, corev1.PodScheduled); c != nil && c.Status == corev1.ConditionFalse {
		return schedulingProblem(pod, c)
	}
	for _, status := range allContainerStatuses(pod) {
		if problem := waitingProblem(status.Name, status.State.Waiting); problem.Message != "" {
			return problem
		}
	}
	return Problem{}
}

func schedulingProblem(pod *corev1.Pod, c *corev1.PodCondition) Problem {
	if c.Reason == corev1.PodReasonSchedulingGated {
		return Problem{Message: "the pod's scheduling is held by its scheduling gates"}
	}
	if usesClaims(pod) && isVolumeMessage(c.Message) {
		return VolumeUnavailable(c.Message)
	}
	return Problem{
		Reason:  v1alpha1.UnschedulableReason,
		Message: fmt.Sprintf("no node can run pod %s: %s", pod.Name, c.Message),
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

func VolumeUnavailable(cause string) Problem {
	cause = strings.TrimSuffix(cause, ".")
	// The scheduler appends what it says of preemption, which repeats the end.
	if once, twice := strings.CutSuffix(cause, ". not found"); twice && strings.HasSuffix(once, "not found") {
		cause = once
	}
	return Problem{
		Reason: v1alpha1.VolumeUnavailableReason,
		Message: "a volume can't be used: " + cause +
			"; check that the claim exists and is bound; one that is used on several nodes must be ReadWriteMany",
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

func waitingProblem(container string, w *corev1.ContainerStateWaiting) Problem {
	switch {
	case w == nil || startingReasons[w.Reason]:
		return Problem{}
	case imageReasons[w.Reason]:
		return Problem{
			Reason:  v1alpha1.ImagePullBackOffReason,
			Message: fmt.Sprintf("the image of container %s can't be pulled (%s): %s", container, w.Reason, w.Message),
		}
	default: // CreateContainerConfigError, CrashLoopBackOff and others
		return Problem{Message: fmt.Sprintf("container %s can't start (%s): %s", container, w.Reason, w.Message)}
	}
}

// MaxReason is the longest reason of a container's end that a status has room for.
const MaxReason = 64

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

// FindContainerEnd returns how the named container of a pod ended: now, or before its
// last restart. It returns nil for one that hasn't ended.
func FindContainerEnd(pod *corev1.Pod, container string) *ContainerEnd {
	for _, status := range pod.Status.ContainerStatuses {
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

func IsTerminated(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// leaveGrace is how long after the end of its grace period a pod may still be there before
// status says that its node may be lost.
const leaveGrace = time.Minute

// IsLeaving tells whether a pod, which may be nil, is being deleted and hasn't ended.
func IsLeaving(pod *corev1.Pod) bool {
	return pod != nil && pod.DeletionTimestamp != nil && !IsTerminated(pod)
}

// DescribeLeaving says what is waited for until a pod has ended, and in how long to look
// again if time alone makes a difference. The kubelet says so; the kubelet of a lost node
// can't, and nobody but a person knows whether the pod still runs there.
func DescribeLeaving(pod *corev1.Pod, now time.Time) (message string, again time.Duration) {
	if pod.DeletionTimestamp == nil {
		return fmt.Sprintf("waiting for pod %q of an earlier Job on node %q to end", pod.Name, pod.Spec.NodeName), 0
	}
	if overdue := now.Sub(pod.DeletionTimestamp.Time); overdue < leaveGrace {
		return fmt.Sprintf("waiting for pod %q on node %q to stop", pod.Name, pod.Spec.NodeName), min(leaveGrace-overdue, leaveGrace)
	}
	return fmt.Sprintf("pod %[1]q on node %[2]q should have stopped by %[3]s; another starts once it is gone. If node %[2]q is lost for good, delete the Node "+
		"or taint it with node.kubernetes.io/out-of-service=nodeshutdown:NoExecute; if the pod surely doesn't run any more, run kubectl delete pod %[1]s --force",
		pod.Name, pod.Spec.NodeName, pod.DeletionTimestamp.UTC().Format(time.RFC3339)), 0
}

// IsAwaitingStart tells whether a pod has a node but neither a container that waits
// for something else nor one that has started: its volumes or its sandbox may be the cause.
func IsAwaitingStart(pod *corev1.Pod) bool {
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

func FindCondition(pod *corev1.Pod, conditionType corev1.PodConditionType) *corev1.PodCondition {
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
