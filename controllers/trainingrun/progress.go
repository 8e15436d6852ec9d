// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// How far a run has come: as its pod says while it runs, else as the checkpoint says
// from which the next pod goes on.

// progressWriteInterval is the least time between two writes of a run's progress.
const progressWriteInterval = 10 * time.Second

// maxRemaining bounds what a runner may claim of the time left.
const maxRemaining = 10 * 365 * 24 * time.Hour

// maxStage is the longest name of a stage, in bytes.
const maxStage = 63

// setProgress copies the newest that the runner has said, unless something older was
// written less than progressWriteInterval ago. What was written already is written
// again: somebody may have changed it.
func setProgress(s *scope) {
	status := &s.run.Status
	p := s.progress
	if p == nil {
		return
	}
	if old := status.Progress; old != nil && old.UpdateTime != nil && !p.heardAt.Truncate(time.Second).Equal(old.UpdateTime.Time) {
		if wait := progressWriteInterval - s.now.Sub(old.UpdateTime.Time); wait > 0 && wait <= progressWriteInterval { // longer: another manager's clock was ahead
			s.requeueWithin(wait)
			return
		}
	}
	if p.Checkpoint != nil {
		status.Checkpoint = checkpointStatus(s.run, p.Checkpoint)
	}
	progress := &v1alpha1.TrainingProgress{
		Stage:      text.Clean(p.Stage, maxStage),
		Percent:    ptr.To(min(clampInt32(int64(p.Percent)), 100)),
		Epoch:      clampInt32(int64(p.Epoch)),
		Epochs:     clampInt32(int64(p.Epochs)),
		Step:       max(0, p.Step),
		Steps:      max(0, p.Steps),
		UpdateTime: &metav1.Time{Time: p.heardAt.Truncate(time.Second)}, // as it is stored
	}
	if loadingStages[p.Stage] && p.Steps == 0 {
		setPosition(progress, status) // it doesn't know yet where it goes on
	}
	progress.Data = dataProgress(p)
	if p.ImagesPerSecond > 0 && p.ImagesPerSecond < 1e9 {
		progress.ImagesPerSecond = strconv.FormatFloat(p.ImagesPerSecond, 'f', 1, 64)
	}
	progress.EstimatedCompletionTime = p.completion(p.RemainingSecs)
	status.Progress = progress
	// Later stages' are of the test split and count once they are published.
	if metrics := cleanMetrics(p.Metrics); metrics != nil && (p.Stage == "" || p.Stage == contract.StageTraining) {
		status.Metrics, status.MetricsSplit = metrics, v1alpha1.MetricsOfValidation
	}
}

// completion is the time in so many seconds from when the runner was heard, or nil if it doesn't say it or says nonsense.
func (p *observedProgress) completion(seconds int64) *metav1.Time {
	if seconds <= 0 || seconds > int64(maxRemaining/time.Second) {
		return nil
	}
	return &metav1.Time{Time: p.heardAt.Truncate(time.Second).Add(time.Duration(seconds) * time.Second)}
}

// dataProgress is how far the dataset has come.
func dataProgress(p *observedProgress) *v1alpha1.DataProgress {
	if p.Data == nil {
		return nil
	}
	return &v1alpha1.DataProgress{
		Files: max(0, p.Data.Files), TotalFiles: max(0, p.Data.TotalFiles), KeptFiles: max(0, p.Data.KeptFiles),
		Bytes: max(0, p.Data.Bytes), TotalBytes: max(0, p.Data.TotalBytes), BytesPerSecond: max(0, p.Data.BytesPerSecond),
		EstimatedCompletionTime: p.completion(p.Data.RemainingSecs),
	}
}

// setStopped says of a run none of whose pods trains from where the next one goes on.
func setStopped(s *scope) {
	status := &s.run.Status
	if pod := s.newestPod(); status.Progress == nil ||
		pod != nil && (pod.Status.Phase == corev1.PodRunning || pod.Status.Phase == corev1.PodSucceeded) {
		return
	}
	progress := &v1alpha1.TrainingProgress{Percent: ptr.To[int32](0), UpdateTime: status.Progress.UpdateTime}
	setPosition(progress, status)
	status.Progress = progress
}

// setPosition puts progress where the run's checkpoint is, or at the start without one.
func setPosition(progress *v1alpha1.TrainingProgress, status *v1alpha1.TrainingRunStatus) {
	if status.Progress != nil {
		progress.Epochs, progress.Steps = status.Progress.Epochs, status.Progress.Steps
	}
	checkpoint := status.Checkpoint
	if checkpoint == nil {
		return
	}
	progress.Epoch, progress.Step = checkpoint.Epoch, checkpoint.Step
	if progress.Steps > 0 {
		progress.Percent = ptr.To(int32(min(99, 100*float64(checkpoint.Step)/float64(progress.Steps))))
	}
}

// setCheckpoint copies the checkpoint that the newest pod told of when it was stopped:
// it may be newer than the last progress.
func setCheckpoint(s *scope) {
	if pod := s.newestPod(); pod != nil && s.published == nil {
		if c := lastCheckpoint(pod); c != nil {
			s.run.Status.Checkpoint = checkpointStatus(s.run, c)
		}
	}
}

func checkpointStatus(run *v1alpha1.TrainingRun, c *contract.Checkpoint) *v1alpha1.CheckpointStatus {
	return &v1alpha1.CheckpointStatus{
		Epoch: clampInt32(int64(c.Epoch)), Step: max(0, c.Step),
		URI: contract.BelowURI(checkpointsURI(run), contract.CheckpointsPath(contractRun(run))),
	}
}

// endProgress removes what only a pod that trains can say.
func endProgress(status *v1alpha1.TrainingRunStatus) {
	if status.Progress != nil {
		status.Progress.Stage, status.Progress.ImagesPerSecond, status.Progress.EstimatedCompletionTime = "", "", nil
		status.Progress.Data = nil
	}
}

// setPublished copies what was published: all has been done then, gate or no gate.
func setPublished(status *v1alpha1.TrainingRunStatus, published *publishedResult) {
	if status.Progress == nil {
		status.Progress = &v1alpha1.TrainingProgress{}
	}
	endProgress(status)
	progress := status.Progress
	progress.Percent = ptr.To[int32](100)
	progress.Epoch, progress.Step = progress.Epochs, progress.Steps
	if trained := published.trained; trained != nil {
		progress.Epoch, progress.Step = clampInt32(int64(trained.Epoch)), max(0, trained.Step)
	}
	status.Model = published.model.DeepCopy()
	status.Checkpoint = nil // removed with the publication
	if published.metrics != nil {
		status.Metrics, status.MetricsSplit = published.metrics, v1alpha1.MetricsOfTest
	}
	if published.dataset != nil {
		lineage(status).Dataset = published.dataset.DeepCopy()
	}
}

// loadingStages are those before training.
var loadingStages = map[string]bool{contract.StageLoading: true, contract.StageFetching: true, contract.StageScanning: true}

// activities are what a pod does in the stages of the contract.
var activities = map[string]string{
	contract.StageLoading:    "is reading the dataset",
	contract.StageFetching:   "is fetching the dataset",
	contract.StageScanning:   "is reading the dataset",
	contract.StageEvaluating: "is testing the model",
	contract.StagePublishing: "is publishing the model",
}

// activity tells what the run's pod does.
func activity(status *v1alpha1.TrainingRunStatus) string {
	if status.Progress != nil && activities[status.Progress.Stage] != "" {
		return activities[status.Progress.Stage]
	}
	return "is training"
}

// lastCheckpoint returns the checkpoint that a stopped runner told of in its result, or nil.
func lastCheckpoint(pod *corev1.Pod) *contract.Checkpoint {
	end := podstate.FindContainerEnd(pod, contract.RunnerContainer)
	if end == nil {
		return nil
	}
	result := &contract.TrainResult{}
	if err := contract.DecodeResult([]byte(end.Output), result); err != nil || result.Outcome != contract.OutcomeInterrupted {
		return nil
	}
	return result.Checkpoint
}
