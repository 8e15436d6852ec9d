// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// The remedy names a field that the refused pod has its resources from, and that can be changed.
func TestRemediesOfRefusedJobs(t *testing.T) {
	cases := map[string]struct {
		component string
		cause     string
		want      string
	}{
		"a quota counts a test's limits": {
			component: smokeComponent, cause: "failed quota: q: must specify limits.cpu for: smoke; limits.memory for: smoke",
			want: "set spec.smoke.resources.limits.cpu and spec.smoke.resources.limits.memory, or have a LimitRange of the namespace set defaults",
		},
		"a quota counts a runner's limits": {
			component: runnerComponent, cause: "failed quota: q: must specify limits.memory for: runner",
			want: "create another TrainingRun that sets spec.podTemplate.resources.limits.memory, or have a LimitRange of the namespace set defaults",
		},
		"a quota by its short name": {
			component: smokeComponent, cause: "failed quota: q: must specify cpu for: smoke",
			want: "set spec.smoke.resources.requests.cpu, or have a LimitRange of the namespace set defaults",
		},
		"a quota, and an injected container": {
			component: smokeComponent, cause: "failed quota: q: must specify limits.cpu for: proxy,smoke; limits.memory for: proxy",
			want: "set spec.smoke.resources.limits.cpu, set resources of container proxy where it is injected, or have a LimitRange of the namespace set defaults",
		},
		"only an injected container": {
			component: runnerComponent, cause: "failed quota: q: must specify limits.cpu for: proxy",
			want: "set resources of container proxy where it is injected, or have a LimitRange of the namespace set defaults",
		},
		"a test's quota is used up": {
			component: smokeComponent, cause: "exceeded quota: q, requested: limits.cpu=500m,pods=1, used: limits.cpu=1,pods=2, limited: limits.cpu=1,pods=9",
			want: "raise the quota, or ask for less in spec.smoke.resources",
		},
		"a runner's quota is used up": {
			component: runnerComponent, cause: "exceeded quota: q, requested: requests.memory=1Gi, used: requests.memory=0, limited: requests.memory=512Mi",
			want: "raise the quota, or create another TrainingRun that asks for less in spec.podTemplate.resources",
		},
		"a quota of objects": {
			component: smokeComponent, cause: "exceeded quota: q, requested: count/pods=1,pods=1, used: count/pods=2,pods=2, limited: count/pods=2,pods=2",
			want: "raise the quota, or delete what it counts and nobody needs",
		},
		"a LimitRange that is newer than the Job": {
			component: runnerComponent, cause: "maximum memory usage per Container is 256Mi, but request is 1Gi",
			want: "create another TrainingRun that keeps spec.podTemplate.resources within the namespace's LimitRange, or change that",
		},
		"a LimitRange's ratio": {
			component: smokeComponent, cause: "cpu max limit to request ratio per Container is 2, but provided ratio is 10.000000",
			want: "keep spec.smoke.resources within the namespace's LimitRange, or change that",
		},
		"a LimitRange's default limit": {
			component: runnerComponent, cause: `spec.containers[0].resources.requests: Invalid value: "1Gi": must be less than or equal to memory limit of 256Mi`,
			want: "create another TrainingRun that sets spec.podTemplate.resources.limits, for the limit is the default of the namespace's LimitRange",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "j", Labels: map[string]string{v1alpha1.ComponentLabel: tc.component}}}
			event := &corev1.Event{Reason: failedCreate, Message: `Error creating: pods "j-x7k2p" is forbidden: ` + tc.cause}
			got := findCreateProblem(job, event)
			if diff := cmp.Diff("the pod of Job j can't be made: "+tc.cause+"; "+tc.want, got.message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestServingHints(t *testing.T) {
	server := makeServer().Service(corev1.ServiceTypeLoadBalancer, 80).Obj()
	inactive := autoscalerWith("FailedGetContainerResourceMetric", "no metrics returned from resource metrics API")
	balanced := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "pets"}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}
	addressed := balanced.DeepCopy()
	addressed.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
	cases := map[string]struct {
		scope modelServerScope
		want  []string // what the hints say
	}{
		"neither":                       {},
		"an autoscaler without metrics": {scope: modelServerScope{autoscaler: inactive}, want: []string{"the autoscaler doesn't scale (FailedGetContainerResourceMetric): no metrics returned"}},
		"nothing to scale":              {scope: modelServerScope{autoscaler: autoscalerWith("ScalingDisabled", "x")}},
		"no address":                    {scope: modelServerScope{service: balanced}, want: []string{"Service pets has no address outside the cluster yet"}},
		"an address":                    {scope: modelServerScope{service: addressed}},
		"both":                          {scope: modelServerScope{autoscaler: inactive, service: balanced}, want: []string{"metrics-server", "spec.service.type"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.scope.server = server
			got := servingHints(&tc.scope)
			if len(got) != len(tc.want) {
				t.Fatalf("hints %q, want %d", got, len(tc.want))
			}
			for i, want := range tc.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("hint %q, want one with %q", got[i], want)
				}
			}
		})
	}
}

// autoscalerWith is one that doesn't scale, for this reason.
func autoscalerWith(reason, message string) *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{Status: autoscalingv2.HorizontalPodAutoscalerStatus{
		Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{
			{Type: autoscalingv2.AbleToScale, Status: corev1.ConditionTrue},
			{Type: autoscalingv2.ScalingActive, Status: corev1.ConditionFalse, Reason: reason, Message: message},
		},
	}}
}
