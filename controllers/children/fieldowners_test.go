// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// writer returns what an API server notes of a write.
func writer(manager, subresource, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, Subresource: subresource, FieldsV1: metav1.NewFieldsV1(fields),
	}
}

func TestLastWriter(t *testing.T) {
	at := func(minute int, entry metav1.ManagedFieldsEntry) metav1.ManagedFieldsEntry {
		when := metav1.Date(2026, 1, 1, 12, minute, 0, 0, time.UTC)
		entry.Time = &when
		return entry
	}
	const model, replicas = `{"f:spec":{"f:model":{}}}`, `{"f:spec":{"f:replicas":{}}}`
	entries := []metav1.ManagedFieldsEntry{
		at(1, writer("kubectl", "", model)), at(3, writer("argocd", "", model)), at(2, writer("kubectl-edit", "", model)), at(9, writer("hpa", "scale", replicas)),
	}
	for want, paths := range map[string][][]string{
		"argocd": {{"f:spec", "f:image"}, {"f:spec", "f:model"}},
		"hpa":    {{"f:spec", "f:replicas"}},
		"":       {{"f:spec", "f:image"}},
	} {
		if got := LastWriter(entries, paths...); got != want {
			t.Errorf("last writer of %v = %q, want %q", paths, got, want)
		}
	}
}

// An image that differs from the template's is an edit only if it wasn't so from the start.
func TestIsImageEdited(t *testing.T) {
	const (
		whole = `{"f:spec":{"f:containers":{"k:{\"name\":\"server\"}":{".":{},"f:image":{},"f:imagePullPolicy":{}}}}}`
		rest  = `{"f:spec":{"f:containers":{"k:{\"name\":\"server\"}":{".":{},"f:imagePullPolicy":{}}}}}`
		image = `{"f:spec":{"f:containers":{"k:{\"name\":\"server\"}":{"f:image":{}}}}}`
		ready = `{"f:status":{"f:phase":{}}}`
	)
	apply := writer("kubectl", "", whole)
	apply.Operation = metav1.ManagedFieldsOperationApply
	cases := map[string]struct {
		generation int64
		writers    []metav1.ManagedFieldsEntry
		want       bool
	}{
		"as created, by way of a webhook": {generation: 1, writers: []metav1.ManagedFieldsEntry{
			writer("kube-controller-manager", "", whole), writer("kubelet", "status", ready)}},
		"by kubectl set image":        {generation: 2, writers: []metav1.ManagedFieldsEntry{writer("kube-controller-manager", "", rest), writer("kubectl-set", "", image)}, want: true},
		"before pods had generations": {writers: []metav1.ManagedFieldsEntry{writer("kube-controller-manager", "", rest), writer("kubectl-set", "", image)}, want: true},
		"by a forced apply":           {generation: 2, writers: []metav1.ManagedFieldsEntry{writer("kube-controller-manager", "", rest), apply}, want: true},
		"by the name of its creator":  {generation: 2, writers: []metav1.ManagedFieldsEntry{writer("kube-controller-manager", "", whole)}, want: true},
		"resized since":               {generation: 2, writers: []metav1.ManagedFieldsEntry{writer("kube-controller-manager", "", whole), writer("vpa", "resize", `{}`)}},
		"debugged since": {generation: 2, writers: []metav1.ManagedFieldsEntry{
			writer("kube-controller-manager", "", whole), writer("kubectl-debug", "ephemeralcontainers", `{}`)}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Generation: tc.generation, ManagedFields: tc.writers},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "server", Image: "mirror/server"}}},
			}
			if got := IsImageEdited(pod); got != tc.want {
				t.Errorf("edited = %t, want %t", got, tc.want)
			}
		})
	}
}

// What an admission webhook has made of a Job when the controllers wrote it is no edit.
func TestIsJobFieldOurs(t *testing.T) {
	cases := map[string]struct {
		writers []metav1.ManagedFieldsEntry
		want    bool
	}{
		"as created":               {writers: []metav1.ManagedFieldsEntry{writer("trainyard", "", `{"f:spec":{"f:suspend":{}}}`)}, want: true},
		"edited":                   {writers: []metav1.ManagedFieldsEntry{writer("trainyard", "", `{"f:spec":{}}`), writer("kubectl-patch", "", `{"f:spec":{"f:suspend":{}}}`)}},
		"removed":                  {writers: []metav1.ManagedFieldsEntry{writer("trainyard", "", `{"f:spec":{}}`)}},
		"by the status alone":      {writers: []metav1.ManagedFieldsEntry{writer("trainyard", "status", `{"f:spec":{"f:suspend":{}}}`)}},
		"nothing is known of that": {},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{ManagedFields: tc.writers}}
			if got := IsJobFieldOurs(job, "f:suspend"); got != tc.want {
				t.Errorf("ours = %t, want %t", got, tc.want)
			}
		})
	}
}
