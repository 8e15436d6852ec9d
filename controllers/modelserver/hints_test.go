// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestServingHints(t *testing.T) {
	server := makeServer().Service(corev1.ServiceTypeLoadBalancer, 80).Obj()
	inactive := autoscalerWith("FailedGetContainerResourceMetric", "no metrics returned from resource metrics API")
	balanced := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "pets"}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}
	addressed := balanced.DeepCopy()
	addressed.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
	cases := map[string]struct {
		scope scope
		want  []string // what the hints say
	}{
		"neither":                       {},
		"an autoscaler without metrics": {scope: scope{autoscaler: inactive}, want: []string{"the autoscaler doesn't scale (FailedGetContainerResourceMetric): no metrics returned"}},
		"nothing to scale":              {scope: scope{autoscaler: autoscalerWith("ScalingDisabled", "x")}},
		"no address":                    {scope: scope{service: balanced}, want: []string{"Service pets has no address outside the cluster yet"}},
		"an address":                    {scope: scope{service: addressed}},
		"both":                          {scope: scope{autoscaler: inactive, service: balanced}, want: []string{"metrics-server", "spec.service.type"}},
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
