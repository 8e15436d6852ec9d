// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
)

func TestService(t *testing.T) {
	server := makeServer().Obj()
	record := &rollout.Record{Switch: 1, Live: "pets-1"}
	service, err := newService(server, record)
	if err != nil {
		t.Fatal(err)
	}
	for annotation, want := range map[string]string{"": "is unreadable: decode rollout record", "{": "is unreadable", "none": "was removed outside Trainyard"} {
		damaged := service.DeepCopy()
		damaged.Annotations[v1alpha1.RolloutAnnotation] = annotation
		if annotation == "none" {
			delete(damaged.Annotations, v1alpha1.RolloutAnnotation)
		}
		if got := observedService(damaged); got.Record != nil || !strings.Contains(got.RecordProblem, want) {
			t.Errorf("observedService of a Service with the record %q = %+v, want a problem with %q", annotation, got, want)
		}
	}
	if got := observedService(service); got.RecordProblem != "" || got.Selected != "pets-1" || !cmp.Equal(got.Record, record) {
		t.Errorf("observed = %+v, want pets-1 and the record", got)
	}
	if service.Spec.Ports[0].Port != 80 || service.Spec.Type != corev1.ServiceTypeClusterIP || !metav1.IsControlledBy(service, server) {
		t.Errorf("service = %+v", service.Spec)
	}
	empty, err := newService(server, &rollout.Record{})
	if err != nil {
		t.Fatal(err)
	}
	if got := empty.Spec.Selector[v1alpha1.RevisionLabel]; got != "none" || observedService(empty).Selected != "" {
		t.Errorf("before the first promotion the selector is %q, want none", got)
	}
}

func TestDesiredService(t *testing.T) {
	server := makeServer().Service(corev1.ServiceTypeNodePort, 8080).Obj()
	existing := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "pets", Annotations: map[string]string{v1alpha1.RolloutAnnotation: "{}"}, Labels: map[string]string{"theirs": "1"}},
		Spec: corev1.ServiceSpec{
			ClusterIP: "10.0.0.9", Selector: map[string]string{"any": "thing"},
			Ports: []corev1.ServicePort{{Name: "http", Port: 80, NodePort: 30001}},
		},
	}
	before := existing.DeepCopy()
	got := desiredService(server, existing)
	if diff := cmp.Diff(before, existing); diff != "" {
		t.Errorf("the builder changed the Service (-before +after):\n%s", diff)
	}
	port := got.Spec.Ports[0]
	if got.Spec.Type != corev1.ServiceTypeNodePort || port.Port != 8080 || port.NodePort != 30001 || port.TargetPort.String() != "http" {
		t.Errorf("spec = %+v", got.Spec)
	}
	if !cmp.Equal(got.Spec.Selector, existing.Spec.Selector) || got.Annotations[v1alpha1.RolloutAnnotation] != "{}" || got.Spec.ClusterIP != "10.0.0.9" {
		t.Errorf("selector, record or address changed: %+v", got)
	}
	if got.Labels["theirs"] != "1" || got.Labels[v1alpha1.ModelServerLabel] != "pets" {
		t.Errorf("labels = %v", got.Labels)
	}
	if again := desiredService(server, got); !cmp.Equal(got, again) {
		t.Errorf("not stable (-first +second):\n%s", cmp.Diff(got, again))
	}
	edited := got.DeepCopy()
	edited.Spec.PublishNotReadyAddresses, edited.Spec.ExternalName = true, "elsewhere.example"
	edited.Spec.Ports = append([]corev1.ServicePort{{Name: "debug", Port: 81}}, edited.Spec.Ports...)
	edited.Spec.Ports[1].TargetPort = intstr.FromInt32(9090)
	if diff := cmp.Diff(got, desiredService(server, edited)); diff != "" {
		t.Errorf("what was edited isn't set back (-before +after):\n%s", diff)
	}
	server.Spec.Service.Type = corev1.ServiceTypeClusterIP
	if got := desiredService(server, got).Spec.Ports[0].NodePort; got != 0 {
		t.Errorf("node port of a ClusterIP = %d, want none", got)
	}
}

func TestRolloutPatch(t *testing.T) {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "pets", UID: "u", ResourceVersion: "7"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{v1alpha1.RevisionLabel: "pets-1", "somebody": "else"}},
	}
	data, err := rolloutPatch(service, &rollout.Record{Switch: 2, Live: "pets-2"})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"metadata": map[string]any{
			"uid": "u", "resourceVersion": "7",
			"annotations": map[string]any{v1alpha1.RolloutAnnotation: `{"switch":2,"live":"pets-2"}`},
		},
		"spec": map[string]any{"selector": map[string]any{v1alpha1.RevisionLabel: "pets-2", "somebody": nil}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("patch (-want +got):\n%s", diff)
	}
}

func TestSelectedRevision(t *testing.T) {
	for name, tc := range map[string]struct {
		selector map[string]string
		want     string
	}{
		"a revision":    {map[string]string{v1alpha1.RevisionLabel: "pets-1"}, "pets-1"},
		"none":          {map[string]string{v1alpha1.RevisionLabel: "none"}, ""},
		"no selector":   {nil, otherRevision},
		"another label": {map[string]string{"app": "x"}, otherRevision},
		"one too many":  {map[string]string{v1alpha1.RevisionLabel: "pets-1", "app": "x"}, otherRevision},
	} {
		t.Run(name, func(t *testing.T) {
			service := &corev1.Service{Spec: corev1.ServiceSpec{Selector: tc.selector}}
			if got := selectedRevision(service); got != tc.want {
				t.Errorf("selectedRevision = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestServiceURL(t *testing.T) {
	if got := serviceURL(makeServer().Service(corev1.ServiceTypeClusterIP, 8080).Obj()); got != "http://pets.zoo.svc:8080" {
		t.Errorf("serviceURL = %s", got)
	}
	pod := &corev1.Pod{Status: corev1.PodStatus{PodIP: "fd00::1"}}
	if got := podURL(pod); got != "http://[fd00::1]:8080" {
		t.Errorf("podURL = %s", got)
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
