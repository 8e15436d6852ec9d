// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package podstate

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func TestFindProblemOfASilentNode(t *testing.T) {
	condition := func(name corev1.PodConditionType, status corev1.ConditionStatus) corev1.PodCondition {
		return corev1.PodCondition{Type: name, Status: status, LastTransitionTime: at(60)}
	}
	tolerates := func(seconds *int64) corev1.Toleration {
		return corev1.Toleration{
			Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: seconds,
		}
	}
	silent := func(change func(*corev1.Pod)) *corev1.Pod {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "pets-1"},
			Spec:       corev1.PodSpec{NodeName: "n1", Tolerations: []corev1.Toleration{tolerates(ptr.To[int64](300))}},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{
				condition(corev1.PodReady, corev1.ConditionFalse), condition(corev1.ContainersReady, corev1.ConditionTrue),
			}},
		}
		if change != nil {
			change(pod)
		}
		return pod
	}
	cases := map[string]struct {
		pod  *corev1.Pod
		want string // part of the message; empty: no problem
	}{
		"silent":        {pod: silent(nil), want: "node n1 has not answered since 2026-01-02T03:05:05Z, and pod pets-1 is on it; if the node doesn't come back, the pod is deleted after 5m0s; delete Node n1"},
		"for ever":      {pod: silent(func(p *corev1.Pod) { p.Spec.Tolerations[0].TolerationSeconds = nil }), want: "the pod stays, because its tolerations have no end"},
		"no toleration": {pod: silent(func(p *corev1.Pod) { p.Spec.Tolerations = nil }), want: "after 0s"},
		"the shortest toleration": {
			pod: silent(func(p *corev1.Pod) { p.Spec.Tolerations = append(p.Spec.Tolerations, tolerates(ptr.To[int64](5))) }), want: "after 5s",
		},
		"another taint's toleration": {
			pod: silent(func(p *corev1.Pod) {
				p.Spec.Tolerations = append(p.Spec.Tolerations, corev1.Toleration{Key: "gpu", Operator: corev1.TolerationOpExists})
			}),
			want: "after 5m0s",
		},
		"a met gate": {
			pod: silent(func(p *corev1.Pod) {
				p.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "lb"}}
				p.Status.Conditions = append(p.Status.Conditions, condition("lb", corev1.ConditionTrue))
			}),
			want: "node n1 has not answered",
		},
		"a gate that isn't met":  {pod: silent(func(p *corev1.Pod) { p.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "lb"}} })},
		"ready":                  {pod: silent(func(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionTrue })},
		"its server isn't ready": {pod: silent(func(p *corev1.Pod) { p.Status.Conditions[1].Status = corev1.ConditionFalse })},
		"ended":                  {pod: silent(func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded })},
		"deleted":                {pod: silent(func(p *corev1.Pod) { p.DeletionTimestamp = ptr.To(at(90)) })},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := FindProblem(tc.pod)
			if tc.want == "" {
				if got != (Problem{}) {
					t.Errorf("problem = %+v, want none", got)
				}
				return
			}
			if got.Reason != v1alpha1.NodeNotReadyReason || !strings.Contains(got.Message, tc.want) {
				t.Errorf("problem = %+v, want NodeNotReady and %q", got, tc.want)
			}
		})
	}
}
