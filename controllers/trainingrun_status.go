// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/conditions"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// progressWriteInterval is the least time between two writes of a run's progress.
const progressWriteInterval = 10 * time.Second

// maxRemaining bounds what a runner may claim of the time left.
const maxRemaining = 10 * 365 * 24 * time.Hour

// computeTrainingRunStatus turns what a reconcile has observed into status. It is
// pure: everything comes from the scope, phaseErr is where the reconcile stopped.
func computeTrainingRunStatus(s *trainingRunScope, phaseErr error) {
	w := conditions.NewWriter(&s.run.Status.Conditions, s.run.Generation, s.now)
	if !s.observed {
		setUnobserved(s, w, phaseErr)
		return
	}
	s.run.Status.ObservedGeneration = s.run.Generation
	if s.ended {
		restamp(s, w)
		return
	}
	setPods(s)
	setLastFailure(s)
	setProgress(s)
	setCheckpoint(s)
	switch {
	case s.published != nil && s.failure == nil:
		setComplete(s, w)
	case s.failure != nil:
		setFailed(s, w)
	default:
		setSuspended(s, w)
		setUnfinished(s, w, phaseErr)
	}
}

// setUnobserved says that the cluster couldn't be read. What status said before still
// holds as far as is known.
func setUnobserved(s *trainingRunScope, w conditions.Writer, phaseErr error) {
	if meta.FindStatusCondition(s.run.Status.Conditions, v1alpha1.ReadyCondition) == nil {
		w.Pending(v1alpha1.PendingReason, fmt.Sprintf("the run's Job can't be read yet: %v", phaseErr))
	}
}

// restamp keeps a run's conditions and says that they hold for the newest spec too.
func restamp(s *trainingRunScope, w conditions.Writer) {
	for _, c := range s.run.Status.Conditions {
		w.Set(c.Type, c.Status, c.Reason, c.Message)
	}
}

// setPods copies what the Job and its newest pod say of themselves.
func setPods(s *trainingRunScope) {
	status := &s.run.Status
	if s.job != nil {
		status.JobName = s.job.Name
	}
	for _, pod := range s.pods {
		if at := pod.Status.StartTime; at != nil && (status.StartTime == nil || at.Before(status.StartTime)) {
			status.StartTime = at.DeepCopy()
		}
	}
	pod := s.newestPod()
	if pod == nil {
		return
	}
	status.PodName = pod.Name
	status.NodeName = pod.Spec.NodeName
	if image := runnerImage(pod); image != "" {
		lineage(status).Image = image
	}
}

// runnerImage returns the image that a pod's runner was started from, with its digest
// if the node reports one.
func runnerImage(pod *corev1.Pod) string {
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name != contract.RunnerContainer {
			continue
		}
		// Some runtimes put the way that they got the image in front.
		if _, id, ok := strings.Cut(c.ImageID, "://"); ok {
			return id
		}
		return c.ImageID
	}
	return ""
}

func lineage(status *v1alpha1.TrainingRunStatus) *v1alpha1.Lineage {
	if status.Lineage == nil {
		status.Lineage = &v1alpha1.Lineage{}
	}
	return status.Lineage
}

// setLastFailure keeps the newest failure, of a pod that is there or of one that has gone.
func setLastFailure(s *trainingRunScope) {
	failure := newestFailure(s.run, s.pods)
	if s.resultMissing != nil {
		failure = s.resultMissing
	}
	old := s.run.Status.LastFailure
	if failure == nil || old != nil && failure.Time.Before(old.Time) {
		return
	}
	s.run.Status.LastFailure = failure
}

// newestFailure returns the failure of the run's pod that failed last, or nil.
func newestFailure(run *v1alpha1.TrainingRun, pods []*corev1.Pod) *v1alpha1.Failure {
	var newest *v1alpha1.Failure
	for _, pod := range pods {
		if failure := podFailure(pod); failure != nil && (newest == nil || !failure.Time.Before(newest.Time)) {
			newest = failure
		}
	}
	if newest != nil {
		nameFields(run, newest)
	}
	return newest
}

// setProgress copies the newest that the runner has said, unless that was done less
// than progressWriteInterval ago.
func setProgress(s *trainingRunScope) {
	status := &s.run.Status
	if s.progress == nil {
		return
	}
	if old := status.Progress; old != nil && old.UpdateTime != nil {
		if s.progress.heardAt.Truncate(time.Second).Equal(old.UpdateTime.Time) {
			return // written already; a status holds whole seconds
		}
		if wait := progressWriteInterval - s.now.Sub(old.UpdateTime.Time); wait > 0 && wait <= progressWriteInterval { // longer: another manager's clock was ahead
			s.requeueWithin(wait)
			return
		}
	}
	p := s.progress
	status.Progress = &v1alpha1.TrainingProgress{
		Percent:    ptr.To(min(clampInt32(int64(p.Percent)), 100)),
		Epoch:      clampInt32(int64(p.Epoch)),
		Epochs:     clampInt32(int64(p.Epochs)),
		Step:       max(0, p.Step),
		Steps:      max(0, p.Steps),
		UpdateTime: &metav1.Time{Time: p.heardAt},
	}
	if p.ImagesPerSecond > 0 && p.ImagesPerSecond < 1e9 {
		status.Progress.ImagesPerSecond = strconv.FormatFloat(p.ImagesPerSecond, 'f', 1, 64)
	}
	if p.RemainingSecs > 0 && p.RemainingSecs <= int64(maxRemaining/time.Second) {
		end := metav1.NewTime(p.heardAt.Add(time.Duration(p.RemainingSecs) * time.Second))
		status.Progress.EstimatedCompletionTime = &end
	}
	if metrics := cleanMetrics(p.Metrics); metrics != nil {
		status.Metrics = metrics
	}
	if p.Checkpoint != nil {
		status.Checkpoint = checkpointStatus(s.run, p.Checkpoint)
	}
}

// setCheckpoint copies the checkpoint that the newest pod told of when it was stopped:
// it may be newer than the last progress.
func setCheckpoint(s *trainingRunScope) {
	if pod := s.newestPod(); pod != nil && s.published == nil {
		if c := lastCheckpoint(pod); c != nil {
			s.run.Status.Checkpoint = checkpointStatus(s.run, c)
		}
	}
}

func checkpointStatus(run *v1alpha1.TrainingRun, c *contract.Checkpoint) *v1alpha1.CheckpointStatus {
	return &v1alpha1.CheckpointStatus{
		Epoch: clampInt32(int64(c.Epoch)), Step: max(0, c.Step),
		URI: pvcURI(run.Spec.Output.PVC.ClaimName, path.Join(contract.CheckpointsDir, trainingJobName(run))),
	}
}

// setComplete says that the model is published.
func setComplete(s *trainingRunScope, w conditions.Writer) {
	status := &s.run.Status
	setPublished(status, s.published)
	status.CompletionTime = s.endTime()
	message := withWarnings("the model is published as "+status.Model.URI, s.published)
	w.Ready(v1alpha1.ModelPublishedReason, message)
	w.Set(v1alpha1.CompleteCondition, metav1.ConditionTrue, v1alpha1.ModelPublishedReason, message)
	w.Remove(v1alpha1.SuspendedCondition)
}

// setFailed says that the run has failed for good.
func setFailed(s *trainingRunScope, w conditions.Writer) {
	status := &s.run.Status
	message := s.failure.message
	if s.published != nil { // a gate was missed: what was published stays for the record
		setPublished(status, s.published)
		message = withWarnings(message, s.published)
	}
	status.CompletionTime = s.endTime()
	if status.Progress != nil {
		status.Progress.EstimatedCompletionTime = nil
	}
	w.Stalled(s.failure.reason, message)
	w.Set(v1alpha1.FailedCondition, metav1.ConditionTrue, s.failure.reason, message)
	w.Remove(v1alpha1.SuspendedCondition)
}

// withWarnings adds the runner's warnings on what it has published to a message.
func withWarnings(message string, published *publishedResult) string {
	if published.warnings == "" {
		return message
	}
	return message + "; warning: " + published.warnings
}

// setPublished copies what was published: all has been done then, gate or no gate.
func setPublished(status *v1alpha1.TrainingRunStatus, published *publishedResult) {
	if status.Progress == nil {
		status.Progress = &v1alpha1.TrainingProgress{}
	}
	status.Progress.Percent = ptr.To[int32](100)
	status.Progress.Epoch = status.Progress.Epochs
	status.Progress.Step = status.Progress.Steps
	status.Progress.EstimatedCompletionTime = nil
	status.Model = published.model.DeepCopy()
	status.Checkpoint = nil // removed with the publication
	if published.metrics != nil {
		status.Metrics = published.metrics
	}
	if published.dataset != nil {
		lineage(status).Dataset = published.dataset.DeepCopy()
	}
}

// setSuspended says whether spec.suspend holds the run. The condition is there once it has.
func setSuspended(s *trainingRunScope, w conditions.Writer) {
	switch {
	case ptr.Deref(s.run.Spec.Suspend, false):
		w.Set(v1alpha1.SuspendedCondition, metav1.ConditionTrue, v1alpha1.SuspendedReason, "spec.suspend is true")
	case meta.IsStatusConditionTrue(s.run.Status.Conditions, v1alpha1.SuspendedCondition):
		w.Set(v1alpha1.SuspendedCondition, metav1.ConditionFalse, v1alpha1.ResumedReason, "spec.suspend was taken back")
	}
}

// setUnfinished says where a run stands that has not ended.
func setUnfinished(s *trainingRunScope, w conditions.Writer, phaseErr error) {
	var stall *stalledError
	var wait *waitingError
	pod := s.activePod()
	switch {
	case errors.As(phaseErr, &stall):
		w.Stalled(stall.reason, stall.Error())
	case errors.As(phaseErr, &wait):
		w.Reconciling(wait.reason, wait.Error())
	case phaseErr != nil && !isOutdated(phaseErr): // what is outdated is decided anew at once
		w.Reconciling(v1alpha1.PendingReason, phaseErr.Error())
	case ptr.Deref(s.run.Spec.Suspend, false):
		w.Reconciling(v1alpha1.SuspendedReason, suspendedMessage(s))
	case s.resultMissing != nil:
		w.Reconciling(v1alpha1.PendingReason, s.resultMissing.Message)
	case s.problem.reason != "":
		w.Reconciling(s.problem.reason, s.problem.message)
	case s.problem.message != "":
		setPending(s, w, s.problem.message)
	case s.problem.unread && waitsForStart(&s.run.Status):
		restamp(s, w)
	case pod != nil && pod.Status.Phase == corev1.PodRunning:
		w.Reconciling(v1alpha1.TrainingReason, fmt.Sprintf("pod %s is training%s", pod.Name, retryNote(s)))
	case s.newestPod() != nil && s.newestPod().Status.Phase == corev1.PodSucceeded:
		w.Reconciling(v1alpha1.TrainingReason, fmt.Sprintf("pod %s has succeeded; its Job is about to be complete", s.newestPod().Name))
	default:
		setPending(s, w, pendingMessage(s, pod))
	}
}

// waitsForStart tells whether status explains already why a run doesn't start.
func waitsForStart(status *v1alpha1.TrainingRunStatus) bool {
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ReadyCondition)
	return ready != nil && (ready.Reason == v1alpha1.PendingReason || ready.Reason == v1alpha1.VolumeUnavailableReason)
}

// setPending says that nothing runs: Ready is Unknown until something has run once.
func setPending(s *trainingRunScope, w conditions.Writer, message string) {
	if s.run.Status.StartTime == nil {
		w.Pending(v1alpha1.PendingReason, message)
		return
	}
	w.Reconciling(v1alpha1.PendingReason, message)
}

func suspendedMessage(s *trainingRunScope) string {
	if s.job != nil || s.strayPod != "" {
		return "spec.suspend is true; the run's pods are being stopped"
	}
	switch status := &s.run.Status; {
	case status.Checkpoint != nil:
		return fmt.Sprintf("spec.suspend is true; set it to false to go on from the checkpoint of epoch %d", status.Checkpoint.Epoch)
	case status.StartTime != nil:
		return "spec.suspend is true; set it to false to train again; no checkpoint has been reported"
	default:
		return "spec.suspend is true; set it to false to start"
	}
}

func pendingMessage(s *trainingRunScope, pod *corev1.Pod) string {
	switch {
	case s.job != nil && ptr.Deref(s.job.Spec.Suspend, false):
		return fmt.Sprintf("Job %s is suspended until queue %s admits it", s.job.Name, s.job.Labels[kueueQueueLabel])
	case pod != nil:
		return fmt.Sprintf("pod %s is starting%s", pod.Name, retryNote(s))
	default:
		return "waiting for the Job's pod" + retryNote(s)
	}
}

// retryNote tells of pods that have failed and are replaced.
func retryNote(s *trainingRunScope) string {
	failure := s.run.Status.LastFailure
	if failure == nil || s.job == nil || s.job.Status.Failed == 0 {
		return ""
	}
	return fmt.Sprintf(" (failed pods so far: %d, spec.backoffLimit: %d; the last: %s)",
		s.job.Status.Failed, ptr.Deref(s.job.Spec.BackoffLimit, 0), failure.Reason)
}

// runFailure is why a run has failed for good.
type runFailure struct{ reason, message string }

// terminalFailure tells why a Job failed: for most reasons that is why its last pod
// did. Last is nil if no failed pod is known.
func terminalFailure(job *batchv1.Job, end *batchv1.JobCondition, last *v1alpha1.Failure) *runFailure {
	if end.Reason == batchv1.JobReasonDeadlineExceeded {
		return &runFailure{
			reason: v1alpha1.DeadlineExceededReason,
			message: fmt.Sprintf("the run took longer than spec.activeDeadlineSeconds (%d): raise it in a new TrainingRun",
				ptr.Deref(job.Spec.ActiveDeadlineSeconds, 0)),
		}
	}
	if last == nil {
		return &runFailure{reason: v1alpha1.RunnerFailedReason, message: fmt.Sprintf("the Job failed (%s): %s", end.Reason, end.Message)}
	}
	failure := &runFailure{reason: last.Reason, message: last.Message}
	if failure.reason == interruptedReason || failure.reason == disruptedReason {
		failure.reason = v1alpha1.RunnerFailedReason
	}
	if end.Reason == batchv1.JobReasonBackoffLimitExceeded {
		failure.message = fmt.Sprintf("%s (spec.backoffLimit of %d is used up)", failure.message, ptr.Deref(job.Spec.BackoffLimit, 0))
	}
	return failure
}

// isEnded tells whether a status is terminal.
func isEnded(status *v1alpha1.TrainingRunStatus) bool {
	return meta.IsStatusConditionTrue(status.Conditions, v1alpha1.CompleteCondition) ||
		meta.IsStatusConditionTrue(status.Conditions, v1alpha1.FailedCondition)
}
