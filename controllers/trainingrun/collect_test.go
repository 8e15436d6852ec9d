// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"context"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// The pod goes with its Job, and what it said with the pod.
func TestRunAgainKeepsTheFirstCause(t *testing.T) {
	r := &reconciler{}
	s := scopeThat(func(s *scope) { s.job = trainingJob() })
	if err := r.runAgain(t.Context(), s, "no result: unexpected end of JSON input"); err != nil {
		t.Fatal(err)
	}
	computeStatus(s, nil)
	const want = "no result: unexpected end of JSON input; the Job is recreated once"
	if got := s.run.Status.LastFailure; got == nil || got.Message != want {
		t.Fatalf("last failure = %+v, want %q", got, want)
	}

	again := scopeThat(func(next *scope) {
		next.run, next.job = s.run.DeepCopy(), trainingJob()
		next.job.DeletionTimestamp = ptr.To(at(1)) // its deletion is under way
	})
	if err := r.runAgain(t.Context(), again, "no result: its pod is gone"); err != nil {
		t.Fatal(err)
	}
	computeStatus(again, nil)
	if got := again.run.Status.LastFailure.Message; got != want {
		t.Errorf("last failure = %q, want %q", got, want)
	}
}

// podReader answers every list with the same pods.
type podReader struct {
	client.Reader
	pods []corev1.Pod
}

func (r podReader) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*corev1.PodList).Items = r.pods
	return nil
}

// What ends a run is read past the cache, which may know of an earlier pod's failure only.
func TestCollectFailure(t *testing.T) {
	run := makeRun().Obj()
	folder := "pvc://models/" + jobName(run)
	missed := encode(t, contract.TrainResult{
		Version: 1, Outcome: contract.OutcomeFailed, Reason: contract.ReasonGateNotMet, Message: "accuracy is 0.5",
		Model: &contract.ModelResult{URI: folder + "/model.onnx", SHA256: strings.Repeat("ab", 32)},
	})
	pod := func(name string, seconds int, end func(*corev1.Pod)) corev1.Pod {
		pod := runnerPodThat(end)
		pod.Name, pod.CreationTimestamp = name, at(seconds)
		pod.OwnerReferences = []metav1.OwnerReference{{Kind: "Job", Name: "pets", UID: "job-1", Controller: ptr.To(true)}}
		return *pod
	}
	crashed := pod("a", 1, exited("Error", 2, "panic"))
	gate := pod("b", 2, exited("Error", contract.ExitGate, missed))
	silent := pod("b", 2, exited("Error", contract.ExitGate, ""))
	const exitGate = "Container runner for pod zoo/b failed with exit code 5 matching FailJob rule at index 2"
	cases := map[string]struct {
		cached, live []corev1.Pod
		attempt      string
		recorded     *v1alpha1.Failure
		message      string // of the Job's condition
		want         string // the reason; "" if the Job is to run again
		wantModel    bool
	}{
		"the cache is behind":               {cached: []corev1.Pod{crashed}, live: []corev1.Pod{crashed, gate}, message: exitGate, want: "GateNotMet", wantModel: true},
		"the cache has no pod":              {live: []corev1.Pod{gate}, message: exitGate, want: "GateNotMet", wantModel: true},
		"the pod is gone, and was seen":     {recorded: &v1alpha1.Failure{Reason: "GateNotMet"}, message: exitGate},
		"the pod is gone, and wasn't seen":  {live: []corev1.Pod{crashed}, message: exitGate},
		"the pod left no result":            {live: []corev1.Pod{silent}, message: exitGate},
		"the Job is to be deleted for it":   {recorded: &v1alpha1.Failure{Reason: "ResultMissing"}, message: exitGate},
		"the second pod left no result too": {live: []corev1.Pod{silent}, attempt: "1", message: exitGate, want: "GateNotMet"},
		"another exit code":                 {live: []corev1.Pod{crashed}, message: "Container runner for pod zoo/b failed with exit code 3 matching FailJob rule at index 2", want: "ConfigInvalid"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := scopeThat(func(s *scope) {
				s.job, s.run.Status.LastFailure = trainingJob(), tc.recorded
				s.job.UID, s.job.Annotations = "job-1", map[string]string{v1alpha1.AttemptAnnotation: tc.attempt}
				s.job.DeletionTimestamp = ptr.To(at(1)) // there is nothing to delete
				s.pods, _ = sortPods(children.PodsIn(&corev1.PodList{Items: tc.cached}), s.job, s.job.Name)
			})
			r := &reconciler{live: podReader{pods: tc.live}}
			end := &batchv1.JobCondition{Type: batchv1.JobFailed, Reason: batchv1.JobReasonPodFailurePolicy, Message: tc.message}
			if err := r.collectFailure(t.Context(), s, end); err != nil {
				t.Fatal(err)
			}
			got := ""
			if s.failure != nil {
				got = s.failure.reason
			}
			if got != tc.want || (s.published != nil) != tc.wantModel || (s.resultMissing != nil) != (tc.want == "") {
				t.Errorf("reason %q, published %v, result missing %v; want %q, a model: %t", got, s.published, s.resultMissing, tc.want, tc.wantModel)
			}
		})
	}
}
