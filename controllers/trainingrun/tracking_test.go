// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// recordedRun is a run that is to be recorded.
func recordedRun() *v1alpha1.TrainingRun {
	run := makeRun().Obj()
	run.Spec.Tracking.MLflow = v1alpha1.MLflowTracking{
		URI: "https://mlflow.example/base/", SecretRef: v1alpha1.SecretReference{Name: "mlflow"}, Tags: map[string]v1alpha1.MLflowTag{"team": "a"},
		CABundle: v1alpha1.TrackingCABundle{ConfigMapRef: v1alpha1.CABundleReference{Name: "ca", Key: "ca.crt"}},
	}
	return run
}

// A Secret that isn't there keeps no training from starting.
func TestTrackingIsMountedIfItIsThere(t *testing.T) {
	run := recordedRun()
	run.Spec.ActiveDeadlineSeconds = ptr.To[int64](3600)
	job, err := desiredJob(jobInput{run: run, image: "runner:v1"})
	if err != nil {
		t.Fatal(err)
	}
	optional := map[string]bool{}
	for _, v := range job.Spec.Template.Spec.Volumes {
		switch {
		case v.Secret != nil:
			optional[v.Secret.SecretName] = *v.Secret.Optional
		case v.ConfigMap != nil:
			optional[v.ConfigMap.Name] = *v.ConfigMap.Optional
		}
	}
	if diff := cmp.Diff(map[string]bool{"mlflow": true, "ca": true}, optional); diff != "" {
		t.Errorf("optional volumes (-want +got):\n%s", diff)
	}
	config := contract.TrainConfig{}
	if err := contract.DecodeConfig([]byte(job.Spec.Template.Spec.Containers[0].Env[0].Value), &config); err != nil {
		t.Fatal(err)
	}
	want := contract.MLflow{
		URI: "https://mlflow.example/base/", Tags: map[string]string{"team": "a", "trainyard.image": "runner:v1"},
		Access: contract.Access{Credentials: "/etc/trainyard/credentials/tracking", CABundle: "/etc/trainyard/ca/tracking/ca.crt"},
	}
	if diff := cmp.Diff(want, *config.Tracking.MLflow); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	if config.Tracking.DeadlineSeconds != 3600 {
		t.Errorf("the runner is told of a deadline of %d seconds, want 3600", config.Tracking.DeadlineSeconds)
	}
}

func TestTracked(t *testing.T) {
	const page = "https://mlflow.example/base/#/experiments/1/runs/ab12"
	for name, tc := range map[string]struct {
		said           *contract.MLflowResult
		untracked      bool // the spec asks for no record
		status, reason string
		message        string
		lineage        v1alpha1.MLflowLineage
	}{
		"nothing is said": {},
		"nothing yet":     {said: &contract.MLflowResult{}},
		"it is recorded": {
			said:   &contract.MLflowResult{RunID: "ab12", URL: page},
			status: "True", reason: v1alpha1.RecordedReason, message: "run ab12", lineage: v1alpha1.MLflowLineage{RunID: "ab12", URL: page},
		},
		"an outage": {
			said:   &contract.MLflowResult{RunID: "ab12", URL: page, Reason: contract.ReasonTrackerUnavailable, Message: "MLflow isn't reached\x00"},
			status: "False", reason: v1alpha1.TrackerUnavailableReason, message: "MLflow isn't reached", lineage: v1alpha1.MLflowLineage{RunID: "ab12", URL: page},
		},
		"a wrong token": {
			said:   &contract.MLflowResult{Reason: contract.ReasonTrackerRejected, Message: "MLflow refuses the credentials"},
			status: "False", reason: v1alpha1.TrackerRejectedReason, message: "refuses the credentials",
		},
		"an image that says anything": {
			said:   &contract.MLflowResult{RunID: "../ab", URL: "https://elsewhere.example/", Reason: "Odd", Message: strings.Repeat("x", 5000)},
			status: "False", reason: v1alpha1.TrackerUnavailableReason, message: "xxx",
		},
		"a page elsewhere": {
			said:   &contract.MLflowResult{RunID: "ab12", URL: "https://mlflow.example.evil/#/"},
			status: "True", reason: v1alpha1.RecordedReason, message: "run ab12", lineage: v1alpha1.MLflowLineage{RunID: "ab12"},
		},
		"no record is asked for": {said: &contract.MLflowResult{RunID: "ab12", URL: page}, untracked: true},
	} {
		for _, ended := range []bool{false, true} {
			run := recordedRun()
			if tc.untracked {
				run.Spec.Tracking = v1alpha1.Tracking{}
			}
			s := &scope{run: run, observed: true, now: metav1.Now().Time}
			if ended {
				document, err := json.Marshal(contract.TrainResult{Version: contract.Version, Outcome: contract.OutcomeFailed, MLflow: tc.said})
				if err != nil {
					t.Fatal(err)
				}
				pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pod"}}
				pod.Status.Phase = corev1.PodFailed
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
					Name:  contract.RunnerContainer,
					State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: string(document)}},
				}}
				s.pods = []*corev1.Pod{pod}
			} else {
				s.progress = &observedProgress{Progress: contract.Progress{MLflow: tc.said}}
			}
			computeStatus(s, nil)
			condition := meta.FindStatusCondition(run.Status.Conditions, v1alpha1.TrackedCondition)
			if condition == nil {
				condition = &metav1.Condition{}
			}
			if string(condition.Status) != tc.status || condition.Reason != tc.reason || !strings.Contains(condition.Message, tc.message) || len(condition.Message) > maxMessage {
				t.Errorf("%s, ended %v: Tracked is %+v, want %s %s %q", name, ended, condition, tc.status, tc.reason, tc.message)
			}
			var got v1alpha1.MLflowLineage
			if run.Status.Lineage != nil {
				got = run.Status.Lineage.MLflow
			}
			if diff := cmp.Diff(tc.lineage, got); diff != "" {
				t.Errorf("%s, ended %v: lineage (-want +got):\n%s", name, ended, diff)
			}
		}
	}
}
