// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"errors"
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/loop"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/conditions"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// computeStatus turns what a reconcile has observed into status. It is
// pure: everything comes from the scope, phaseErr is where the reconcile stopped.
func computeStatus(s *scope, phaseErr error) {
	w := conditions.NewWriter(&s.run.Status.Conditions, s.run.Generation, s.now)
	if !s.observed {
		setUnobserved(s, w, phaseErr)
		return
	}
	s.run.Status.ObservedGeneration = s.run.Generation
	if s.ended {
		restamp(s, w)
		setSuspendedInVain(s, w)
		setPruned(s, w)
		return
	}
	setPods(s)
	setLastFailure(s)
	setProgress(s)
	setCheckpoint(s)
	setTracked(s, w)
	switch {
	case s.published != nil && s.failure == nil:
		setComplete(s, w)
	case s.failure != nil:
		setFailed(s, w)
	default:
		setUnended(s, w)
		setStopped(s)
		setSuspended(s, w)
		setUnfinished(s, w, phaseErr)
	}
}

// setUnobserved says that the cluster couldn't be read. What status said before still
// holds as far as is known.
func setUnobserved(s *scope, w conditions.Writer, phaseErr error) {
	if meta.FindStatusCondition(s.run.Status.Conditions, v1alpha1.ReadyCondition) == nil {
		w.Pending(v1alpha1.PendingReason, fmt.Sprintf("the run's Job can't be read yet: %v", phaseErr))
	}
}

// restamp keeps a run's conditions and says that they hold for the newest spec too.
func restamp(s *scope, w conditions.Writer) {
	for _, c := range s.run.Status.Conditions {
		w.Set(c.Type, c.Status, c.Reason, c.Message)
	}
}

// setSuspendedInVain says that suspending a run that has ended has no effect.
func setSuspendedInVain(s *scope, w conditions.Writer) {
	if ptr.Deref(s.run.Spec.Suspend, false) {
		w.Set(v1alpha1.SuspendedCondition, metav1.ConditionFalse, v1alpha1.RunEndedReason, "spec.suspend has no effect: the run has ended; set it to false")
	} else {
		w.Remove(v1alpha1.SuspendedCondition)
	}
}

// setPruned says what becomes of what the run has left in its output.
func setPruned(s *scope, w conditions.Writer) {
	switch {
	case s.pruning == nil:
		w.Remove(v1alpha1.PrunedCondition)
	case s.pruning.is(v1alpha1.PrunedReason):
		w.Set(v1alpha1.PrunedCondition, metav1.ConditionTrue, s.pruning.reason, s.pruning.message)
	default:
		w.Set(v1alpha1.PrunedCondition, metav1.ConditionFalse, s.pruning.reason, s.pruning.message)
	}
}

// setPods copies what the Job and its newest pod say of themselves.
func setPods(s *scope) {
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
func setLastFailure(s *scope) {
	status := &s.run.Status
	failure := newestFailure(s.run, s.pods)
	switch {
	case s.resultMissing != nil:
		status.LastFailure = s.resultMissing
	case failure != nil && isNewer(s, failure, status.LastFailure):
		status.LastFailure = failure
	}
}

// setComplete says that the model is published.
func setComplete(s *scope, w conditions.Writer) {
	status := &s.run.Status
	setPublished(status, s.published)
	status.CompletionTime = s.endTime()
	message := withWarnings("the model is published as "+status.Model.URI+stoppedEarly(s.run, s.published), s.published)
	w.Ready(v1alpha1.ModelPublishedReason, message)
	w.Set(v1alpha1.CompleteCondition, metav1.ConditionTrue, v1alpha1.ModelPublishedReason, message)
	setSuspendedInVain(s, w)
}

// setFailed says that the run has failed for good.
func setFailed(s *scope, w conditions.Writer) {
	status := &s.run.Status
	message := s.failure.message
	if s.published != nil { // a gate was missed: what was published stays for the record
		setPublished(status, s.published)
		message = withWarnings(message, s.published)
	}
	status.CompletionTime = s.endTime()
	endProgress(status)
	w.Stalled(s.failure.reason, message)
	w.Set(v1alpha1.FailedCondition, metav1.ConditionTrue, s.failure.reason, message)
	setSuspendedInVain(s, w)
}

// stoppedEarly says that a run has left out the last of its epochs; empty if it hasn't.
func stoppedEarly(run *v1alpha1.TrainingRun, published *publishedResult) string {
	epochs := int(run.Spec.Training.Epochs)
	if published.trained == nil || published.trained.Epoch >= epochs {
		return ""
	}
	return fmt.Sprintf("; training stopped early at epoch %d of %d", published.trained.Epoch, epochs)
}

// withWarnings adds the runner's warnings on what it has published to a message.
func withWarnings(message string, published *publishedResult) string {
	if published.warnings == "" {
		return message
	}
	return message + "; warning: " + published.warnings
}

// setSuspended says whether spec.suspend holds the run. The condition is there once it has.
func setSuspended(s *scope, w conditions.Writer) {
	switch {
	case ptr.Deref(s.run.Spec.Suspend, false):
		w.Set(v1alpha1.SuspendedCondition, metav1.ConditionTrue, v1alpha1.SuspendedReason, "spec.suspend is true")
	case meta.IsStatusConditionTrue(s.run.Status.Conditions, v1alpha1.SuspendedCondition):
		w.Set(v1alpha1.SuspendedCondition, metav1.ConditionFalse, v1alpha1.ResumedReason, "spec.suspend is false again; the run goes on")
	}
}

// setUnended removes what only a run that has ended has: the status was edited.
func setUnended(s *scope, w conditions.Writer) {
	w.Remove(v1alpha1.CompleteCondition)
	w.Remove(v1alpha1.FailedCondition)
	s.run.Status.Model, s.run.Status.CompletionTime = nil, nil
}

// setUnfinished says where a run stands that has not ended.
func setUnfinished(s *scope, w conditions.Writer, phaseErr error) {
	var stall *loop.StalledError
	var wait *loop.WaitingError
	pod := s.activePod()
	switch {
	case errors.As(phaseErr, &stall):
		w.Stalled(stall.Reason, stall.Error())
	case errors.As(phaseErr, &wait):
		w.Reconciling(wait.Reason, wait.Error())
	case phaseErr != nil && !loop.IsOutdated(phaseErr): // what is outdated is decided anew at once
		w.Reconciling(v1alpha1.PendingReason, phaseErr.Error())
	case ptr.Deref(s.run.Spec.Suspend, false):
		w.Reconciling(v1alpha1.SuspendedReason, suspendedMessage(s))
	case s.resultMissing != nil:
		w.Reconciling(v1alpha1.PendingReason, s.resultMissing.Message)
	case s.problem.Reason != "":
		w.Reconciling(s.problem.Reason, s.problem.Message)
	case s.problem.Message != "":
		setPending(s, w, s.problem.Message)
	case s.problem.Unread && waitsForStart(&s.run.Status):
		restamp(s, w)
	case podstate.IsLeaving(s.newestPod()):
		message, again := podstate.DescribeLeaving(s.newestPod(), s.now)
		s.requeueWithin(again)
		w.Reconciling(v1alpha1.WaitingForDeletionReason, message)
	case pod != nil && pod.Status.Phase == corev1.PodRunning:
		w.Reconciling(v1alpha1.TrainingReason, fmt.Sprintf("pod %s %s%s", pod.Name, activity(&s.run.Status), retryNote(s)))
	case s.newestPod() != nil && s.newestPod().Status.Phase == corev1.PodSucceeded:
		w.Reconciling(v1alpha1.TrainingReason, fmt.Sprintf("pod %s has succeeded; its Job is about to be complete", s.newestPod().Name))
	default:
		setPending(s, w, pendingMessage(s, pod))
	}
}

// waitsForStart tells whether status explains already why a run doesn't start.
func waitsForStart(status *v1alpha1.TrainingRunStatus) bool {
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ReadyCondition)
	return ready != nil && (ready.Reason == v1alpha1.PendingReason || podstate.IsOfVolume(ready.Reason))
}

// setPending says that nothing runs: Ready is Unknown until something has run once.
func setPending(s *scope, w conditions.Writer, message string) {
	if s.run.Status.StartTime == nil {
		w.Pending(v1alpha1.PendingReason, message)
		return
	}
	w.Reconciling(v1alpha1.PendingReason, message)
}

func suspendedMessage(s *scope) string {
	for _, pod := range []*corev1.Pod{s.newestPod(), s.strayPod} {
		if podstate.IsLeaving(pod) {
			message, again := podstate.DescribeLeaving(pod, s.now)
			s.requeueWithin(again)
			return "spec.suspend is true; " + message
		}
	}
	if s.job != nil || s.strayPod != nil {
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

func pendingMessage(s *scope, pod *corev1.Pod) string {
	switch {
	case s.job != nil && ptr.Deref(s.job.Spec.Suspend, false): // without a queue, the problem is that
		return fmt.Sprintf("Job %s is suspended until queue %s admits it", s.job.Name, s.job.Labels[children.KueueQueueLabel])
	case pod != nil:
		return fmt.Sprintf("pod %s is starting%s", pod.Name, retryNote(s))
	default:
		return "waiting for the Job's pod" + retryNote(s)
	}
}

// retryNote counts the pods that have failed and are replaced.
func retryNote(s *scope) string {
	failure := s.run.Status.LastFailure
	if failure == nil || s.job == nil || s.job.Status.Failed == 0 {
		return ""
	}
	return fmt.Sprintf(" (failed pods so far: %d, spec.backoffLimit: %d; the last: %s)",
		s.job.Status.Failed, ptr.Deref(s.job.Spec.BackoffLimit, 0), failure.Reason)
}

// isOver tells whether a run has ended. As long as its Job hasn't, a status that says so
// was edited.
func isOver(status *v1alpha1.TrainingRunStatus, job *batchv1.Job) bool {
	return isEnded(status) && (job == nil || children.FindJobEnd(job) != nil)
}

// isEnded tells whether a status is terminal.
func isEnded(status *v1alpha1.TrainingRunStatus) bool {
	return meta.IsStatusConditionTrue(status.Conditions, v1alpha1.CompleteCondition) ||
		meta.IsStatusConditionTrue(status.Conditions, v1alpha1.FailedCondition)
}
