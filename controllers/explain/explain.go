// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package explain

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

	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
)

// Why there is no pod, or no container in it. A Deployment's conditions tell; the Job
// controller, the kubelet and the attach controller say it nowhere but in events.

// startGrace is how long a Job may have no pod, and a pod no container, before its events
// are read for the cause.
const startGrace = 10 * time.Second

// Explainer explains to one controller why the pods that it waits for don't start.
type Explainer struct {
	events *Events
	clock  clock.PassiveClock
	Wakes  chan event.GenericEvent // the owners for whom there is news
}

// NewExplainer returns the explainer of one controller.
func NewExplainer(events *Events, clock clock.PassiveClock) *Explainer {
	return &Explainer{events: events, clock: clock, Wakes: make(chan event.GenericEvent)}
}

// ExplainPod tells what keeps an owner's pod from running, and in how long to ask again
// if time alone may bring that to light; zero if not. It needs the pod's events only
// where nothing else tells.
func (x *Explainer) ExplainPod(owner client.Object, pod *corev1.Pod) (podstate.Problem, time.Duration) {
	problem := podstate.FindProblem(pod)
	if problem.Message != "" || !podstate.IsAwaitingStart(pod) {
		x.events.forget(children.PodKind, pod)
		return problem, 0
	}
	newest, unread, again := x.newestEvent(owner, children.PodKind, pod)
	problem = findStartProblem(pod, newest)
	problem.Unread = unread
	return problem, again
}

// ExplainJob tells why an owner's Job, none of whose pods is there, gets none, and in
// how long to ask again; zero if it is to have none. Asker is where its pod has its
// resources from.
func (x *Explainer) ExplainJob(owner client.Object, job *batchv1.Job, asker podstate.Asker) (podstate.Problem, time.Duration) {
	suspended := ptr.Deref(job.Spec.Suspend, false)
	if suspended || job.DeletionTimestamp != nil || children.FindJobEnd(job) != nil {
		x.events.forget(children.JobKind, job)
		if suspended && job.Labels[children.KueueQueueLabel] == "" {
			return podstate.Problem{Message: fmt.Sprintf("Job %s is suspended, though no queue holds it: find what suspends it, such as an admission webhook, and let it go on", job.Name)}, 0
		}
		return podstate.Problem{}, 0
	}
	newest, unread, again := x.newestEvent(owner, children.JobKind, job)
	problem := findCreateProblem(job, asker, newest)
	problem.Unread = unread
	return problem, again
}

// newestEvent returns the newest event of an object that has waited for longer than
// startGrace, whether its events still have to be read, and in how long to ask again.
func (x *Explainer) newestEvent(owner client.Object, kind string, object client.Object) (newest *corev1.Event, unread bool, again time.Duration) {
	if grace := startGrace - x.clock.Since(object.GetCreationTimestamp().Time); grace > 0 {
		return nil, false, min(grace, startGrace) // the API server's clock may be ahead
	}
	newest, read := x.events.ask(kind, object, client.ObjectKeyFromObject(owner), x.Wakes)
	return newest, !read, recheckStart
}

// findStartProblem tells from a pod's newest event what keeps its containers from being
// created: anything else after a warning means that it healed.
func findStartProblem(pod *corev1.Pod, newest *corev1.Event) podstate.Problem {
	switch {
	case newest == nil:
		return podstate.Problem{}
	case newest.Reason == "FailedMount", newest.Reason == "FailedAttachVolume":
		return podstate.VolumeUnavailable(newest.Message)
	case newest.Type == corev1.EventTypeWarning:
		return podstate.Problem{Message: fmt.Sprintf("pod %s can't start (%s): %s", pod.Name, newest.Reason, newest.Message)}
	default:
		return podstate.Problem{}
	}
}

// findCreateProblem tells from a Job's newest event whether its pod is refused.
func findCreateProblem(job *batchv1.Job, asker podstate.Asker, newest *corev1.Event) podstate.Problem {
	if newest == nil || newest.Reason != podstate.FailedCreate {
		return podstate.Problem{}
	}
	cause := strings.TrimPrefix(newest.Message, "(combined from similar events): ")
	return podstate.Refused("the pod of Job "+job.Name, asker, strings.TrimPrefix(cause, "Error creating: "))
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
