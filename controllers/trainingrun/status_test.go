// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// scopeThat returns a scope as observe leaves it before anything has happened.
func scopeThat(change func(*scope)) *scope {
	s := &scope{run: makeRun().Obj(), now: testNow, observed: true}
	change(s)
	return s
}

func podIn(phase corev1.PodPhase) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "pets-1"},
		Spec:       corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{Name: "runner"}}},
		Status: corev1.PodStatus{
			Phase: phase, StartTime: ptr.To(at(10)),
			ContainerStatuses: []corev1.ContainerStatus{{Name: "runner", ImageID: "docker-pullable://r/i@sha256:1"}},
		},
	}
}

func trainingJob() *batchv1.Job {
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: "pets-1a2b3c4d", Labels: map[string]string{"kueue.x-k8s.io/queue-name": "team-a"}},
		Spec:       batchv1.JobSpec{BackoffLimit: ptr.To[int32](2), ActiveDeadlineSeconds: ptr.To[int64](60)},
	}
}

// summary renders what conditions say: "Ready=False/Training Reconciling=True/Training".
func summary(all []metav1.Condition) string {
	var parts []string
	for _, c := range all {
		parts = append(parts, fmt.Sprintf("%s=%s/%s", c.Type, c.Status, c.Reason))
	}
	return strings.Join(parts, " ")
}

func TestComputeTrainingRunStatusConditions(t *testing.T) {
	running := func(s *scope) { s.job, s.pods = trainingJob(), []*corev1.Pod{podIn(corev1.PodRunning)} }
	cases := map[string]struct {
		scope       func(*scope)
		err         error
		want        string
		wantMessage string // a part of Ready's
	}{
		"nothing yet": {
			scope: func(*scope) {},
			want:  "Ready=Unknown/Pending Reconciling=True/Pending", wantMessage: "waiting for the Job's pod",
		},
		"waiting for Kueue": {
			scope: func(s *scope) { s.job = trainingJob(); s.job.Spec.Suspend = ptr.To(true) },
			want:  "Ready=Unknown/Pending Reconciling=True/Pending", wantMessage: "suspended until queue team-a admits it",
		},
		"pod is starting": {
			scope: func(s *scope) {
				running(s)
				s.pods[0].Status = corev1.PodStatus{Phase: corev1.PodPending}
			},
			want: "Ready=Unknown/Pending Reconciling=True/Pending", wantMessage: "pod pets-1 is starting",
		},
		"training": {
			scope: running,
			want:  "Ready=False/Training Reconciling=True/Training", wantMessage: "pod pets-1 is training",
		},
		"training again": {
			scope: func(s *scope) {
				running(s)
				s.job.Status.Failed = 1
				s.run.Status.LastFailure = &v1alpha1.Failure{Reason: "OOMKilled"}
			},
			want:        "Ready=False/Training Reconciling=True/Training",
			wantMessage: "pod pets-1 is training (failed pods so far: 1, spec.backoffLimit: 2; the last: OOMKilled)",
		},
		"succeeded, but the Job is not complete": {
			scope: func(s *scope) { running(s); s.pods[0].Status.Phase = corev1.PodSucceeded },
			want:  "Ready=False/Training Reconciling=True/Training", wantMessage: "has succeeded",
		},
		"between two pods: it has run before": {
			scope: func(s *scope) { s.job = trainingJob(); s.run.Status.StartTime = ptr.To(at(1)) },
			want:  "Ready=False/Pending Reconciling=True/Pending", wantMessage: "waiting for the Job's pod",
		},
		"a problem with a reason": {
			scope: func(s *scope) {
				running(s)
				s.problem = podstate.Problem{Reason: "ImagePullBackOff", Message: "no such image"}
			},
			want: "Ready=False/ImagePullBackOff Reconciling=True/ImagePullBackOff", wantMessage: "no such image",
		},
		"a problem without one": {
			scope: func(s *scope) { s.job = trainingJob(); s.problem = podstate.Problem{Message: "no secret"} },
			want:  "Ready=Unknown/Pending Reconciling=True/Pending", wantMessage: "no secret",
		},
		"a problem whose events are unread: what was known of it stays": {
			scope: func(s *scope) {
				s.job, s.problem = trainingJob(), podstate.Problem{Unread: true}
				s.run.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: "False", Reason: "VolumeUnavailable", Message: "no such host"}}
			},
			want: "Ready=False/VolumeUnavailable", wantMessage: "no such host",
		},
		"a problem whose events are unread, and nothing was known": {
			scope: func(s *scope) {
				s.job, s.problem = trainingJob(), podstate.Problem{Unread: true}
				s.run.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: "False", Reason: "Training", Message: "pod pets-0 is training"}}
			},
			want: "Ready=Unknown/Pending Reconciling=True/Pending", wantMessage: "waiting for the Job's pod",
		},
		"its node is lost": {
			scope: func(s *scope) { running(s); s.pods[0].DeletionTimestamp = ptr.To(at(60)) },
			want:  "Ready=False/WaitingForDeletion Reconciling=True/WaitingForDeletion",
			wantMessage: `pod pets-1 on node n1 should have stopped by 2026-01-02T03:05:05Z; another starts once it is gone. ` +
				`If node n1 is lost for good, delete the Node or taint it`,
		},
		"suspended, and its node is lost": {
			scope: func(s *scope) {
				running(s)
				s.run.Spec.Suspend, s.pods[0].DeletionTimestamp = ptr.To(true), ptr.To(at(60))
			},
			want:        "Suspended=True/Suspended Ready=False/Suspended Reconciling=True/Suspended",
			wantMessage: `spec.suspend is true; pod pets-1 on node n1 should have stopped by`,
		},
		"suspended": {
			scope: func(s *scope) { s.run.Spec.Suspend = ptr.To(true) },
			want:  "Suspended=True/Suspended Ready=False/Suspended Reconciling=True/Suspended", wantMessage: "set it to false to start",
		},
		"suspended without a checkpoint": {
			scope: func(s *scope) { s.run.Spec.Suspend, s.run.Status.StartTime = ptr.To(true), ptr.To(at(1)) },
			want:  "Suspended=True/Suspended Ready=False/Suspended Reconciling=True/Suspended", wantMessage: "no checkpoint has been reported",
		},
		"suspended with a checkpoint": {
			scope: func(s *scope) {
				s.run.Spec.Suspend, s.run.Status.StartTime = ptr.To(true), ptr.To(at(1))
				s.run.Status.Checkpoint = &v1alpha1.CheckpointStatus{Epoch: 3}
			},
			want: "Suspended=True/Suspended Ready=False/Suspended Reconciling=True/Suspended", wantMessage: "go on from the checkpoint of epoch 3",
		},
		"being suspended": {
			scope: func(s *scope) { running(s); s.run.Spec.Suspend = ptr.To(true) },
			want:  "Suspended=True/Suspended Ready=False/Suspended Reconciling=True/Suspended", wantMessage: "are being stopped",
		},
		"resumed": {
			scope: func(s *scope) {
				running(s)
				s.run.Status.Conditions = []metav1.Condition{{Type: "Suspended", Status: metav1.ConditionTrue, Reason: "Suspended"}}
			},
			want: "Suspended=False/Resumed Ready=False/Training Reconciling=True/Training",
		},
		"waiting for something": {
			scope: running, err: fmt.Errorf("wrapped: %w", loop.Waiting(v1alpha1.WaitingForDeletionReason, 0, errors.New("old Job"))),
			want: "Ready=False/WaitingForDeletion Reconciling=True/WaitingForDeletion", wantMessage: "old Job",
		},
		"stalled": {
			scope: running, err: loop.Stalled(v1alpha1.NameConflictReason, errors.New("a stranger's Job")),
			want: "Ready=False/NameConflict Stalled=True/NameConflict", wantMessage: "a stranger's Job",
		},
		"an API error": {
			scope: func(*scope) {}, err: errors.New("quota exceeded"),
			want: "Ready=False/Pending Reconciling=True/Pending", wantMessage: "quota exceeded",
		},
		"a conflict is no news": {
			scope: running, err: fmt.Errorf("delete Job: %w", apierrors.NewConflict(batchv1.Resource("jobs"), "x", errors.New("changed"))),
			want: "Ready=False/Training Reconciling=True/Training",
		},
		"the result is missing for the first time": {
			scope: func(s *scope) {
				s.job, s.resultMissing = trainingJob(), &v1alpha1.Failure{Reason: "ResultMissing", Message: "no result; the Job is recreated once"}
			},
			want: "Ready=False/Pending Reconciling=True/Pending", wantMessage: "recreated once",
		},
		"complete": {
			scope: func(s *scope) {
				running(s)
				s.run.Status.Conditions = []metav1.Condition{{Type: "Suspended", Status: metav1.ConditionTrue, Reason: "Suspended"}}
				s.published = &publishedResult{model: v1alpha1.PublishedModel{URI: "pvc://models/x"}}
			},
			want: "Ready=True/ModelPublished Complete=True/ModelPublished", wantMessage: "published as pvc://models/x",
		},
		"failed": {
			scope: func(s *scope) { running(s); s.failure = &runFailure{"OOMKilled", "too little memory"} },
			want:  "Ready=False/OOMKilled Stalled=True/OOMKilled Failed=True/OOMKilled", wantMessage: "too little memory",
		},
		"the cluster can't be read at first": {
			scope: func(s *scope) { s.observed = false }, err: errors.New("timeout"),
			want: "Ready=Unknown/Pending Reconciling=True/Pending", wantMessage: "timeout",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := scopeThat(tc.scope)
			computeStatus(s, tc.err)
			got := s.run.Status.Conditions
			if summary(got) != tc.want {
				t.Errorf("conditions = %s, want %s", summary(got), tc.want)
			}
			ready := meta.FindStatusCondition(got, v1alpha1.ReadyCondition)
			if ready == nil || !strings.Contains(ready.Message, tc.wantMessage) {
				t.Errorf("Ready = %+v, want a message with %q", ready, tc.wantMessage)
			}
			before := s.run.DeepCopy()
			s.end = before.Status.CompletionTime
			s.now = s.now.Add(time.Hour)
			computeStatus(s, tc.err)
			if diff := cmp.Diff(before.Status, s.run.Status); diff != "" {
				t.Errorf("the same again changes status (-before +after):\n%s", diff)
			}
		})
	}
}

func TestWhatCannotBeReadStaysAsItWas(t *testing.T) {
	s := scopeThat(func(s *scope) {
		s.run.Status.ObservedGeneration = 1
		s.run.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: metav1.ConditionFalse, Reason: "Training"}}
		s.observed = false
	})
	before := s.run.DeepCopy()
	computeStatus(s, errors.New("timeout"))
	if diff := cmp.Diff(before, s.run); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
}

func TestAnEndedRunIsOnlyRestamped(t *testing.T) {
	s := scopeThat(func(s *scope) {
		s.run = makeRun().Complete(v1alpha1.PublishedModel{URI: "pvc://models/x"}).Obj()
		s.run.Generation = 9
		s.ended = true
		s.job, s.pods = trainingJob(), []*corev1.Pod{podIn(corev1.PodRunning)}
		s.progress = &observedProgress{Progress: contract.Progress{Percent: 1}, heardAt: testNow}
	})
	want := s.run.DeepCopy()
	want.Status.ObservedGeneration = 9
	for i := range want.Status.Conditions {
		want.Status.Conditions[i].ObservedGeneration = 9
	}
	computeStatus(s, nil)
	if diff := cmp.Diff(want, s.run); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
}

func TestThatSuspendingAnEndedRunIsOfNoUseIsSaid(t *testing.T) {
	model := v1alpha1.PublishedModel{URI: "pvc://models/pets/model.onnx"}
	cases := map[string]*publishedResult{
		"its pod is gone":        nil,
		"its result can be read": {model: model},
	}
	for name, published := range cases {
		t.Run(name, func(t *testing.T) {
			run := makeRun().Complete(model).Suspend(true).Obj()
			s := &scope{run: run, now: testNow, observed: true, ended: true, published: published}
			computeStatus(s, nil)
			got := meta.FindStatusCondition(run.Status.Conditions, v1alpha1.SuspendedCondition)
			if got == nil || got.Status != metav1.ConditionFalse || got.Reason != v1alpha1.RunEndedReason || !strings.Contains(got.Message, "no effect") {
				t.Fatalf("Suspended = %+v, want False/RunEnded", got)
			}
			if !meta.IsStatusConditionTrue(run.Status.Conditions, v1alpha1.ReadyCondition) {
				t.Error("the run is not Ready any more")
			}
			run.Spec.Suspend = ptr.To(false)
			computeStatus(s, nil)
			if got := meta.FindStatusCondition(run.Status.Conditions, v1alpha1.SuspendedCondition); got != nil {
				t.Errorf("Suspended = %+v after it was taken back, want none", got)
			}
		})
	}
}

func TestSetPods(t *testing.T) {
	old, young := podIn(corev1.PodFailed), podIn(corev1.PodRunning)
	old.Name, old.Status.StartTime = "pets-0", ptr.To(at(5))
	s := scopeThat(func(s *scope) { s.job, s.pods = trainingJob(), []*corev1.Pod{old, young} })
	setPods(s)
	want := v1alpha1.TrainingRunStatus{
		JobName: "pets-1a2b3c4d", PodName: "pets-1", NodeName: "n1", StartTime: ptr.To(at(5)),
		Lineage: &v1alpha1.Lineage{Image: "r/i@sha256:1"},
	}
	if diff := cmp.Diff(want, s.run.Status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}

	s.job, s.pods = nil, nil // suspended: the record stays
	setPods(s)
	if diff := cmp.Diff(want, s.run.Status); diff != "" {
		t.Errorf("status without a Job (-want +got):\n%s", diff)
	}
}

func TestAMissedGateKeepsTheModel(t *testing.T) {
	s := scopeThat(func(s *scope) {
		s.run.Status.Progress = &v1alpha1.TrainingProgress{Percent: ptr.To[int32](0), Epochs: 4, EstimatedCompletionTime: ptr.To(at(1))}
		s.failure = &runFailure{"GateNotMet", "accuracy is too low"}
		s.published = &publishedResult{model: v1alpha1.PublishedModel{URI: "pvc://models/x"}}
	})
	computeStatus(s, nil)
	if s.run.Status.Model == nil || s.run.Status.CompletionTime == nil {
		t.Errorf("status = %+v", s.run.Status)
	}
	if diff := cmp.Diff(&v1alpha1.TrainingProgress{Percent: ptr.To[int32](100), Epoch: 4, Epochs: 4}, s.run.Status.Progress); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	if meta.IsStatusConditionTrue(s.run.Status.Conditions, v1alpha1.CompleteCondition) {
		t.Error("a run that missed a gate is Complete")
	}
}

// What the runner warns of stands with what became of the model, gate or no gate.
func TestWarningsOfAPublishedModel(t *testing.T) {
	published := &publishedResult{model: v1alpha1.PublishedModel{URI: "pvc://models/x"}, warnings: "the loss explodes"}
	for condition, s := range map[string]*scope{
		v1alpha1.CompleteCondition: scopeThat(func(s *scope) { s.published = published }),
		v1alpha1.FailedCondition: scopeThat(func(s *scope) {
			s.published, s.failure = published, &runFailure{"GateNotMet", "accuracy is too low"}
		}),
	} {
		computeStatus(s, nil)
		got := meta.FindStatusCondition(s.run.Status.Conditions, condition)
		if got == nil || !strings.HasSuffix(got.Message, "; warning: the loss explodes") {
			t.Errorf("%s is %+v, want the warning at its end", condition, got)
		}
	}
}
