// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
)

// Why there is no pod, or no container in it. A Deployment's conditions tell; the Job
// controller, the kubelet and the attach controller say it nowhere but in events.

// startGrace is how long a Job may have no pod, and a pod no container, before its events
// are read for the cause.
const startGrace = 10 * time.Second

// startExplainer explains to one controller why the pods that it waits for don't start.
type startExplainer struct {
	events *startEvents
	clock  clock.PassiveClock
	wakes  chan event.GenericEvent // the owners for whom there is news
}

func newStartExplainer(events *startEvents, clock clock.PassiveClock) *startExplainer {
	return &startExplainer{events: events, clock: clock, wakes: make(chan event.GenericEvent)}
}

// explainPod tells what keeps an owner's pod from running, and in how long to ask again
// if time alone may bring that to light; zero if not. It needs the pod's events only
// where nothing else tells.
func (x *startExplainer) explainPod(owner client.Object, pod *corev1.Pod) (podProblem, time.Duration) {
	problem := findPodProblem(pod)
	if problem.message != "" || !isAwaitingStart(pod) {
		x.events.forget(podKind, pod)
		return problem, 0
	}
	newest, unread, again := x.newestEvent(owner, podKind, pod)
	problem = findStartProblem(pod, newest)
	problem.unread = unread
	return problem, again
}

// explainJob tells why an owner's Job, none of whose pods is there, gets none, and in
// how long to ask again; zero if it is to have none. Asker is where its pod has its
// resources from.
func (x *startExplainer) explainJob(owner client.Object, job *batchv1.Job, asker resourceAsker) (podProblem, time.Duration) {
	suspended := ptr.Deref(job.Spec.Suspend, false)
	if suspended || job.DeletionTimestamp != nil || findJobEnd(job) != nil {
		x.events.forget(jobKind, job)
		if suspended && job.Labels[kueueQueueLabel] == "" {
			return podProblem{message: fmt.Sprintf("Job %s is suspended, though it is handed to no queue: find what suspends it, such as an admission webhook", job.Name)}, 0
		}
		return podProblem{}, 0
	}
	newest, unread, again := x.newestEvent(owner, jobKind, job)
	problem := findCreateProblem(job, asker, newest)
	problem.unread = unread
	return problem, again
}

// newestEvent returns the newest event of an object that has waited for longer than
// startGrace, whether its events still have to be read, and in how long to ask again.
func (x *startExplainer) newestEvent(owner client.Object, kind string, object client.Object) (newest *corev1.Event, unread bool, again time.Duration) {
	if grace := startGrace - x.clock.Since(object.GetCreationTimestamp().Time); grace > 0 {
		return nil, false, min(grace, startGrace) // the API server's clock may be ahead
	}
	newest, read := x.events.ask(kind, object, client.ObjectKeyFromObject(owner), x.wakes)
	return newest, !read, recheckStart
}

// findStartProblem tells from a pod's newest event what keeps its containers from being
// created: anything else after a warning means that it healed.
func findStartProblem(pod *corev1.Pod, newest *corev1.Event) podProblem {
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

// findCreateProblem tells from a Job's newest event whether its pod is refused.
func findCreateProblem(job *batchv1.Job, asker resourceAsker, newest *corev1.Event) podProblem {
	if newest == nil || newest.Reason != failedCreate {
		return podProblem{}
	}
	cause := strings.TrimPrefix(newest.Message, "(combined from similar events): ")
	return createProblem("the pod of Job "+job.Name, asker, strings.TrimPrefix(cause, "Error creating: "))
}

// newerEvent returns the newer of two events of an object, of which the first may be
// nil. That a sandbox is created again is no news: the failure before it is.
func newerEvent(a, b *corev1.Event) *corev1.Event {
	if b.Reason == "SandboxChanged" || a != nil && !eventTime(a).Before(eventTime(b)) {
		return a
	}
	return b
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
