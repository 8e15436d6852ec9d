// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What only events tell: the Job controller, the kubelet and the attach controller say
// nowhere else why there is no pod, or no container in it.

// startGrace is how long a Job may have no pod, and a pod no container, before events
// are asked for the cause.
const startGrace = 10 * time.Second

// explainPod tells what keeps a pod from running, and in how long to ask again if time
// alone may bring that to light; zero if not. It reads the pod's events only where
// nothing else tells.
func explainPod(ctx context.Context, live client.Reader, pod *corev1.Pod, now time.Time) (podProblem, time.Duration, error) {
	problem := findPodProblem(pod)
	if problem.message != "" || !isAwaitingStart(pod) {
		return problem, 0, nil
	}
	if now.Sub(pod.CreationTimestamp.Time) < startGrace {
		return podProblem{}, startGrace, nil
	}
	podEvents, err := listEvents(ctx, live, pod)
	if err != nil {
		return podProblem{}, 0, fmt.Errorf("list the events of pod %s: %w", klog.KObj(pod), err)
	}
	return findStartProblem(pod, podEvents), startGrace, nil
}

// explainJob tells why a Job, none of whose pods is there, gets none, and in how long
// to ask again; zero if it is to have none.
func explainJob(ctx context.Context, live client.Reader, job *batchv1.Job, now time.Time) (podProblem, time.Duration, error) {
	if job.DeletionTimestamp != nil || findJobEnd(job) != nil || ptr.Deref(job.Spec.Suspend, false) {
		return podProblem{}, 0, nil
	}
	if now.Sub(job.CreationTimestamp.Time) < startGrace {
		return podProblem{}, startGrace, nil
	}
	jobEvents, err := listEvents(ctx, live, job)
	if err != nil {
		return podProblem{}, 0, fmt.Errorf("list the events of Job %s: %w", klog.KObj(job), err)
	}
	return findCreateProblem(jobEvents), startGrace, nil
}

// listEvents reads an object's events past the cache: they are never watched.
func listEvents(ctx context.Context, live client.Reader, object client.Object) ([]corev1.Event, error) {
	list := &corev1.EventList{}
	err := live.List(ctx, list, client.InNamespace(object.GetNamespace()), client.MatchingFields{"involvedObject.uid": string(object.GetUID())})
	return list.Items, err
}

// podName is how the API server's refusal of a pod starts: with a name that is another each time.
var podName = regexp.MustCompile(`^[Pp]ods? "[^"]*" is (forbidden|invalid): `)

// findCreateProblem tells from a Job's events whether its pod is refused: by a quota,
// an admission webhook, Pod Security. The newest event decides.
func findCreateProblem(jobEvents []corev1.Event) podProblem {
	newest := newestEvent(jobEvents)
	if newest == nil || newest.Reason != "FailedCreate" {
		return podProblem{}
	}
	cause := strings.TrimPrefix(newest.Message, "(combined from similar events): ")
	cause = podName.ReplaceAllString(strings.TrimPrefix(cause, "Error creating: "), "")
	return podProblem{message: "the Job's pod can't be made: " + cause}
}

// findStartProblem tells from a pod's events what keeps its containers from being made.
// The newest event decides: anything else after a warning means that it healed.
func findStartProblem(pod *corev1.Pod, podEvents []corev1.Event) podProblem {
	newest := newestEvent(podEvents)
	switch {
	case newest == nil:
		return podProblem{}
	case newest.Reason == "FailedMount", newest.Reason == "FailedAttachVolume":
		return volumeUnavailable(newest.Message)
	case newest.Type == corev1.EventTypeWarning:
		return podProblem{message: fmt.Sprintf("pod %s can't start (%s): %s", pod.Name, newest.Reason, newest.Message)}
	default:
		return podProblem{}
	}
}

// newestEvent returns the newest of an object's events, or nil. That a sandbox is made
// again is no news: the failure before it is.
func newestEvent(events []corev1.Event) *corev1.Event {
	var newest *corev1.Event
	for i := range events {
		event := &events[i]
		if event.Reason != "SandboxChanged" && (newest == nil || eventTime(newest).Before(eventTime(event))) {
			newest = event
		}
	}
	return newest
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

// isAwaitingStart tells whether a pod has a node but neither a container that waits
// for something else nor one that has started: its volumes or its sandbox may be the cause.
func isAwaitingStart(pod *corev1.Pod) bool {
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
