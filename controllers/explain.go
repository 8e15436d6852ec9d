// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Why there is no pod, or no container in it. A Deployment's conditions tell; the Job
// controller, the kubelet and the attach controller say it nowhere but in events.

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
	return findCreateProblem(job, jobEvents), startGrace, nil
}

// listEvents reads an object's events past the cache: they are never watched.
func listEvents(ctx context.Context, live client.Reader, object client.Object) ([]corev1.Event, error) {
	list := &corev1.EventList{}
	err := live.List(ctx, list, client.InNamespace(object.GetNamespace()), client.MatchingFields{"involvedObject.uid": string(object.GetUID())})
	return list.Items, err
}

// podName is how the API server's refusal of a pod starts: with a name that is another each time.
var podName = regexp.MustCompile(`^[Pp]ods? "[^"]*" is (forbidden|invalid): `)

// failedCreate is the reason of the Job controller's event, and of a Deployment's
// condition, that tells of a pod that was refused.
const failedCreate = "FailedCreate"

// findCreateProblem tells from a Job's events whether its pod is refused. The newest
// event decides.
func findCreateProblem(job *batchv1.Job, jobEvents []corev1.Event) podProblem {
	newest := newestEvent(jobEvents)
	if newest == nil || newest.Reason != failedCreate {
		return podProblem{}
	}
	cause := strings.TrimPrefix(newest.Message, "(combined from similar events): ")
	return createProblem("the pod of Job "+job.Name, strings.TrimPrefix(cause, "Error creating: "))
}

// findReplicaProblem tells from a Deployment's conditions whether its pods are refused.
func findReplicaProblem(deployment *appsv1.Deployment) podProblem {
	for i := range deployment.Status.Conditions {
		c := &deployment.Status.Conditions[i]
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue && c.Reason == failedCreate {
			return createProblem("pods of Deployment "+deployment.Name, c.Message)
		}
	}
	return podProblem{}
}

// createProblem is that pods are refused for this cause: by a quota, a LimitRange, an
// admission webhook, Pod Security. What only a person can tell from the cause has no remedy.
func createProblem(pods, cause string) podProblem {
	cause = podName.ReplaceAllString(cause, "")
	message := fmt.Sprintf("%s can't be made: %s", pods, cause)
	for _, refusal := range refusals {
		if strings.Contains(cause, refusal.sign) {
			return podProblem{message: message + "; " + refusal.remedy}
		}
	}
	return podProblem{message: message}
}

// refusals are what the API server's own admission says of pods that it refuses.
var refusals = []struct{ sign, remedy string }{
	{"exceeded quota: ", "raise the quota, or ask for less in spec.podTemplate.resources"},
	{"failed quota: ", "set what the quota counts in spec.podTemplate.resources"},
	{" usage per Container is ", "keep spec.podTemplate.resources within the namespace's LimitRange"},
	{" usage per Pod is ", "keep spec.podTemplate.resources within the namespace's LimitRange"},
	{"violates PodSecurity ", "Trainyard's own pods meet the level restricted: find what adds to them, such as an injector of sidecars"},
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
