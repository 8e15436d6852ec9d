// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/rollout"
)

// A child without a controller is its owner's if it bears what only the controllers write.
func TestIsOrphan(t *testing.T) {
	template := runtime.RawExtension{Raw: []byte(`{"info":{},"template":{"spec":{"containers":[{"name":"server"}]}}}`)}
	marked := func(key string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: "x", Annotations: map[string]string{key: "0"}}
	}
	owned, leaving := marked(v1alpha1.RevisionAnnotation), marked(v1alpha1.RevisionAnnotation)
	owned.OwnerReferences = []metav1.OwnerReference{{UID: "u", Controller: ptr.To(true)}}
	leaving.DeletionTimestamp = &t0
	cases := map[string]struct {
		child client.Object
		want  bool
	}{
		"a Deployment":               {child: &appsv1.Deployment{ObjectMeta: marked(v1alpha1.RevisionAnnotation)}, want: true},
		"a Job":                      {child: &batchv1.Job{ObjectMeta: marked(v1alpha1.AttemptAnnotation)}, want: true},
		"an autoscaler":              {child: &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: marked(specHashAnnotation)}, want: true},
		"a template":                 {child: &appsv1.ControllerRevision{Data: template}, want: true},
		"a stranger's Deployment":    {child: &appsv1.Deployment{ObjectMeta: marked("a")}},
		"another ControllerRevision": {child: &appsv1.ControllerRevision{Data: runtime.RawExtension{Raw: []byte(`{}`)}}},
		"one that has a controller":  {child: &appsv1.Deployment{ObjectMeta: owned}},
		"one that is being deleted":  {child: &appsv1.Deployment{ObjectMeta: leaving}},
		"a Service":                  {child: &corev1.Service{ObjectMeta: marked(v1alpha1.RolloutAnnotation)}},
		"a pod":                      {child: &corev1.Pod{ObjectMeta: marked(v1alpha1.RevisionAnnotation)}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := isOrphan(tc.child); got != tc.want {
				t.Errorf("isOrphan = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestIsOwnService(t *testing.T) {
	server := makeServer().Obj()
	server.Status.Live = &v1alpha1.LiveRevision{Revision: "pets-1"}
	service := func(live string) *corev1.Service {
		made, err := newService(server, &rollout.Record{Switch: 1, Live: live})
		if err != nil {
			t.Fatal(err)
		}
		made.OwnerReferences = nil
		return made
	}
	taken, broken := service("pets-1"), service("pets-1")
	taken.OwnerReferences = []metav1.OwnerReference{{UID: "x", Controller: ptr.To(true)}}
	broken.Annotations = nil
	cases := map[string]struct {
		server  *v1alpha1.ModelServer
		service *corev1.Service
		want    bool
	}{
		"its record names live":       {server: server, service: service("pets-1"), want: true},
		"of an earlier server":        {server: server, service: service("pets-0")},
		"of a server without status":  {server: makeServer().Obj(), service: service("pets-1")},
		"taken over":                  {server: server, service: taken},
		"a stranger's without record": {server: server, service: broken},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := isOwnService(tc.server, tc.service); got != tc.want {
				t.Errorf("isOwnService = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestIdentityRestored(t *testing.T) {
	run := makeRun().UID("uid-0").Obj()
	id := identity{labels: map[string]string{"a": "1", "b": "2"}, owner: &ownedByRun(run)[0]}
	whole := metav1.ObjectMeta{Labels: map[string]string{"a": "1", "b": "2", "mine": "x"}, OwnerReferences: ownedByRun(run)}
	cases := map[string]struct {
		child metav1.ObjectMeta
		id    identity
		want  *metav1.ObjectMeta // nil: nothing is to be restored
	}{
		"whole": {child: whole, id: id},
		"a label changed": {
			child: metav1.ObjectMeta{Labels: map[string]string{"a": "0", "b": "2", "mine": "x"}, OwnerReferences: whole.OwnerReferences}, id: id, want: &whole,
		},
		"a label and the owner removed": {
			child: metav1.ObjectMeta{Labels: map[string]string{"a": "1", "mine": "x"}}, id: id, want: &whole,
		},
		"the owner is no controller any more": {
			child: metav1.ObjectMeta{Labels: whole.Labels, OwnerReferences: []metav1.OwnerReference{{UID: "uid-0"}}}, id: id, want: &whole,
		},
		"another's": {
			child: metav1.ObjectMeta{Labels: whole.Labels, OwnerReferences: []metav1.OwnerReference{{UID: "x", Controller: ptr.To(true)}}}, id: id,
		},
		"labels alone": {child: metav1.ObjectMeta{}, id: identity{labels: id.labels}, want: &metav1.ObjectMeta{Labels: id.labels}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := tc.child.DeepCopy()
			got := tc.id.restored(&batchv1.Job{ObjectMeta: tc.child})
			if diff := cmp.Diff(*before, tc.child); diff != "" {
				t.Errorf("the child was changed:\n%s", diff)
			}
			if got == nil || tc.want == nil {
				if got != nil || tc.want != nil {
					t.Errorf("restored = %v, want %v", got, tc.want)
				}
				return
			}
			if diff := cmp.Diff(*tc.want, got.(*batchv1.Job).ObjectMeta); diff != "" {
				t.Errorf("restored (-want +got):\n%s", diff)
			}
		})
	}
}
