// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

func warning(reason, message string, seconds int) corev1.Event {
	return corev1.Event{Type: corev1.EventTypeWarning, Reason: reason, Message: message, LastTimestamp: at(seconds)}
}

func normal(reason string, seconds int) corev1.Event {
	return corev1.Event{Type: corev1.EventTypeNormal, Reason: reason, LastTimestamp: at(seconds)}
}

// newestEvent returns the newest of an object's events, or nil.
func newestEvent(events []corev1.Event) *corev1.Event {
	var newest *corev1.Event
	for i := range events {
		newest = newerEvent(newest, &events[i])
	}
	return newest
}

// explainerOf has read these events of the object with this UID.
func explainerOf(kind string, uid types.UID, events ...corev1.Event) *Explainer {
	x := NewExplainer(NewEvents(nil, clocktesting.NewFakePassiveClock(testNow)), clocktesting.NewFakePassiveClock(testNow))
	x.events.groups[eventGroup{kind: kind}] = &waitingGroup{objects: map[types.UID]*waitingObject{
		uid: {read: true, newest: newestEvent(events)},
	}}
	return x
}

func TestFindStartProblem(t *testing.T) {
	series := warning("FailedAttachVolume", "Multi-Attach error", 0)
	series.Series = &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(at(90).Time)}
	micro := warning("FailedMount", "no such host", 0)
	micro.LastTimestamp, micro.EventTime = metav1.Time{}, metav1.NewMicroTime(at(9).Time)
	volume := v1alpha1.VolumeUnavailableReason
	cases := map[string]struct {
		events     []corev1.Event
		wantReason string
		want       string // a part of the message
	}{
		"none":        {},
		"mount fails": {events: []corev1.Event{normal("Scheduled", 0), warning("FailedMount", "no such host", 5)}, wantReason: volume, want: "no such host"},
		"no Secret": {
			events:     []corev1.Event{warning("FailedMount", `MountVolume.SetUp failed for volume "credentials-dataset" : secret "bucket" not found`, 5)},
			wantReason: v1alpha1.CredentialsInvalidReason, want: `secret "bucket" not found; create the object`,
		},
		"it has healed":           {events: []corev1.Event{warning("FailedMount", "no such host", 5), normal("Pulling", 9)}},
		"events come in no order": {events: []corev1.Event{normal("Pulling", 9), warning("FailedMount", "no such host", 5)}},
		"series count too":        {events: []corev1.Event{normal("Scheduled", 60), series}, wantReason: volume, want: "Multi-Attach error"},
		"times of either kind":    {events: []corev1.Event{micro, normal("Scheduled", 5)}, wantReason: volume, want: "no such host"},
		"no sandbox": {
			events: []corev1.Event{normal("Scheduled", 0), warning("FailedCreatePodSandBox", "init was OOM-killed", 5)},
			want:   "pod pets-1 can't start (FailedCreatePodSandBox): init was OOM-killed",
		},
		"no sandbox, and another is tried": {
			events: []corev1.Event{warning("FailedCreatePodSandBox", "init was OOM-killed", 5), normal("SandboxChanged", 6)},
			want:   "init was OOM-killed",
		},
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pets-1"}}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := findStartProblem(pod, newestEvent(tc.events))
			if got.Reason != tc.wantReason || !strings.Contains(got.Message, tc.want) || (got.Message == "") != (tc.want == "") {
				t.Errorf("problem = %+v, want %q and a message with %q", got, tc.wantReason, tc.want)
			}
		})
	}
}

func TestFindCreateProblem(t *testing.T) {
	quota := `Error creating: pods "pets-1a2b3c4d-x7k2p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0`
	const wantQuota = "the pod of Job pets-1a2b3c4d can't be created: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0; " +
		"raise the quota, or delete what it counts and nobody needs"
	cases := map[string]struct {
		events []corev1.Event
		want   string
	}{
		"none":     {},
		"quota":    {events: []corev1.Event{warning("FailedCreate", quota, 5)}, want: wantQuota},
		"combined": {events: []corev1.Event{warning("FailedCreate", "(combined from similar events): "+quota, 5)}, want: wantQuota},
		"made since": {
			events: []corev1.Event{warning("FailedCreate", quota, 5), normal("SuccessfulCreate", 9)},
		},
		"a webhook": {
			events: []corev1.Event{warning("FailedCreate", `Error creating: admission webhook "w" denied the request: no`, 5)},
			want:   `the pod of Job pets-1a2b3c4d can't be created: admission webhook "w" denied the request: no`,
		},
		"another warning": {events: []corev1.Event{warning("TooManyActivePods", "x", 5)}},
	}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "pets-1a2b3c4d"}}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(podstate.Problem{Message: tc.want}, findCreateProblem(job, podstate.Asker{}, newestEvent(tc.events))); diff != "" {
				t.Errorf("problem (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExplainJob(t *testing.T) {
	cases := map[string]struct {
		change    func(*batchv1.Job)
		want      podstate.Problem
		wantAgain time.Duration
	}{
		"long without a pod": {
			change: func(*batchv1.Job) {}, want: podstate.Problem{Message: "the pod of Job pets-1a2b3c4d can't be created: no room"}, wantAgain: recheckStart,
		},
		"its events are unread": {
			change: func(job *batchv1.Job) { job.UID = "job-2" }, want: podstate.Problem{Unread: true}, wantAgain: recheckStart,
		},
		"just made":     {change: func(job *batchv1.Job) { job.CreationTimestamp = metav1.NewTime(testNow) }, wantAgain: startGrace},
		"not yet long":  {change: func(job *batchv1.Job) { job.CreationTimestamp = metav1.NewTime(testNow.Add(-4 * time.Second)) }, wantAgain: startGrace - 4*time.Second},
		"made tomorrow": {change: func(job *batchv1.Job) { job.CreationTimestamp = metav1.NewTime(testNow.Add(24 * time.Hour)) }, wantAgain: startGrace},
		"held by Kueue": {change: func(job *batchv1.Job) {
			job.Spec.Suspend, job.Labels = ptr.To(true), map[string]string{children.KueueQueueLabel: "team-a"}
		}},
		"held by nobody knows whom": {
			change: func(job *batchv1.Job) { job.Spec.Suspend = ptr.To(true) },
			want:   podstate.Problem{Message: "Job pets-1a2b3c4d is suspended, though no queue holds it: find what suspends it, such as an admission webhook, and let it go on"},
		},
		"being deleted": {change: func(job *batchv1.Job) { job.DeletionTimestamp = &t0 }},
		"ended": {change: func(job *batchv1.Job) {
			job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue}}
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "pets-1a2b3c4d", UID: "job-1", CreationTimestamp: t0}}
			tc.change(job)
			got, again := explainerOf(children.JobKind, "job-1", warning("FailedCreate", "no room", 5)).ExplainJob(wrappers.MakeTrainingRun("pets", "zoo").Obj(), job, podstate.Asker{})
			if got != tc.want || again != tc.wantAgain {
				t.Errorf("explainJob = %+v, %s; want %+v, %s", got, again, tc.want, tc.wantAgain)
			}
		})
	}
}

func TestExplainPod(t *testing.T) {
	cases := map[string]struct {
		change    func(*corev1.Pod)
		want      podstate.Problem
		wantAgain time.Duration
	}{
		"long without a container": {
			change: func(*corev1.Pod) {}, want: podstate.Problem{Message: "pod pets-1 can't start (FailedCreatePodSandBox): no room"}, wantAgain: recheckStart,
		},
		"its events are unread": {change: func(pod *corev1.Pod) { pod.UID = "pod-2" }, want: podstate.Problem{Unread: true}, wantAgain: recheckStart},
		"just made":             {change: func(pod *corev1.Pod) { pod.CreationTimestamp = metav1.NewTime(testNow) }, wantAgain: startGrace},
		"running":               {change: func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodRunning }},
		"its status tells": {change: func(pod *corev1.Pod) {
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "no cpu"}}
		}, want: podstate.Problem{Reason: v1alpha1.UnschedulableReason, Message: "no node can run pod pets-1: no cpu; add a node that fits spec.podTemplate, or ask for less there"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: "pets-1", UID: "pod-1", CreationTimestamp: t0},
				Spec:       corev1.PodSpec{NodeName: "n1"}, Status: corev1.PodStatus{Phase: corev1.PodPending},
			}
			tc.change(pod)
			got, again := explainerOf(children.PodKind, "pod-1", warning("FailedCreatePodSandBox", "no room", 5)).ExplainPod(wrappers.MakeTrainingRun("pets", "zoo").Obj(), pod)
			if got != tc.want || again != tc.wantAgain {
				t.Errorf("explainPod = %+v, %s; want %+v, %s", got, again, tc.want, tc.wantAgain)
			}
		})
	}
}
