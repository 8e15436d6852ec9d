// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/conditions"
)

// metricsGrace is how long an autoscaler may be without a metric before that is a warning.
// Pods that have just started, those of a revision that was promoted above all, are
// measured for the first time some fifteen seconds to a minute later.
const metricsGrace = 2 * time.Minute

// setScalingActive says whether the autoscaler reads its metrics. How long it doesn't is
// measured from when the condition was written, by one clock.
func setScalingActive(s *scope, w conditions.Writer) {
	if s.server.Spec.Autoscaling == nil {
		w.Remove(v1alpha1.ScalingActiveCondition)
		return
	}
	if s.autoscaler == nil {
		return // is being created, or wasn't read
	}
	reason, problem := autoscalerProblem(s.autoscaler)
	before := meta.FindStatusCondition(s.server.Status.Conditions, v1alpha1.ScalingActiveCondition)
	left := metricsGrace
	if before != nil && before.Status == metav1.ConditionUnknown {
		left -= s.now.Sub(before.LastTransitionTime.Time)
	}
	lasting := before != nil && before.Status == metav1.ConditionFalse || left <= 0
	switch {
	case problem == "":
		w.Set(v1alpha1.ScalingActiveCondition, metav1.ConditionTrue, v1alpha1.MetricsAvailableReason,
			fmt.Sprintf("HorizontalPodAutoscaler %s scales from %d to %d replicas", s.autoscaler.Name, s.server.Spec.Autoscaling.MinReplicas, s.server.Spec.Autoscaling.MaxReplicas))
	case reason == v1alpha1.AutoscalerConflictReason || lasting:
		w.Set(v1alpha1.ScalingActiveCondition, metav1.ConditionFalse, reason, problem)
	default:
		w.Set(v1alpha1.ScalingActiveCondition, metav1.ConditionUnknown, v1alpha1.MetricsPendingReason, problem)
		s.requeueWithin(left)
	}
}

// autoscalerProblem says what keeps an autoscaler from scaling; empty if nothing does.
func autoscalerProblem(autoscaler *autoscalingv2.HorizontalPodAutoscaler) (reason, message string) {
	active := findScalingActive(autoscaler)
	switch {
	case active == nil:
		return v1alpha1.MetricsUnavailableReason, fmt.Sprintf("HorizontalPodAutoscaler %s has read no metrics yet", autoscaler.Name)
	case active.Reason == "AmbiguousSelector":
		return v1alpha1.AutoscalerConflictReason, fmt.Sprintf("HorizontalPodAutoscaler %s doesn't scale, because another scales the same pods: delete that one, or remove spec.autoscaling; %s", autoscaler.Name, active.Message)
	case active.Status == corev1.ConditionFalse && active.Reason != "ScalingDisabled": // that there are no replicas is no fault
		return v1alpha1.MetricsUnavailableReason, fmt.Sprintf("HorizontalPodAutoscaler %s doesn't scale (%s): %s; %s", autoscaler.Name, active.Reason, active.Message, metricsRemedy(active.Reason))
	}
	spec, read := autoscaler.Spec.Metrics, autoscaler.Status.CurrentMetrics
	if len(read) != len(spec) {
		return "", "" // the spec has changed since
	}
	for i := range read {
		if read[i].Type == "" { // it is then left out, and the others decide
			name, failed := describeMetric(&spec[i])
			return v1alpha1.MetricsUnavailableReason, fmt.Sprintf("HorizontalPodAutoscaler %s can't read metric %s, and doesn't scale down without it; %s", autoscaler.Name, name, metricsRemedy(failed))
		}
	}
	return "", ""
}

func findScalingActive(autoscaler *autoscalingv2.HorizontalPodAutoscaler) *autoscalingv2.HorizontalPodAutoscalerCondition {
	for i := range autoscaler.Status.Conditions {
		if c := &autoscaler.Status.Conditions[i]; c.Type == autoscalingv2.ScalingActive {
			return c
		}
	}
	return nil
}

// What an autoscaler's condition says where a metric of each type can't be read.
const (
	failedGetPods     = "FailedGetPodsMetric"
	failedGetObject   = "FailedGetObjectMetric"
	failedGetExternal = "FailedGetExternalMetric"
)

// metricsRemedy says what to do where a metric can't be read.
func metricsRemedy(failed string) string {
	switch failed {
	case failedGetPods, failedGetObject:
		return "check that an adapter serves it at custom.metrics.k8s.io"
	case failedGetExternal:
		return "check that an adapter serves it at external.metrics.k8s.io"
	default:
		return "check that metrics-server runs and spec.podTemplate.resources requests what spec.autoscaling scales by"
	}
}

// describeMetric names a metric, and the reason of the condition where it can't be read.
func describeMetric(metric *autoscalingv2.MetricSpec) (name, failed string) {
	switch {
	case metric.Pods != nil:
		return metric.Pods.Metric.Name, failedGetPods
	case metric.Object != nil:
		return metric.Object.Metric.Name, failedGetObject
	case metric.External != nil:
		return metric.External.Metric.Name, failedGetExternal
	case metric.ContainerResource != nil:
		return metric.ContainerResource.Name.String(), ""
	}
	return string(metric.Type), ""
}
