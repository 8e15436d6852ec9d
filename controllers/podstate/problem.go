// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package podstate

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

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
// way decides: scheduling, then volumes, then its containers in order, then its node.
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
	if isSilent(pod) {
		return Problem{Reason: v1alpha1.NodeNotReadyReason, Message: silentMessage(pod)}
	}
	return Problem{}
}

func schedulingProblem(pod *corev1.Pod, c *corev1.PodCondition) Problem {
	if c.Reason == corev1.PodReasonSchedulingGated {
		return Problem{Message: fmt.Sprintf("pod %s isn't scheduled: whoever set its scheduling gates has to remove them", pod.Name)}
	}
	if usesClaims(pod) && isVolumeMessage(c.Message) {
		return VolumeUnavailable(c.Message)
	}
	return Problem{
		Reason:  v1alpha1.UnschedulableReason,
		Message: fmt.Sprintf("no node can run pod %s: %s; add a node that fits spec.podTemplate, or ask for less there", pod.Name, strings.TrimSuffix(c.Message, ".")),
	}
}

// volumeSigns are what the scheduler says when it is a volume that excludes a node.
var volumeSigns = []string{
	"persistentvolume", // as in: persistentvolumeclaim "pets" not found
	"volume node affinity conflict",
	"volume binding",
	"unavailable due to persistentvolume",
	"max volume count",
	"read-write-once-pod",
	"readwriteoncepod",
	"provision",
}

// isElsewhere tells whether the scheduler says that a volume is on other nodes than those that the pod may run on.
func isElsewhere(message string) bool {
	return strings.Contains(message, "PersistentVolume's node affinity") || strings.Contains(message, "volume node affinity conflict")
}

func isVolumeMessage(message string) bool {
	message = strings.ToLower(message)
	for _, sign := range volumeSigns {
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

// accessVolume finds what is said of a volume of credentials or certificates, or of an object that it is made of.
var accessVolume = regexp.MustCompile(`"(credentials|ca)-[a-z]+"`)

// IsOfVolume tells whether a reason is one of those that VolumeUnavailable gives.
func IsOfVolume(reason string) bool {
	return reason == v1alpha1.VolumeUnavailableReason || reason == v1alpha1.CredentialsInvalidReason
}

// VolumeUnavailable is that a volume of a pod can't be used for this cause.
func VolumeUnavailable(cause string) Problem {
	cause = strings.TrimSuffix(cause, ".")
	if accessVolume.MatchString(cause) {
		return Problem{
			Reason:  v1alpha1.CredentialsInvalidReason,
			Message: "the credentials or certificates that the spec names can't be mounted: " + cause + "; create the object, with the keys it should have; the pod then starts by itself",
		}
	}
	if isElsewhere(cause) {
		return Problem{
			Reason: v1alpha1.VolumeUnavailableReason,
			Message: "a volume is bound to another node than the pod can run on: " + cause +
				"; let the pod run there (nodeSelector, tolerations and resources in spec.podTemplate; is the node up?), or use a claim or an object store that every node reaches",
		}
	}
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
			Message: fmt.Sprintf("the image of container %s can't be pulled (%s): %s; check its name, and spec.podTemplate.imagePullSecrets or those of the pod's service account", container, w.Reason, w.Message),
		}
	default: // CreateContainerConfigError, CrashLoopBackOff and others
		return Problem{Message: fmt.Sprintf("container %s can't start (%s): %s", container, w.Reason, w.Message)}
	}
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

// FindCondition returns a condition of a pod, or nil.
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
