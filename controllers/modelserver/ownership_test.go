// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
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
	"github.com/trainyard-dev/trainyard/controllers/modelserver/rollout"
	"github.com/trainyard-dev/trainyard/controllers/podstate"
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

func TestFindReplicaProblem(t *testing.T) {
	condition := func(kind appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason, message string) appsv1.DeploymentCondition {
		return appsv1.DeploymentCondition{Type: kind, Status: status, Reason: reason, Message: message}
	}
	refused := func(cause string) []appsv1.DeploymentCondition {
		return []appsv1.DeploymentCondition{
			condition(appsv1.DeploymentAvailable, corev1.ConditionFalse, "MinimumReplicasUnavailable", "x"),
			condition(appsv1.DeploymentReplicaFailure, corev1.ConditionTrue, "FailedCreate", `pods "pets-1-5d9c-x7k2p" is forbidden: `+cause),
		}
	}
	cases := map[string]struct {
		conditions []appsv1.DeploymentCondition
		cause      string
		remedy     string
	}{
		"well": {conditions: []appsv1.DeploymentCondition{condition(appsv1.DeploymentAvailable, corev1.ConditionTrue, "MinimumReplicasAvailable", "x")}},
		"quota": {
			conditions: refused("exceeded quota: q, requested: requests.cpu=1, used: requests.cpu=1, limited: requests.cpu=1"),
			cause:      "exceeded quota: q, requested: requests.cpu=1, used: requests.cpu=1, limited: requests.cpu=1",
			remedy:     "; raise the quota, or ask for less in spec.podTemplate.resources",
		},
		"a quota of what isn't set": {
			conditions: refused("failed quota: q: must specify limits.cpu for: server"),
			cause:      "failed quota: q: must specify limits.cpu for: server",
			remedy:     "; set spec.podTemplate.resources.limits.cpu, or have a LimitRange of the namespace set defaults",
		},
		"LimitRange": {
			conditions: refused("maximum memory usage per Container is 1Gi, but limit is 2Gi"),
			cause:      "maximum memory usage per Container is 1Gi, but limit is 2Gi",
			remedy:     "; keep spec.podTemplate.resources within the namespace's LimitRange, or change that",
		},
		"Pod Security": {
			conditions: refused(`violates PodSecurity "restricted:latest": privileged (container "proxy" must not set securityContext.privileged=true)`),
			cause:      `violates PodSecurity "restricted:latest": privileged (container "proxy" must not set securityContext.privileged=true)`,
			remedy:     "; Trainyard's own pods meet the level restricted: find what adds to them, such as an injector of sidecars",
		},
		"a webhook": {
			conditions: []appsv1.DeploymentCondition{
				condition(appsv1.DeploymentReplicaFailure, corev1.ConditionTrue, "FailedCreate", `admission webhook "w" denied the request: no`),
			},
			cause: `admission webhook "w" denied the request: no`,
		},
		"not any more":     {conditions: []appsv1.DeploymentCondition{condition(appsv1.DeploymentReplicaFailure, corev1.ConditionFalse, "FailedCreate", "x")}},
		"pods that remain": {conditions: []appsv1.DeploymentCondition{condition(appsv1.DeploymentReplicaFailure, corev1.ConditionTrue, "FailedDelete", "x")}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "pets-1"}, Status: appsv1.DeploymentStatus{Conditions: tc.conditions}}
			var want podstate.Problem
			if tc.cause != "" {
				want.Message = "pods of Deployment pets-1 can't be made: " + tc.cause + tc.remedy
			}
			if diff := cmp.Diff(want, findReplicaProblem(deployment)); diff != "" {
				t.Errorf("problem (-want +got):\n%s", diff)
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

// The remedy of a refused test names the field that a test has its resources from.
func TestRemedyOfARefusedTest(t *testing.T) {
	problem := podstate.Refused("the pod of Job j", smokeAsker, "failed quota: q: must specify limits.cpu for: smoke")
	if want := "set spec.smoke.resources.limits.cpu, or have a LimitRange"; !strings.Contains(problem.Message, want) {
		t.Errorf("message %q, want one with %q", problem.Message, want)
	}
}
