// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
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
			if got := servers.IsOrphan(tc.child); got != tc.want {
				t.Errorf("isOrphan = %v, want %v", got, tc.want)
			}
		})
	}
}

// An object may be older than the rule that refuses a quantity today.
func TestBadQuantitiesOfServersNameTheirField(t *testing.T) {
	server := makeServer().PodTemplate(v1alpha1.PodTemplate{Env: []v1alpha1.EnvVar{
		{Name: "A"}, {Name: "CPUS", ValueFrom: &v1alpha1.EnvVarSource{ResourceFieldRef: &v1alpha1.ResourceFieldSelector{Resource: "limits.cpu", Divisor: "1e-100000000"}}},
	}}).Autoscaling(1, 2).Obj()
	server.Spec.Autoscaling.Behavior = &v1alpha1.AutoscalerBehavior{ScaleDown: &v1alpha1.ScalingRules{Tolerance: ptr.To[v1alpha1.Quantity]("1e-100000000")}}
	_, err := newTemplate(templateInput{server: server, revision: "pets-1", info: revisionInfo{Model: v1alpha1.RevisionModel{URI: "pvc://models/pets/model.onnx"}}})
	if err == nil || !strings.Contains(err.Error(), "spec.podTemplate.env[1].valueFrom.resourceFieldRef.divisor") {
		t.Errorf("error %v, want one that names the divisor", err)
	}
	_, err = desiredAutoscaler(server)
	if err == nil || !strings.Contains(err.Error(), "spec.autoscaling.behavior.scaleDown.tolerance") {
		t.Errorf("error %v, want one that names the tolerance", err)
	}
}
