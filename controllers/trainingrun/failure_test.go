// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

func TestPodFailure(t *testing.T) {
	said := func(reason, message, logTail string) string {
		return encode(t, contract.TrainResult{Version: 1, Outcome: contract.OutcomeFailed, Reason: reason, Message: message, LogTail: logTail})
	}
	stopped := func(message, logTail string) string {
		return encode(t, contract.TrainResult{Version: 1, Outcome: contract.OutcomeInterrupted, Message: message, LogTail: logTail})
	}
	failure := func(reason, message string, code int32, logTail string) *v1alpha1.Failure {
		return &v1alpha1.Failure{
			Reason: reason, Message: message, ExitCode: ptr.To(code), PodName: "pets-1", Time: ptr.To(at(60)), LogTail: logTail,
		}
	}
	oom := exited("OOMKilled", 137, "epoch 1\nepoch 2")
	cases := map[string]struct {
		pod  func(*corev1.Pod)
		want *v1alpha1.Failure
	}{
		"it runs": {pod: func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodRunning }},
		"it says why": {
			pod:  exited("Error", 4, said("DatasetNotFound", "no folder /data/raw", "line 1\nline 2")),
			want: failure("DatasetNotFound", "no folder /data/raw", 4, "line 1\nline 2"),
		},
		"it says something unknown": {
			pod:  exited("Error", 1, said("Sabotage", "ha", "")),
			want: failure("RunnerFailed", "ha", 1, ""),
		},
		"it says why, but not in words": {
			pod:  exited("Error", 3, said("ConfigInvalid", "", "")),
			want: failure("ConfigInvalid", "the runner exited with code 3 (Error); status.lastFailure.logTail has the end of its log", 3, ""),
		},
		"it crashes: the log's end": {
			pod:  exited("Error", 2, "panic: oh\n\x1b[31m  goroutine 1"),
			want: failure("RunnerFailed", "the runner exited with code 2 (Error); status.lastFailure.logTail has the end of its log", 2, "panic: oh\n [31m  goroutine 1"),
		},
		"only its exit code says why": {
			pod:  exited("Error", 6, "not JSON"),
			want: failure("ArtifactInvalid", "the runner exited with code 6 (Error); status.lastFailure.logTail has the end of its log", 6, "not JSON"),
		},
		"a missed gate without a document": {
			pod:  exited("Error", 5, ""),
			want: failure("GateNotMet", "the runner exited with code 5 (Error); status.lastFailure.logTail has the end of its log", 5, ""),
		},
		"a document that succeeded, and yet a failure": {
			pod:  exited("Error", 1, `{"version":1,"outcome":"Succeeded"}`),
			want: failure("RunnerFailed", "the runner exited with code 1 (Error); status.lastFailure.logTail has the end of its log", 1, `{"version":1,"outcome":"Succeeded"}`),
		},
		"stopped after a checkpoint": {
			pod:  exited("Error", 143, stopped("interrupted by a signal after a checkpoint", "line 1")),
			want: failure("Interrupted", "interrupted by a signal after a checkpoint", 143, "line 1"),
		},
		"stopped after a checkpoint, without a document": {
			pod:  exited("Error", 143, "line 1"),
			want: failure("Interrupted", "the runner was stopped after a checkpoint", 143, "line 1"),
		},
		"stopped before a checkpoint": {
			pod:  exited("Error", 75, stopped("interrupted by a signal before a new checkpoint could be written", "line 1")),
			want: failure("Interrupted", "interrupted by a signal before a new checkpoint could be written", 75, "line 1"),
		},
		"stopped, but not in words": {
			pod:  exited("Error", 75, stopped("", "")),
			want: failure("Interrupted", "the runner exited with code 75 (Error); status.lastFailure.logTail has the end of its log", 75, ""),
		},
		"out of memory, within a limit": {
			pod: func(pod *corev1.Pod) {
				oom(pod)
				pod.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")}
			},
			want: failure("OOMKilled", "the runner used more memory than its limit of 64Mi: raise spec.podTemplate.resources.limits.memory in a new TrainingRun",
				137, "epoch 1\nepoch 2"),
		},
		"out of memory, without a limit": {
			pod: oom,
			want: failure("OOMKilled", "the runner was killed because its node ran out of memory: request more in spec.podTemplate.resources.requests.memory of a new TrainingRun",
				137, "epoch 1\nepoch 2"),
		},
		"evicted": {
			pod: func(pod *corev1.Pod) {
				exited("Error", 137, "")(pod)
				pod.Status.Reason, pod.Status.Message = "Evicted", "The node was low on resource: memory."
				pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}
			},
			want: failure("Disrupted", "The node was low on resource: memory.", 137, ""),
		},
		"drained": {
			pod: func(pod *corev1.Pod) {
				exited("Error", 143, "")(pod)
				pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}
			},
			want: failure("Disrupted", "the pod was stopped because its node was needed for something else; it is replaced, and spec.backoffLimit doesn't count it", 143, ""),
		},
		"its node was deleted": {
			pod: func(pod *corev1.Pod) {
				pod.CreationTimestamp = at(1)
				pod.Spec.NodeName = "n1"
				pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "DeletionByPodGC", LastTransitionTime: at(2)}}
			},
			want: &v1alpha1.Failure{
				Reason: "Disrupted", Message: "pod pets-1 was stopped because its node n1 no longer exists; it is replaced, and spec.backoffLimit doesn't count it",
				PodName: "pets-1", Time: ptr.To(at(2)),
			},
		},
		"its node doesn't answer": {
			pod: func(pod *corev1.Pod) {
				exited("Error", 143, "")(pod)
				pod.Spec.NodeName = "n1"
				pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "DeletionByTaintManager"}}
			},
			want: failure("Disrupted", "pod pets-1 was stopped because it doesn't tolerate a NoExecute taint of its node n1: the node doesn't answer, or is kept for something else; "+
				"it is replaced, and spec.backoffLimit doesn't count it", 143, ""),
		},
		"lost with its node, which is back": {
			pod: func(pod *corev1.Pod) {
				exited("Unknown", 255, "")(pod)
				pod.Spec.NodeName = "n1"
			},
			want: failure("NodeLost", "node n1, or the container runtime there, stopped while pod pets-1 ran on it, so that nobody knows how the runner ended", 255, ""),
		},
		"never started": {
			pod: func(pod *corev1.Pod) {
				pod.CreationTimestamp = at(1)
				pod.Status.Reason, pod.Status.Message = "NodeAffinity", "Predicate failed"
			},
			want: &v1alpha1.Failure{
				Reason: "RunnerFailed", Message: "the pod failed (NodeAffinity): Predicate failed", PodName: "pets-1", Time: ptr.To(at(1)),
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, podFailure(runnerPodThat(tc.pod))); diff != "" {
				t.Errorf("podFailure (-want +got):\n%s", diff)
			}
		})
	}
}

// fromBucket returns a run whose dataset lies in a bucket that a Secret opens.
func fromBucket(secret string) *v1alpha1.TrainingRun {
	run := makeRun().Obj()
	run.Spec.Dataset.Generated = nil
	run.Spec.Dataset.URI = "s3://datasets/pets?region=eu-central-1"
	run.Spec.Dataset.SecretRef.Name = secret
	return run
}

// fromDVC returns a run whose dataset DVC keeps beside a repository that a Secret opens.
func fromDVC(secret string) *v1alpha1.TrainingRun {
	run := makeRun().Obj()
	run.Spec.Dataset.Generated = nil
	run.Spec.Dataset.DVC = &v1alpha1.DatasetDVC{Repo: "https://git.example/team/pets.git", Rev: "v1.2", Path: "data/raw", Remote: "storage"}
	run.Spec.Dataset.DVC.SecretRef.Name = secret
	return run
}

// toBucket returns a run that reads from one bucket and publishes to another.
func toBucket(secret string) *v1alpha1.TrainingRun {
	run := fromBucket("datasets")
	run.Spec.Output = v1alpha1.Output{URI: "s3://models/pets", SecretRef: v1alpha1.SecretReference{Name: secret}}
	return run
}

func TestNameFields(t *testing.T) {
	noPath := makeRun().DataPVC("photos", "").Obj()
	cases := map[string]struct {
		run     *v1alpha1.TrainingRun
		failure v1alpha1.Failure
		want    string
	}{
		"dataset": {
			run:     makeRun().DataPVC("photos", "pets/raw").Obj(),
			failure: v1alpha1.Failure{Reason: "DatasetNotFound", Message: `folder "/data/pets/raw" does not exist`},
			want:    `spec.dataset.pvc.path "pets/raw" of claim photos: folder "/data/pets/raw" does not exist`,
		},
		"dataset at the root": {
			run: noPath, failure: v1alpha1.Failure{Reason: "DatasetInvalid", Message: "1 class"},
			want: "the root (spec.dataset.pvc has no path) of claim photos: 1 class",
		},
		"dataset in a bucket": {
			run: fromBucket(""), failure: v1alpha1.Failure{Reason: "DatasetNotFound", Message: "no bucket"}, want: "spec.dataset.uri: no bucket",
		},
		"credentials of a bucket": {
			run: fromBucket("key"), failure: v1alpha1.Failure{Reason: "CredentialsInvalid", Message: "access denied"},
			want: "Secret key of spec.dataset.secretRef: access denied",
		},
		"no credentials": {
			run: fromBucket(""), failure: v1alpha1.Failure{Reason: "CredentialsInvalid", Message: "access denied"},
			want: "spec.dataset.secretRef is not set, so the pod's service account was used: access denied",
		},
		"dataset in a bucket that is out of reach": {
			run: fromBucket(""), failure: v1alpha1.Failure{Reason: "SourceUnreachable", Message: "connection refused"}, want: "spec.dataset.uri: connection refused",
		},
		"dataset of DVC": {
			run: fromDVC(""), failure: v1alpha1.Failure{Reason: "DatasetNotFound", Message: "no branch"}, want: "spec.dataset.dvc: no branch",
		},
		"credentials of DVC": {
			run: fromDVC("key"), failure: v1alpha1.Failure{Reason: "CredentialsInvalid", Message: "access denied"},
			want: "Secret key of spec.dataset.dvc.secretRef: access denied",
		},
		"no credentials of DVC": {
			run: fromDVC(""), failure: v1alpha1.Failure{Reason: "CredentialsInvalid", Message: "access denied"},
			want: "spec.dataset.dvc.secretRef is not set: access denied",
		},
		"credentials of an output": {
			run: toBucket("models"), failure: v1alpha1.Failure{Reason: "CredentialsInvalid", Message: "output: access denied"},
			want: "Secret models of spec.output.secretRef: access denied",
		},
		"no credentials of an output": {
			run: toBucket(""), failure: v1alpha1.Failure{Reason: "CredentialsInvalid", Message: "output: access denied"},
			want: "spec.output.secretRef is not set, so the pod's service account was used: access denied",
		},
		"output in no bucket": {
			run: toBucket("models"), failure: v1alpha1.Failure{Reason: "ConfigInvalid", Message: "output: bucket not found"},
			want: "spec.output.uri: bucket not found",
		},
		"generated dataset": {
			run: makeRun().Obj(), failure: v1alpha1.Failure{Reason: "DatasetInvalid", Message: "1 class"}, want: "1 class",
		},
		"gate": {
			run:     makeRun().Gate("accuracy", "0.90").Gate("f1", "0.5").Obj(),
			failure: v1alpha1.Failure{Reason: "GateNotMet", Message: "accuracy is 0.5"},
			want:    "accuracy is 0.5: train longer, or lower spec.gates, in a new TrainingRun",
		},
		"gate of an image's own": {
			run: makeRun().Obj(), failure: v1alpha1.Failure{Reason: "GateNotMet", Message: "accuracy is 0.5"}, want: "accuracy is 0.5",
		},
		"long": {
			run: noPath, failure: v1alpha1.Failure{Reason: "DatasetInvalid", Message: strings.Repeat("x", 1024)},
			want: "the root (spec.dataset.pvc has no path) of claim photos: " + strings.Repeat("x", 1024-60) + "…",
		},
		"any other": {run: noPath, failure: v1alpha1.Failure{Reason: "RunnerFailed", Message: "oh"}, want: "oh"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			nameFields(tc.run, &tc.failure)
			if diff := cmp.Diff(tc.want, tc.failure.Message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
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
		"no pod is known": {reason: "BackoffLimitExceeded", want: runFailure{"RunnerFailed", "Job pets-1a2b3c4d failed (BackoffLimitExceeded): words"}},
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
