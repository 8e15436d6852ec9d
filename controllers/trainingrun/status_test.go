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
			wantMessage: `pod "pets-1" on node "n1" should have stopped by 2026-01-02T03:05:05Z; another starts once it is gone. ` +
				`If node "n1" is lost for good, delete the Node or taint it`,
		},
		"suspended, and its node is lost": {
			scope: func(s *scope) {
				running(s)
				s.run.Spec.Suspend, s.pods[0].DeletionTimestamp = ptr.To(true), ptr.To(at(60))
			},
			want:        "Suspended=True/Suspended Ready=False/Suspended Reconciling=True/Suspended",
			wantMessage: `spec.suspend is true; pod "pets-1" on node "n1" should have stopped by`,
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
				s.job, s.resultMissing = trainingJob(), &v1alpha1.Failure{Reason: "ResultMissing", Message: "no result; the Job is made again once"}
			},
			want: "Ready=False/Pending Reconciling=True/Pending", wantMessage: "made again once",
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

func TestSetLastFailure(t *testing.T) {
	failedAt := func(name string, seconds int) *corev1.Pod {
		pod := runnerPodThat(exited("Error", 2, ""))
		pod.Name = name
		pod.Status.ContainerStatuses[0].State.Terminated.FinishedAt = at(seconds)
		return pod
	}
	known := &v1alpha1.Failure{Reason: "OOMKilled", PodName: "known", Time: ptr.To(at(50))}
	cases := map[string]struct {
		scope func(*scope)
		want  string // the pod's name, or the reason without one
	}{
		"none":       {scope: func(*scope) {}},
		"the newest": {scope: func(s *scope) { s.pods = []*corev1.Pod{failedAt("a", 30), failedAt("b", 40)} }, want: "b"},
		"the newest, whose node's clock is behind": {
			scope: func(s *scope) { s.pods = []*corev1.Pod{failedAt("a", 40), failedAt("b", 30)} }, want: "b",
		},
		"newer than known, though its node's clock is behind": {
			scope: func(s *scope) {
				s.run.Status.LastFailure = known
				s.pods = []*corev1.Pod{failedAt("known", 50), failedAt("a", 40)}
			},
			want: "a",
		},
		"newer than known": {scope: func(s *scope) { s.run.Status.LastFailure = known; s.pods = []*corev1.Pod{failedAt("a", 60)} }, want: "a"},
		"older than known": {scope: func(s *scope) { s.run.Status.LastFailure = known; s.pods = []*corev1.Pod{failedAt("a", 40)} }, want: "known"},
		"its pod is gone":  {scope: func(s *scope) { s.run.Status.LastFailure = known }, want: "known"},
		"a missing result": {
			scope: func(s *scope) {
				s.pods = []*corev1.Pod{failedAt("a", 60)}
				s.resultMissing = &v1alpha1.Failure{Reason: "ResultMissing", Time: ptr.To(at(70))}
			},
			want: "ResultMissing",
		},
		"a missing result after a failure on a node whose clock is ahead": {
			scope: func(s *scope) {
				s.pods, s.run.Status.LastFailure = []*corev1.Pod{failedAt("known", 9000)}, known
				s.resultMissing = &v1alpha1.Failure{Reason: "ResultMissing", Time: ptr.To(at(70))}
			},
			want: "ResultMissing",
		},
		"a pod beside the one whose result is missing": {
			scope: func(s *scope) {
				s.job, s.pods = trainingJob(), []*corev1.Pod{failedAt("a", 9000)}
				s.run.Status.LastFailure = &v1alpha1.Failure{Reason: "ResultMissing", Time: ptr.To(at(70))}
			},
			want: "ResultMissing",
		},
		"a pod after the one whose result is missing": {
			scope: func(s *scope) {
				s.job, s.pods = trainingJob(), []*corev1.Pod{failedAt("a", 60)}
				s.job.Annotations = map[string]string{v1alpha1.AttemptAnnotation: "1"}
				s.run.Status.LastFailure = &v1alpha1.Failure{Reason: "ResultMissing", Time: ptr.To(at(70))}
			},
			want: "a",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := scopeThat(tc.scope)
			setLastFailure(s)
			got := ""
			if f := s.run.Status.LastFailure; f != nil {
				got = f.PodName
				if got == "" {
					got = f.Reason
				}
			}
			if got != tc.want {
				t.Errorf("last failure is of %q, want %q", got, tc.want)
			}
		})
	}
}

func TestSetProgress(t *testing.T) {
	heard := func(percent int, heardAt time.Time) *observedProgress {
		return &observedProgress{heardAt: heardAt, Progress: contract.Progress{
			Percent: percent, Epoch: 2, Epochs: 4, Step: 20, Steps: 40, ImagesPerSecond: 41.26, RemainingSecs: 60,
			Metrics: []contract.Metric{{Name: "loss", Value: 0.5}}, Checkpoint: &contract.Checkpoint{Epoch: 1, Step: 10},
		}}
	}
	written := func(ago time.Duration) *v1alpha1.TrainingProgress {
		return &v1alpha1.TrainingProgress{Percent: ptr.To[int32](1), UpdateTime: &metav1.Time{Time: testNow.Add(-ago)}}
	}
	cases := map[string]struct {
		before      *v1alpha1.TrainingProgress
		progress    *observedProgress
		wantPercent *int32
		wantRequeue time.Duration
	}{
		"nothing heard":              {before: written(time.Minute), wantPercent: ptr.To[int32](1)},
		"the first":                  {progress: heard(50, testNow), wantPercent: ptr.To[int32](50)},
		"long after the last":        {before: written(10 * time.Second), progress: heard(50, testNow), wantPercent: ptr.To[int32](50)},
		"too soon":                   {before: written(3 * time.Second), progress: heard(50, testNow), wantPercent: ptr.To[int32](1), wantRequeue: 7 * time.Second},
		"written, and changed since": {before: written(time.Minute), progress: heard(50, testNow.Add(-time.Minute)), wantPercent: ptr.To[int32](50)},
		"written just now":           {before: written(time.Second), progress: heard(50, testNow.Add(-time.Second+300*time.Millisecond)), wantPercent: ptr.To[int32](50)},
		"written by a faster clock":  {before: written(-time.Hour), progress: heard(50, testNow), wantPercent: ptr.To[int32](50)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := scopeThat(func(s *scope) { s.run.Status.Progress, s.progress = tc.before, tc.progress })
			setProgress(s)
			if got := s.run.Status.Progress; got == nil || *got.Percent != *tc.wantPercent {
				t.Errorf("progress = %+v, want %d %%", got, *tc.wantPercent)
			}
			if s.requeueAfter != tc.wantRequeue {
				t.Errorf("requeue after %s, want %s", s.requeueAfter, tc.wantRequeue)
			}
		})
	}

	s := scopeThat(func(s *scope) { s.progress = heard(50, testNow) })
	setProgress(s)
	want := v1alpha1.TrainingRunStatus{
		Progress: &v1alpha1.TrainingProgress{
			Percent: ptr.To[int32](50), Epoch: 2, Epochs: 4, Step: 20, Steps: 40, ImagesPerSecond: "41.3",
			EstimatedCompletionTime: &metav1.Time{Time: testNow.Add(time.Minute)}, UpdateTime: &metav1.Time{Time: testNow},
		},
		Metrics: []v1alpha1.Metric{{Name: "loss", Value: "0.5"}}, MetricsSplit: v1alpha1.MetricsOfValidation,
		Checkpoint: &v1alpha1.CheckpointStatus{Epoch: 1, Step: 10, URI: "pvc://models/.checkpoints/" + jobName(s.run)},
	}
	if diff := cmp.Diff(want, s.run.Status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func TestSetCheckpoint(t *testing.T) {
	result := func(outcome string, checkpoint *contract.Checkpoint) *corev1.Pod {
		return runnerPodThat(exited("Error", 75, encode(t, contract.TrainResult{Version: 1, Outcome: outcome, Checkpoint: checkpoint})))
	}
	known := &v1alpha1.CheckpointStatus{Epoch: 1}
	cases := map[string]struct {
		pods      []*corev1.Pod
		published *publishedResult
		want      *v1alpha1.CheckpointStatus
	}{
		"no pod":  {want: known},
		"running": {pods: []*corev1.Pod{podIn(corev1.PodRunning)}, want: known},
		"stopped after one": {
			pods: []*corev1.Pod{result(contract.OutcomeInterrupted, &contract.Checkpoint{Epoch: 2, Step: 40})},
			want: &v1alpha1.CheckpointStatus{Epoch: 2, Step: 40, URI: "pvc://models/.checkpoints/pets-1a2b3c4d"},
		},
		"stopped before one": {pods: []*corev1.Pod{result(contract.OutcomeInterrupted, nil)}, want: known},
		"failed":             {pods: []*corev1.Pod{result(contract.OutcomeFailed, &contract.Checkpoint{Epoch: 2})}, want: known},
		"published": {
			pods:      []*corev1.Pod{result(contract.OutcomeInterrupted, &contract.Checkpoint{Epoch: 2})},
			published: &publishedResult{}, want: known,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := scopeThat(func(s *scope) {
				s.run.Status.Checkpoint, s.pods, s.published = known.DeepCopy(), tc.pods, tc.published
			})
			setCheckpoint(s)
			if diff := cmp.Diff(tc.want, s.run.Status.Checkpoint); diff != "" {
				t.Errorf("checkpoint (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSetProgressBoundsWhatARunnerSays(t *testing.T) {
	s := scopeThat(func(s *scope) {
		s.progress = &observedProgress{heardAt: testNow, Progress: contract.Progress{
			Percent: 900, Epoch: -1, Epochs: 1 << 40, Step: -5, Steps: -5, ImagesPerSecond: 1e300, RemainingSecs: 1 << 60,
			Checkpoint: &contract.Checkpoint{Epoch: -1, Step: -1},
		}}
	})
	setProgress(s)
	want := v1alpha1.TrainingRunStatus{
		Progress:   &v1alpha1.TrainingProgress{Percent: ptr.To[int32](100), Epochs: 1<<31 - 1, UpdateTime: &metav1.Time{Time: testNow}},
		Checkpoint: &v1alpha1.CheckpointStatus{URI: "pvc://models/.checkpoints/" + jobName(s.run)},
	}
	if diff := cmp.Diff(want, s.run.Status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

func TestSetProgressWritesTheSameAgain(t *testing.T) {
	heard := &observedProgress{heardAt: testNow.Add(-300 * time.Millisecond), Progress: contract.Progress{Stage: "Training", Percent: 50, RemainingSecs: 7}}
	s := scopeThat(func(s *scope) { s.progress = heard })
	setProgress(s)
	stored := s.run.Status.DeepCopy()
	again := scopeThat(func(again *scope) { again.run, again.progress = s.run.DeepCopy(), heard })
	setProgress(again)
	if diff := cmp.Diff(stored, &again.run.Status); diff != "" {
		t.Errorf("the same progress changes the status (-first +second):\n%s", diff)
	}
}

// Where a run goes on from is what its progress shows until the next pod trains.
func TestProgressOfARunThatIsStopped(t *testing.T) {
	checkpoint := &v1alpha1.CheckpointStatus{Epoch: 6, Step: 60}
	loading := &observedProgress{heardAt: testNow, Progress: contract.Progress{Stage: contract.StageLoading}}
	training := &observedProgress{heardAt: testNow, Progress: contract.Progress{Stage: contract.StageTraining, Percent: 61, Epoch: 7, Epochs: 10, Step: 61, Steps: 100}}
	before := func() *v1alpha1.TrainingProgress {
		return &v1alpha1.TrainingProgress{
			Stage: "Training", Percent: ptr.To[int32](4), Epoch: 3, Epochs: 10, Step: 4, Steps: 100, ImagesPerSecond: "41.3",
			EstimatedCompletionTime: ptr.To(at(1)), UpdateTime: ptr.To(at(1)),
		}
	}
	atCheckpoint := &v1alpha1.TrainingProgress{Percent: ptr.To[int32](60), Epoch: 6, Epochs: 10, Step: 60, Steps: 100, UpdateTime: ptr.To(at(1))}
	heard := func(stage string, p *v1alpha1.TrainingProgress) *v1alpha1.TrainingProgress {
		p = p.DeepCopy()
		p.Stage, p.UpdateTime = stage, &metav1.Time{Time: testNow}
		return p
	}
	cases := map[string]struct {
		checkpoint *v1alpha1.CheckpointStatus
		pods       []*corev1.Pod
		progress   *observedProgress
		want       *v1alpha1.TrainingProgress
	}{
		"suspended":                      {checkpoint: checkpoint, want: atCheckpoint},
		"failed, and to be replaced":     {checkpoint: checkpoint, pods: []*corev1.Pod{podIn(corev1.PodFailed)}, want: atCheckpoint},
		"replaced, but not started":      {checkpoint: checkpoint, pods: []*corev1.Pod{podIn(corev1.PodPending)}, want: atCheckpoint},
		"resumed, and not heard yet":     {checkpoint: checkpoint, pods: []*corev1.Pod{podIn(corev1.PodRunning)}, want: before()},
		"resumed, and reading the data":  {checkpoint: checkpoint, pods: []*corev1.Pod{podIn(corev1.PodRunning)}, progress: loading, want: heard("LoadingData", atCheckpoint)},
		"resumed, and training":          {checkpoint: checkpoint, pods: []*corev1.Pod{podIn(corev1.PodRunning)}, progress: training, want: heard("Training", &v1alpha1.TrainingProgress{Percent: ptr.To[int32](61), Epoch: 7, Epochs: 10, Step: 61, Steps: 100})},
		"suspended without a checkpoint": {want: &v1alpha1.TrainingProgress{Percent: ptr.To[int32](0), Epochs: 10, Steps: 100, UpdateTime: ptr.To(at(1))}},
		"about to be complete":           {pods: []*corev1.Pod{podIn(corev1.PodSucceeded)}, want: before()},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := scopeThat(func(s *scope) {
				s.run.Status.Progress, s.run.Status.Checkpoint = before(), tc.checkpoint
				s.job, s.pods, s.progress = trainingJob(), tc.pods, tc.progress
			})
			computeStatus(s, nil)
			if diff := cmp.Diff(tc.want, s.run.Status.Progress); diff != "" {
				t.Errorf("progress (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMetricsAreOfOneSplit(t *testing.T) {
	validation := []contract.Metric{{Name: "loss", Value: 0.5}, {Name: "trainLoss", Value: 0.4}}
	test := []contract.Metric{{Name: "loss", Value: 0.6}, {Name: "f1", Value: 0.9}}
	wantValidation := []v1alpha1.Metric{{Name: "loss", Value: "0.5"}, {Name: "trainLoss", Value: "0.4"}}
	s := scopeThat(func(s *scope) { s.job, s.pods = trainingJob(), []*corev1.Pod{podIn(corev1.PodRunning)} })
	for i, step := range []struct {
		stage   string
		metrics []contract.Metric
	}{{contract.StageTraining, validation}, {contract.StageEvaluating, validation}, {contract.StageEvaluating, test}, {contract.StagePublishing, test}} {
		s.progress = &observedProgress{heardAt: testNow.Add(time.Duration(i) * time.Minute), Progress: contract.Progress{Stage: step.stage, Metrics: step.metrics}}
		s.now = s.progress.heardAt
		computeStatus(s, nil)
		if diff := cmp.Diff(wantValidation, s.run.Status.Metrics); diff != "" || s.run.Status.MetricsSplit != v1alpha1.MetricsOfValidation {
			t.Errorf("%s: metrics of %s (-want +got):\n%s", step.stage, s.run.Status.MetricsSplit, diff)
		}
		if got := s.run.Status.Progress.Stage; got != step.stage {
			t.Errorf("stage = %q, want %q", got, step.stage)
		}
	}
	s.published = &publishedResult{metrics: cleanMetrics(test)}
	computeStatus(s, nil)
	if diff := cmp.Diff(cleanMetrics(test), s.run.Status.Metrics); diff != "" || s.run.Status.MetricsSplit != v1alpha1.MetricsOfTest {
		t.Errorf("published: metrics of %s (-want +got):\n%s", s.run.Status.MetricsSplit, diff)
	}
}

func TestMessageTellsTheStage(t *testing.T) {
	for stage, want := range map[string]string{
		"": "is training", contract.StageLoading: "is reading the dataset", contract.StageTraining: "is training",
		contract.StageEvaluating: "is testing the model", contract.StagePublishing: "is publishing the model", "Dreaming": "is training",
	} {
		s := scopeThat(func(s *scope) {
			s.job, s.pods = trainingJob(), []*corev1.Pod{podIn(corev1.PodRunning)}
			s.progress = &observedProgress{heardAt: testNow, Progress: contract.Progress{Stage: stage}}
		})
		computeStatus(s, nil)
		if got := meta.FindStatusCondition(s.run.Status.Conditions, v1alpha1.ReadyCondition).Message; got != "pod pets-1 "+want {
			t.Errorf("stage %q: message = %q, want %q", stage, got, want)
		}
	}
}

func TestSetCompleteEndsTheProgress(t *testing.T) {
	cases := map[string]struct {
		before, want *v1alpha1.TrainingProgress
		trained      *contract.Checkpoint
	}{
		"never heard": {want: &v1alpha1.TrainingProgress{Percent: ptr.To[int32](100)}},
		"stopped early": {
			before:  &v1alpha1.TrainingProgress{Stage: "Publishing", Percent: ptr.To[int32](20), Epoch: 2, Epochs: 4, Step: 11, Steps: 40},
			trained: &contract.Checkpoint{Epoch: 2, Step: 20},
			want:    &v1alpha1.TrainingProgress{Percent: ptr.To[int32](100), Epoch: 2, Epochs: 4, Step: 20, Steps: 40},
		},
		"heard on the way": {
			before: &v1alpha1.TrainingProgress{
				Percent: ptr.To[int32](90), Epoch: 3, Epochs: 4, Step: 39, Steps: 40, EstimatedCompletionTime: ptr.To(at(1)),
			},
			want: &v1alpha1.TrainingProgress{Percent: ptr.To[int32](100), Epoch: 4, Epochs: 4, Step: 40, Steps: 40},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := scopeThat(func(s *scope) {
				s.run.Status.Progress = tc.before
				s.run.Status.Checkpoint = &v1alpha1.CheckpointStatus{Epoch: 3}
				s.published = &publishedResult{trained: tc.trained, metrics: []v1alpha1.Metric{{Name: "f1", Value: "1"}}, dataset: &v1alpha1.DatasetLineage{Samples: 4}}
				s.end = ptr.To(at(99))
			})
			computeStatus(s, nil)
			status := s.run.Status
			if diff := cmp.Diff(tc.want, status.Progress); diff != "" {
				t.Errorf("progress (-want +got):\n%s", diff)
			}
			if !status.CompletionTime.Equal(ptr.To(at(99))) || status.Lineage.Dataset.Samples != 4 || status.Metrics[0].Name != "f1" || status.Checkpoint != nil {
				t.Errorf("status = %+v", status)
			}
		})
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

func TestTerminalFailure(t *testing.T) {
	oom := &v1alpha1.Failure{Reason: "OOMKilled", Message: "used too much"}
	cases := map[string]struct {
		reason string
		last   *v1alpha1.Failure
		want   runFailure
	}{
		"deadline, whatever its pods say": {
			reason: "DeadlineExceeded", last: oom,
			want: runFailure{"DeadlineExceeded", "the run took longer than spec.activeDeadlineSeconds (60): raise it in a new TrainingRun"},
		},
		"out of retries": {
			reason: "BackoffLimitExceeded", last: oom,
			want: runFailure{"OOMKilled", "used too much (spec.backoffLimit of 2 is used up)"},
		},
		"pod failure policy": {
			reason: "PodFailurePolicy", last: &v1alpha1.Failure{Reason: "DatasetNotFound", Message: "no folder"},
			want: runFailure{"DatasetNotFound", "no folder"},
		},
		"no pod is known": {reason: "BackoffLimitExceeded", want: runFailure{"RunnerFailed", "the Job failed (BackoffLimitExceeded): words"}},
		"its last pod was only disrupted": {
			reason: "BackoffLimitExceeded", last: &v1alpha1.Failure{Reason: "Disrupted", Message: "drained"},
			want: runFailure{"RunnerFailed", "drained (spec.backoffLimit of 2 is used up)"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			end := &batchv1.JobCondition{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: tc.reason, Message: "words"}
			got := terminalFailure(trainingJob(), end, tc.last)
			if diff := cmp.Diff(&tc.want, got, cmp.AllowUnexported(runFailure{})); diff != "" {
				t.Errorf("terminalFailure (-want +got):\n%s", diff)
			}
		})
	}
}
