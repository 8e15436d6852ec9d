// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"strings"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/conditions"
)

// autoscalerWith is one that looks at CPU and at requests a second.
func autoscalerWith(active corev1.ConditionStatus, reason, message string, read ...autoscalingv2.MetricSourceType) *autoscalingv2.HorizontalPodAutoscaler {
	autoscaler := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "pets"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{Metrics: []autoscalingv2.MetricSpec{
			serverResource(corev1.ResourceCPU, 70),
			{Type: autoscalingv2.PodsMetricSourceType, Pods: &autoscalingv2.PodsMetricSource{Metric: autoscalingv2.MetricIdentifier{Name: "requests_per_second"}}},
		}},
		Status: autoscalingv2.HorizontalPodAutoscalerStatus{Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{
			{Type: autoscalingv2.AbleToScale, Status: corev1.ConditionTrue},
			{Type: autoscalingv2.ScalingActive, Status: active, Reason: reason, Message: message},
		}},
	}
	for _, kind := range read {
		autoscaler.Status.CurrentMetrics = append(autoscaler.Status.CurrentMetrics, autoscalingv2.MetricStatus{Type: kind})
	}
	return autoscaler
}

func TestSetScalingActive(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	healthy := autoscalerWith(corev1.ConditionTrue, "ValidMetricFound", "")
	cpuMissing := autoscalerWith(corev1.ConditionFalse, "FailedGetContainerResourceMetric", "no metrics returned from resource metrics API")
	cases := map[string]struct {
		autoscaler *autoscalingv2.HorizontalPodAutoscaler
		before     string        // status and reason of the condition
		since      time.Duration // when it was set
		want       string
		wantSays   string
		wantAgain  time.Duration
	}{
		"not made yet":               {},
		"not read":                   {before: "True/MetricsAvailable", want: "True/MetricsAvailable"},
		"has read nothing yet":       {autoscaler: &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: "pets"}}, want: "Unknown/MetricsPending", wantSays: "has read no metrics yet", wantAgain: 2 * time.Minute},
		"reads all":                  {autoscaler: healthy, want: "True/MetricsAvailable", wantSays: "scales from 2 to 6 replicas"},
		"has lost them just now":     {autoscaler: cpuMissing, before: "True/MetricsAvailable", since: time.Hour, want: "Unknown/MetricsPending", wantAgain: 2 * time.Minute},
		"lost them a minute ago":     {autoscaler: cpuMissing, before: "Unknown/MetricsPending", since: time.Minute, want: "Unknown/MetricsPending", wantAgain: time.Minute},
		"lost them two minutes ago":  {autoscaler: cpuMissing, before: "Unknown/MetricsPending", since: 2 * time.Minute, want: "False/MetricsUnavailable", wantSays: "no metrics returned from resource metrics API; check that metrics-server runs"},
		"lost them for long":         {autoscaler: cpuMissing, before: "False/MetricsUnavailable", since: time.Second, want: "False/MetricsUnavailable"},
		"has them back":              {autoscaler: healthy, before: "False/MetricsUnavailable", want: "True/MetricsAvailable"},
		"has no replicas":            {autoscaler: autoscalerWith(corev1.ConditionFalse, "ScalingDisabled", ""), want: "True/MetricsAvailable"},
		"another scales the same":    {autoscaler: autoscalerWith(corev1.ConditionFalse, "AmbiguousSelector", "pods are controlled by more than one HPA"), want: "False/AutoscalerConflict", wantSays: "remove spec.autoscaling"},
		"a custom metric is missing": {autoscaler: autoscalerWith(corev1.ConditionFalse, "FailedGetPodsMetric", "no custom metrics API"), before: "False/MetricsUnavailable", want: "False/MetricsUnavailable", wantSays: "custom.metrics.k8s.io"},
		"an external one is":         {autoscaler: autoscalerWith(corev1.ConditionFalse, "FailedGetExternalMetric", "none"), before: "False/MetricsUnavailable", want: "False/MetricsUnavailable", wantSays: "external.metrics.k8s.io"},
		"one of two is missing":      {autoscaler: autoscalerWith(corev1.ConditionTrue, "ValidMetricFound", "", autoscalingv2.ContainerResourceMetricSourceType, ""), before: "False/MetricsUnavailable", want: "False/MetricsUnavailable", wantSays: "can't read metric requests_per_second"},
		"both are read":              {autoscaler: autoscalerWith(corev1.ConditionTrue, "ValidMetricFound", "", autoscalingv2.ContainerResourceMetricSourceType, autoscalingv2.PodsMetricSourceType), want: "True/MetricsAvailable"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := &scope{server: makeServer().Autoscaling(2, 6).Obj(), now: now, autoscaler: tc.autoscaler}
			if status, reason, ok := strings.Cut(tc.before, "/"); ok {
				s.server.Status.Conditions = []metav1.Condition{{
					Type: v1alpha1.ScalingActiveCondition, Status: metav1.ConditionStatus(status), Reason: reason, LastTransitionTime: metav1.NewTime(now.Add(-tc.since)),
				}}
			}
			setScalingActive(s, conditions.NewWriter(&s.server.Status.Conditions, 1, now))
			got, says := "", ""
			if c := meta.FindStatusCondition(s.server.Status.Conditions, v1alpha1.ScalingActiveCondition); c != nil {
				got, says = string(c.Status)+"/"+c.Reason, c.Message
			}
			if got != tc.want || !strings.Contains(says, tc.wantSays) || s.requeueAfter != tc.wantAgain {
				t.Errorf("condition %s (%s), again after %s; want %s (… %s …), %s", got, says, s.requeueAfter, tc.want, tc.wantSays, tc.wantAgain)
			}
		})
	}
	s := &scope{server: makeServer().Obj(), now: now}
	s.server.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ScalingActiveCondition}}
	setScalingActive(s, conditions.NewWriter(&s.server.Status.Conditions, 1, now))
	if len(s.server.Status.Conditions) != 0 {
		t.Errorf("without spec.autoscaling: conditions %+v", s.server.Status.Conditions)
	}
}
