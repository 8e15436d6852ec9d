// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package podstate

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// isSilent tells whether the node of a running pod has not answered for so long that the node controller says so: it takes the
// pod's Ready away and leaves everything else as the kubelet reported it last. Without a readiness gate that isn't met a
// kubelet never reports a pod that isn't ready though its containers are.
func isSilent(pod *corev1.Pod) bool {
	ready, containers := FindCondition(pod, corev1.PodReady), FindCondition(pod, corev1.ContainersReady)
	if pod.Status.Phase != corev1.PodRunning ||
		ready == nil || ready.Status != corev1.ConditionFalse || containers == nil || containers.Status != corev1.ConditionTrue {
		return false
	}
	for _, gate := range pod.Spec.ReadinessGates {
		if met := FindCondition(pod, gate.ConditionType); met == nil || met.Status != corev1.ConditionTrue {
			return false
		}
	}
	return true
}

// silentMessage says what to make of a pod whose node doesn't answer. What else there is to know of a node is not
// Trainyard's to read.
func silentMessage(pod *corev1.Pod) string {
	since := FindCondition(pod, corev1.PodReady).LastTransitionTime.UTC().Format(time.RFC3339)
	removal := "the pod stays, because its tolerations have no end"
	if seconds, ends := toleratesSilence(pod); ends {
		removal = fmt.Sprintf("the pod is deleted after %s", time.Duration(seconds)*time.Second)
	}
	return fmt.Sprintf("node %[1]s has not answered since %[2]s, and pod %[3]s is on it; if the node doesn't come back, %[4]s; "+
		"delete Node %[1]s if it is lost for good", pod.Spec.NodeName, since, pod.Name, removal)
}

// toleratesSilence returns for how long a pod tolerates that its node doesn't answer; false if for ever.
func toleratesSilence(pod *corev1.Pod) (seconds int64, ends bool) {
	for i := range pod.Spec.Tolerations {
		t := &pod.Spec.Tolerations[i]
		if t.Key != "" && t.Key != corev1.TaintNodeUnreachable || t.Effect != "" && t.Effect != corev1.TaintEffectNoExecute {
			continue
		}
		if t.TolerationSeconds == nil {
			return 0, false
		}
		if !ends || *t.TolerationSeconds < seconds {
			seconds, ends = *t.TolerationSeconds, true
		}
	}
	return max(0, seconds), true
}
