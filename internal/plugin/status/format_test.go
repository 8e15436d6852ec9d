// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/plugin/golden"
	"github.com/trainyard-dev/trainyard/test/wrappers"
)

// now is when the objects of these tests are looked at.
var now = wrappers.At(3600).Time

func at(minutesAgo int) metav1.Time {
	return metav1.NewTime(now.Add(-time.Duration(minutesAgo) * time.Minute))
}

func condition(name string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: name, Status: status, Reason: reason, Message: message, ObservedGeneration: 1}
}

// rollout is a server whose candidate is tested while another is live and a third was rejected.
func rollout() Server {
	server := wrappers.MakeModelServer("pets", "zoo", "pets-2").Autoscaling(2, 8).Gate("accuracy", "0.9").NotWorseThanLive("f1", "0.01").Manual().Obj()
	server.Generation, server.CreationTimestamp = 1, at(5*24*60)
	server.Status = v1alpha1.ModelServerStatus{
		ObservedGeneration: 1, Replicas: ptr.To[int32](2), ReadyReplicas: ptr.To[int32](2), URL: "http://pets.zoo.svc",
		Live: &v1alpha1.LiveRevision{
			Revision: "pets-1f0c9a3e", Since: ptr.To(at(180)), Model: v1alpha1.RevisionModel{TrainingRun: "pets-1"},
			Metrics: []v1alpha1.Metric{{Name: "accuracy", Value: "0.952"}},
		},
		Candidate: &v1alpha1.CandidateRevision{
			Revision: "pets-7be2d410", Stage: v1alpha1.CandidateSmoking, StartTime: ptr.To(at(1)), Model: v1alpha1.RevisionModel{TrainingRun: "pets-2"},
			Checks: []v1alpha1.CheckResult{
				{Name: "health", Result: v1alpha1.CheckPassed, Latency: "2ms"},
				{Name: "integrity", Result: v1alpha1.CheckFailed, Message: "3 of 100 answers differ"},
				{Name: "latency", Result: v1alpha1.CheckSkipped, Message: "no bound is set"},
			},
		},
		Rejected: []v1alpha1.RejectedRevision{{Revision: "pets-00aa11bb", Reason: "SmokeFailed", Message: "quality failed: 0.5 of 100", Time: ptr.To(at(30))}},
		History: []v1alpha1.RetiredRevision{{
			Revision: "pets-55aa55aa", Model: v1alpha1.RevisionModel{TrainingRun: "pets-0"}, RetiredTime: ptr.To(at(180)), Reason: "Replaced", MovedBy: "spec (kubectl)",
		}},
		Conditions: []metav1.Condition{
			condition(v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.SmokingReason, "candidate pets-7be2d410 is tested"),
			condition(v1alpha1.ReconcilingCondition, metav1.ConditionTrue, v1alpha1.SmokingReason, ""),
			condition(v1alpha1.RequestRefusedCondition, metav1.ConditionTrue, v1alpha1.PromotionRefusedReason, "there is no revision pets-x"),
		},
	}
	return Server{
		Object: server,
		Pods: []Pod{
			{Name: "pets-1f0c9a3e-aaaaa", Component: "server", Revision: "pets-1f0c9a3e", Status: "Running", Ready: true, Node: "node0", Created: at(180)},
			{Name: "pets-1f0c9a3e-bbbbb", Component: "server", Revision: "pets-1f0c9a3e", Status: "Running", Ready: true, Node: "node1", Created: at(180), Restarts: 2},
			{Name: "pets-7be2d410-ccccc", Component: "server", Revision: "pets-7be2d410", Status: "ImagePullBackOff", Created: at(1), Problem: "can't pull image x"},
			{Name: "pets-7be2d410-smoke-ddddd", Component: "smoke", Status: "Running", Node: "node0", Created: at(0)},
		},
		Autoscaler: &Autoscaler{Min: 2, Max: 8, Current: 2, Desired: 3, Metrics: []string{"cpu 90 % of 70 %"}},
		Endpoints:  []Endpoint{{Address: "10.0.0.4", Pod: "pets-1f0c9a3e-aaaaa", Ready: true}, {Address: "10.0.0.5", Pod: "pets-1f0c9a3e-bbbbb"}},
		Events: []Event{
			{Object: "ModelServer pets", Type: "Normal", Reason: "Smoking", Message: "candidate pets-7be2d410 is tested", Count: 1, Last: at(1)},
			{Object: "Pod pets-7be2d410-ccccc", Type: "Warning", Reason: "BackOff", Message: "Back-off pulling image", Count: 4, Last: at(0)},
		},
		Unread: []string{"events: you may not list them in namespace zoo"},
	}
}

// fresh is a server that nothing has become of yet.
func fresh() Server {
	return Server{Object: wrappers.MakeModelServer("new", "zoo", "pets-3").Generation(2).Obj()}
}

func training() Run {
	run := wrappers.MakeTrainingRun("pets-2", "zoo").DataPVC("photos", "raw").Gate("accuracy", "0.9").Generation(1).Obj()
	run.CreationTimestamp = at(12)
	run.Status = v1alpha1.TrainingRunStatus{
		ObservedGeneration: 1, StartTime: ptr.To(at(10)), JobName: "pets-2-1a2b3c4d",
		Progress: &v1alpha1.TrainingProgress{
			Stage: "Training", Percent: ptr.To[int32](45), Epoch: 9, Epochs: 20, ImagesPerSecond: "412.5",
			EstimatedCompletionTime: ptr.To(metav1.NewTime(now.Add(213 * time.Second))),
		},
		Metrics:    []v1alpha1.Metric{{Name: "accuracy", Value: "0.93"}},
		Checkpoint: &v1alpha1.CheckpointStatus{Epoch: 8, Step: 2000},
		LastFailure: &v1alpha1.Failure{
			Reason: "OOMKilled", Message: "the container used more than its 1Gi", ExitCode: ptr.To[int32](137), PodName: "pets-2-1a2b3c4d-x", Time: ptr.To(at(9)),
			LogTail: "epoch 1\nepoch 2\n",
		},
		Conditions: []metav1.Condition{
			condition(v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.TrainingReason, "pod pets-2-1a2b3c4d-y trains"),
			condition(v1alpha1.ReconcilingCondition, metav1.ConditionTrue, v1alpha1.TrainingReason, ""),
		},
	}
	return Run{Object: run, Pods: []Pod{
		{Name: "pets-2-1a2b3c4d-x", Component: "runner", Status: "OOMKilled", Node: "node0", Created: at(10)},
		{Name: "pets-2-1a2b3c4d-y", Component: "runner", Status: "Running", Ready: true, Node: "node0", Created: at(9)},
	}}
}

func published() Run {
	run := wrappers.MakeTrainingRun("pets-1", "zoo").Generation(1).Complete(
		v1alpha1.PublishedModel{
			URI: "pvc://models/pets-1-aaaaaaaa/model.onnx", SHA256: "c241b9f8", SizeBytes: 1564911, ClassCount: 3, Classes: []string{"cat", "dog"},
			Chance: v1alpha1.BetterThanChance,
		}, v1alpha1.Metric{Name: "accuracy", Value: "0.952"}, v1alpha1.Metric{Name: "loss", Value: "0.14"},
	).Obj()
	run.CreationTimestamp, run.Status.ObservedGeneration = at(200), 1
	run.Status.StartTime, run.Status.CompletionTime = ptr.To(at(199)), ptr.To(at(190))
	run.Status.Lineage = &v1alpha1.Lineage{
		Image:   "registry.example/trainyard-runner@sha256:1",
		Dataset: &v1alpha1.DatasetLineage{Location: "pvc://photos/raw", Digest: "sha256:2", Samples: 10000},
		MLflow:  v1alpha1.MLflowLineage{RunID: "f00", URL: "http://mlflow/f00"},
	}
	return Run{Object: run, ServedBy: []string{"pets (live)"}}
}

func TestFormat(t *testing.T) {
	for name, data := range map[string]Data{
		"server-rollout.txt": {Servers: []Server{rollout()}},
		"server-fresh.txt":   {Servers: []Server{fresh()}},
		"run-training.txt":   {Runs: []Run{training()}},
		"run-published.txt":  {Runs: []Run{published()}},
	} {
		t.Run(name, func(t *testing.T) { golden.Compare(t, name, Format(data, now).String()) })
	}
}

func TestFormatAll(t *testing.T) {
	golden.Compare(t, "all.txt", FormatAll(Data{Servers: []Server{rollout(), fresh()}, Runs: []Run{training(), published()}}, now).String())
	golden.Compare(t, "none.txt", FormatAll(Data{}, now).String())
}

func TestJudge(t *testing.T) {
	stalled := rollout()
	stalled.Object.Status.Conditions = append(stalled.Object.Status.Conditions,
		condition(v1alpha1.StalledCondition, metav1.ConditionTrue, v1alpha1.SmokeFailedReason, ""))
	outdated := published()
	outdated.Object.Generation = 2
	for name, tc := range map[string]struct {
		data    Data
		settled bool
		fails   bool
	}{
		"on its way":                       {data: Data{Servers: []Server{rollout()}}},
		"Ready":                            {data: Data{Runs: []Run{published()}}, settled: true},
		"one of two is on its way":         {data: Data{Servers: []Server{rollout()}, Runs: []Run{published()}}},
		"one of two is stalled":            {data: Data{Servers: []Server{stalled}, Runs: []Run{published()}}, settled: true, fails: true},
		"Ready was about another spec":     {data: Data{Runs: []Run{outdated}}},
		"a status that wasn't written yet": {data: Data{Servers: []Server{fresh()}}},
	} {
		t.Run(name, func(t *testing.T) {
			settled, err := judge(tc.data)
			if settled != tc.settled || (err != nil) != tc.fails {
				t.Errorf("settled %v, %v; want settled %v, an error: %v", settled, err, tc.settled, tc.fails)
			}
		})
	}
}

func TestPodOf(t *testing.T) {
	for name, tc := range map[string]struct {
		pod  corev1.Pod
		want string
	}{
		"phase": {pod: corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning}}, want: "Running"},
		"why it waits": {pod: corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{
			{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}},
		}}}, want: "ImagePullBackOff"},
		"how it ended": {pod: corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{
			{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137}}},
		}}}, want: "OOMKilled"},
		"it is deleted": {pod: corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: ptr.To(at(0))}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}, want: "Terminating"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := podOf(&tc.pod).Status; got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
