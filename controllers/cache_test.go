// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// kubectlMetadata is metadata with what kubectl and the API server add to it.
func kubectlMetadata() metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:          "pets-1",
		Labels:        map[string]string{v1alpha1.TrainingRunLabel: "pets"},
		Annotations:   map[string]string{corev1.LastAppliedConfigAnnotation: "{}", v1alpha1.AttemptAnnotation: "1"},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
	}
}

func trimmedMetadata() metav1.ObjectMeta {
	m := kubectlMetadata()
	m.ManagedFields = nil
	delete(m.Annotations, corev1.LastAppliedConfigAnnotation)
	return m
}

func TestCacheTrimsPods(t *testing.T) {
	limits := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}
	spec := corev1.PodSpec{
		NodeName: "n1",
		Volumes:  []corev1.Volume{{Name: "output"}},
		Containers: []corev1.Container{{
			Name: "runner", Image: "r", Env: []corev1.EnvVar{{Name: "TRAINYARD_CONFIG", Value: "{}"}},
			Resources: corev1.ResourceRequirements{Requests: limits, Limits: limits},
		}},
	}
	small := corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{Name: "runner", Resources: corev1.ResourceRequirements{Limits: limits}}}}
	for phase, want := range map[corev1.PodPhase]corev1.PodSpec{
		corev1.PodPending: spec, corev1.PodRunning: spec, corev1.PodUnknown: spec, corev1.PodSucceeded: small, corev1.PodFailed: small,
	} {
		t.Run(string(phase), func(t *testing.T) {
			status := corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{
				Name:  "runner",
				State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "OOMKilled", ExitCode: 137, Message: "epoch 1"}},
			}}}
			got, err := trimPod(&corev1.Pod{ObjectMeta: kubectlMetadata(), Spec: *spec.DeepCopy(), Status: *status.DeepCopy()})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&corev1.Pod{ObjectMeta: trimmedMetadata(), Spec: want, Status: status}, got); diff != "" {
				t.Errorf("trimmed pod (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCacheTrimsJobs(t *testing.T) {
	whole := &batchv1.Job{
		ObjectMeta: kubectlMetadata(),
		Spec: batchv1.JobSpec{
			Suspend: ptr.To(false), BackoffLimit: ptr.To[int32](2), ActiveDeadlineSeconds: ptr.To[int64](60),
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "runner"}}}},
		},
	}
	cases := map[string]struct {
		conditions []batchv1.JobCondition
		want       batchv1.JobSpec
	}{
		"running": {want: whole.Spec},
		"about to fail": {
			conditions: []batchv1.JobCondition{{Type: batchv1.JobFailureTarget, Status: corev1.ConditionTrue}}, want: whole.Spec,
		},
		"failed": {
			conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue}},
			want:       batchv1.JobSpec{Suspend: ptr.To(false), BackoffLimit: ptr.To[int32](2), ActiveDeadlineSeconds: ptr.To[int64](60)},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			job := whole.DeepCopy()
			job.Status.Conditions = tc.conditions
			got, err := trimJob(job)
			if err != nil {
				t.Fatal(err)
			}
			want := &batchv1.Job{ObjectMeta: trimmedMetadata(), Spec: tc.want, Status: batchv1.JobStatus{Conditions: tc.conditions}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("trimmed Job (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCacheTrimsEndings(t *testing.T) {
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.EndingAnnotation: "digest {}"}}}
	job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
	if _, err := trimJob(job); err != nil {
		t.Fatal(err)
	}
	if got := job.Annotations[v1alpha1.EndingAnnotation]; got != "digest" {
		t.Errorf("the cache holds %q of how a run ended, want its digest", got)
	}
}
