// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package podstate

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

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
		return fmt.Sprintf("waiting for pod %s of an earlier Job on node %s to end", pod.Name, pod.Spec.NodeName), 0
	}
	if overdue := now.Sub(pod.DeletionTimestamp.Time); overdue < leaveGrace {
		return fmt.Sprintf("waiting for pod %s on node %s to stop", pod.Name, pod.Spec.NodeName), min(leaveGrace-overdue, leaveGrace)
	}
	return fmt.Sprintf("pod %[1]s on node %[2]s should have stopped by %[3]s; another starts once it is gone. If node %[2]s is lost for good, delete the Node "+
		"or taint it with node.kubernetes.io/out-of-service=nodeshutdown:NoExecute; if the pod surely doesn't run any more, run kubectl delete pod %[1]s --force",
		pod.Name, pod.Spec.NodeName, pod.DeletionTimestamp.UTC().Format(time.RFC3339)), 0
}
