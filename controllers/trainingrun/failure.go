// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/text"
)

// failureReasons are the reasons that a runner may give; any other is RunnerFailed.
var failureReasons = map[string]string{
	contract.ReasonConfigInvalid:      v1alpha1.ConfigInvalidReason,
	contract.ReasonDatasetNotFound:    v1alpha1.DatasetNotFoundReason,
	contract.ReasonDatasetInvalid:     v1alpha1.DatasetInvalidReason,
	contract.ReasonTooManyInvalid:     v1alpha1.TooManyInvalidFilesReason,
	contract.ReasonCredentialsInvalid: v1alpha1.CredentialsInvalidReason,
	contract.ReasonSourceUnreachable:  v1alpha1.SourceUnreachableReason,
	contract.ReasonGateNotMet:         v1alpha1.GateNotMetReason,
	contract.ReasonArtifactInvalid:    v1alpha1.ArtifactInvalidReason,
	contract.ReasonLossDiverged:       v1alpha1.LossDivergedReason,
	contract.ReasonRunnerFailed:       v1alpha1.RunnerFailedReason,
}

// exitReasons are what an exit code means by itself, for a runner that left no document.
var exitReasons = map[int32]string{
	contract.ExitConfig:   v1alpha1.ConfigInvalidReason,
	contract.ExitDataset:  v1alpha1.DatasetInvalidReason,
	contract.ExitGate:     v1alpha1.GateNotMetReason,
	contract.ExitArtifact: v1alpha1.ArtifactInvalidReason,
}

// Reasons of pod failures that are not the run's.
const (
	// interruptedReason surfaces in status.lastFailure when a signal stopped the runner, because the run was suspended, say.
	interruptedReason = "Interrupted"
	// disruptedReason surfaces in status.lastFailure when a pod was stopped because its node was needed for something else, or is gone.
	disruptedReason = "Disrupted"
)

// podFailure tells why a runner's pod failed, or returns nil for one that hasn't.
func podFailure(pod *corev1.Pod) *v1alpha1.Failure {
	if pod.Status.Phase != corev1.PodFailed {
		return nil
	}
	end := podstate.FindContainerEnd(pod, contract.RunnerContainer)
	failure := &v1alpha1.Failure{PodName: pod.Name, Time: end.Time.DeepCopy(), ExitCode: children.ClonePtr(end.ExitCode)}
	switch {
	case end.IsOOM():
		failure.Reason = v1alpha1.OOMKilledReason
		failure.Message = oomMessage(pod)
		failure.LogTail = text.CleanLines(end.Output, maxLogTail)
	case podstate.IsDisrupted(pod):
		failure.Reason = disruptedReason
		failure.Message = disruption(pod)
		if pod.Status.Message != "" {
			failure.Message = text.Clean(pod.Status.Message, maxMessage)
		}
	case end.IsLost():
		failure.Reason = v1alpha1.NodeLostReason
		failure.Message = fmt.Sprintf("node %s, or the container runtime there, stopped while pod %s ran on it, so that nobody knows how the runner ended", pod.Spec.NodeName, pod.Name)
	case end.ExitCode == nil:
		failure.Reason = v1alpha1.RunnerFailedReason
		failure.Message = text.Clean(fmt.Sprintf("the pod failed (%s): %s", end.Reason, end.Output), maxMessage)
	default:
		describeExit(failure, end)
	}
	return failure
}

// disruption says why the cluster stopped a pod. Two of its reasons aren't the pod's node being needed: it is gone, or nobody
// hears from it.
func disruption(pod *corev1.Pod) string {
	switch podstate.FindCondition(pod, corev1.DisruptionTarget).Reason {
	case "DeletionByPodGC":
		return fmt.Sprintf("pod %s was stopped because its node %s no longer exists; it is replaced, and spec.backoffLimit doesn't count it", pod.Name, pod.Spec.NodeName)
	case "DeletionByTaintManager":
		return fmt.Sprintf("pod %s was stopped because it doesn't tolerate a NoExecute taint of its node %s: the node doesn't answer, or is kept for something else; it is replaced, and spec.backoffLimit doesn't count it",
			pod.Name, pod.Spec.NodeName)
	default:
		return "the pod was stopped because its node was needed for something else; it is replaced, and spec.backoffLimit doesn't count it"
	}
}

// describeExit fills in what a runner's exit code and last words say.
func describeExit(failure *v1alpha1.Failure, end *podstate.ContainerEnd) {
	code := *end.ExitCode
	result := &contract.TrainResult{}
	err := contract.DecodeResult([]byte(end.Output), result)
	interrupted := code == contract.ExitTerminated || err == nil && result.Outcome == contract.OutcomeInterrupted
	if err == nil && (result.Reason != "" || interrupted) {
		failure.Reason = failureReasons[result.Reason]
		failure.Message = text.Clean(result.Message, maxMessage)
		failure.LogTail = text.CleanLines(result.LogTail, maxLogTail)
	} else {
		failure.Reason = exitReasons[code]
		failure.LogTail = text.CleanLines(end.Output, maxLogTail)
	}
	switch {
	case interrupted:
		failure.Reason = interruptedReason
	case failure.Reason == "":
		failure.Reason = v1alpha1.RunnerFailedReason
	}
	switch {
	case failure.Message != "":
	case code == contract.ExitTerminated:
		failure.Message = "the runner was stopped after a checkpoint"
	default:
		failure.Message = fmt.Sprintf("the runner exited with code %d (%s); status.lastFailure.logTail has the end of its log", code, text.Clean(end.Reason, podstate.MaxReason))
	}
}

// nameFields adds to a failure the fields of the spec that it is about: the runner knows
// only what it finds in its container.
func nameFields(run *v1alpha1.TrainingRun, failure *v1alpha1.Failure) {
	message := failure.Message
	if about, isOutput := strings.CutPrefix(message, contract.AboutOutput); isOutput && run.Spec.Output.URI != "" {
		failure.Message = text.Clean(outputField(run, failure.Reason)+": "+about, maxMessage)
		return
	}
	switch failure.Reason {
	case v1alpha1.DatasetNotFoundReason, v1alpha1.DatasetInvalidReason, v1alpha1.TooManyInvalidFilesReason, v1alpha1.SourceUnreachableReason:
		where := datasetField(run)
		if where == "" {
			return
		}
		message = where + ": " + message
	case v1alpha1.CredentialsInvalidReason:
		where := credentialsField(run)
		if where == "" {
			return
		}
		message = where + ": " + message
	case v1alpha1.GateNotMetReason:
		if len(run.Spec.Gates) == 0 {
			return
		}
		message += ": train longer, or lower spec.gates, in a new TrainingRun"
	default:
		return
	}
	failure.Message = text.Clean(message, maxMessage)
}

// outputField names what a failure of an output in an object store is about.
func outputField(run *v1alpha1.TrainingRun, reason string) string {
	secret := run.Spec.Output.SecretRef.Name
	switch {
	case reason != v1alpha1.CredentialsInvalidReason:
		return "spec.output.uri"
	case secret == "":
		return "spec.output.secretRef is not set, so the pod's service account was used"
	}
	return "Secret " + secret + " of spec.output.secretRef"
}

// datasetField names where the dataset of a run lies; empty for pictures that are drawn.
func datasetField(run *v1alpha1.TrainingRun) string {
	pvc := run.Spec.Dataset.PVC
	switch {
	case run.Spec.Dataset.URI != "":
		return "spec.dataset.uri"
	case run.Spec.Dataset.DVC != nil:
		return "spec.dataset.dvc"
	case pvc == nil:
		return ""
	case pvc.Path == "":
		return fmt.Sprintf("the root (spec.dataset.pvc has no path) of claim %s", pvc.ClaimName)
	}
	return fmt.Sprintf("spec.dataset.pvc.path %q of claim %s", pvc.Path, pvc.ClaimName)
}

// credentialsField names what the dataset of a run is reached with; empty for one that is not fetched.
func credentialsField(run *v1alpha1.TrainingRun) string {
	secret := datasetAccess(run).SecretRef.Name
	switch {
	case run.Spec.Dataset.DVC != nil && secret != "":
		return "Secret " + secret + " of spec.dataset.dvc.secretRef"
	case run.Spec.Dataset.DVC != nil:
		return "spec.dataset.dvc.secretRef is not set"
	case run.Spec.Dataset.URI != "" && secret != "":
		return "Secret " + secret + " of spec.dataset.secretRef"
	case run.Spec.Dataset.URI != "":
		return "spec.dataset.secretRef is not set, so the pod's service account was used"
	default:
		return ""
	}
}

func oomMessage(pod *corev1.Pod) string {
	for i := range pod.Spec.Containers {
		if c := &pod.Spec.Containers[i]; c.Name == contract.RunnerContainer {
			if limit, ok := c.Resources.Limits[corev1.ResourceMemory]; ok {
				return fmt.Sprintf("the runner used more memory than its limit of %s: raise spec.podTemplate.resources.limits.memory in a new TrainingRun", limit.String())
			}
		}
	}
	return "the runner was killed because its node ran out of memory: request more in spec.podTemplate.resources.requests.memory of a new TrainingRun"
}

// isNewer tells whether a failure of a pod that is there is newer than the one in
// status. Times are compared only where nothing else tells: they come from the clocks of
// different nodes.
func isNewer(s *scope, failure, old *v1alpha1.Failure) bool {
	switch {
	case old == nil:
		return true
	case old.Reason == v1alpha1.ResultMissingReason:
		return s.job != nil && children.JobAttempt(s.job) > 0 // else the pod is of the Job whose result is missing
	case slices.ContainsFunc(s.pods, func(pod *corev1.Pod) bool { return pod.Name == old.PodName }):
		return true
	default:
		return !failure.Time.Before(old.Time)
	}
}

// newestFailure returns the failure of the run's pod that failed last, or nil. A Job has
// one pod at a time, and pods are sorted by their creation.
func newestFailure(run *v1alpha1.TrainingRun, pods []*corev1.Pod) *v1alpha1.Failure {
	for _, pod := range slices.Backward(pods) {
		if failure := podFailure(pod); failure != nil {
			nameFields(run, failure)
			return failure
		}
	}
	return nil
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
	if code := policyExitCode(end); code != nil && (last == nil || ptr.Deref(last.ExitCode, 0) != *code) {
		last = nil // of another pod than the one that failed the Job
		if reason := exitReasons[*code]; reason != "" {
			return &runFailure{reason: reason, message: fmt.Sprintf("Job %s failed, and its pod is gone: %s", job.Name, end.Message)}
		}
	}
	if last == nil {
		return &runFailure{reason: v1alpha1.RunnerFailedReason, message: fmt.Sprintf("Job %s failed (%s): %s", job.Name, end.Reason, end.Message)}
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

// exitCodePattern finds the exit code in what the Job controller says of a pod for which a
// Job failed at once.
var exitCodePattern = regexp.MustCompile(` failed with exit code (\d{1,3}) `)

// policyExitCode is the exit code for which a Job failed at once, whatever has become of
// its pod; nil if it failed otherwise.
func policyExitCode(end *batchv1.JobCondition) *int32 {
	if end.Reason != batchv1.JobReasonPodFailurePolicy {
		return nil
	}
	match := exitCodePattern.FindStringSubmatch(end.Message)
	if match == nil {
		return nil
	}
	code, err := strconv.Atoi(match[1])
	if err != nil {
		return nil
	}
	return ptr.To(clampInt32(int64(code)))
}
