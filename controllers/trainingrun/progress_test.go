// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

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

	s := scopeThat(func(s *scope) {
		s.progress = heard(50, testNow)
		s.progress.Data = &contract.DataProgress{
			Files: 3, TotalFiles: 9, KeptFiles: 1, Bytes: 12e6, TotalBytes: 36e6, BytesPerSecond: 6e6, RemainingSecs: 4,
		}
	})
	setProgress(s)
	want := v1alpha1.TrainingRunStatus{
		Progress: &v1alpha1.TrainingProgress{
			Percent: ptr.To[int32](50), Epoch: 2, Epochs: 4, Step: 20, Steps: 40, ImagesPerSecond: "41.3",
			EstimatedCompletionTime: &metav1.Time{Time: testNow.Add(time.Minute)}, UpdateTime: &metav1.Time{Time: testNow},
			Data: &v1alpha1.DataProgress{
				Files: 3, TotalFiles: 9, KeptFiles: 1, Bytes: 12e6, TotalBytes: 36e6, BytesPerSecond: 6e6,
				EstimatedCompletionTime: &metav1.Time{Time: testNow.Add(4 * time.Second)},
			},
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
			Data:       &contract.DataProgress{Files: -1, TotalFiles: -1, KeptFiles: -1, Bytes: -1, TotalBytes: -1, BytesPerSecond: -1, RemainingSecs: 1 << 60},
		}}
	})
	setProgress(s)
	want := v1alpha1.TrainingRunStatus{
		Progress:   &v1alpha1.TrainingProgress{Percent: ptr.To[int32](100), Epochs: 1<<31 - 1, UpdateTime: &metav1.Time{Time: testNow}, Data: &v1alpha1.DataProgress{}},
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
	in := func(stage string) *observedProgress {
		return &observedProgress{heardAt: testNow, Progress: contract.Progress{Stage: stage}}
	}
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
		"resumed, and reading the data":  {checkpoint: checkpoint, pods: []*corev1.Pod{podIn(corev1.PodRunning)}, progress: in("LoadingData"), want: heard("LoadingData", atCheckpoint)},
		"resumed, and fetching":          {checkpoint: checkpoint, pods: []*corev1.Pod{podIn(corev1.PodRunning)}, progress: in("Fetching"), want: heard("Fetching", atCheckpoint)},
		"resumed, and scanning":          {checkpoint: checkpoint, pods: []*corev1.Pod{podIn(corev1.PodRunning)}, progress: in("Scanning"), want: heard("Scanning", atCheckpoint)},
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
		contract.StageFetching: "is fetching the dataset", contract.StageScanning: "is reading the dataset",
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
			s.run.Spec.Training.Epochs = 4
			computeStatus(s, nil)
			status := s.run.Status
			if diff := cmp.Diff(tc.want, status.Progress); diff != "" {
				t.Errorf("progress (-want +got):\n%s", diff)
			}
			message := meta.FindStatusCondition(status.Conditions, v1alpha1.CompleteCondition).Message
			if strings.HasSuffix(message, "; training stopped early at epoch 2 of 4") != (tc.trained != nil) {
				t.Errorf("message = %q", message)
			}
			if !status.CompletionTime.Equal(ptr.To(at(99))) || status.Lineage.Dataset.Samples != 4 || status.Metrics[0].Name != "f1" || status.Checkpoint != nil {
				t.Errorf("status = %+v", status)
			}
		})
	}
}
