// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package modelserver

import (
	"fmt"
	"maps"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// autoscalerMetrics returns what an autoscaler looks at. It fails on a quantity that the
// schema would have refused, and names the field.
func autoscalerMetrics(asked *v1alpha1.Autoscaling) ([]autoscalingv2.MetricSpec, error) {
	var metrics []autoscalingv2.MetricSpec
	if target := ptr.Deref(asked.TargetCPUUtilizationPercentage, 0); target > 0 {
		metrics = append(metrics, serverResource(corev1.ResourceCPU, target))
	}
	if target := ptr.Deref(asked.TargetMemoryUtilizationPercentage, 0); target > 0 {
		metrics = append(metrics, serverResource(corev1.ResourceMemory, target))
	}
	for i := range asked.Metrics {
		metric, err := coreMetric(&asked.Metrics[i])
		if err != nil {
			return nil, fmt.Errorf("spec.autoscaling.metrics[%d].%w", i, err)
		}
		metrics = append(metrics, metric)
	}
	return metrics, nil
}

// serverResource looks at the server's container only, so that an injected sidecar
// doesn't count.
func serverResource(name corev1.ResourceName, utilization int32) autoscalingv2.MetricSpec {
	return autoscalingv2.MetricSpec{
		Type: autoscalingv2.ContainerResourceMetricSourceType,
		ContainerResource: &autoscalingv2.ContainerResourceMetricSource{
			Name:      name,
			Container: contract.ServerContainer,
			Target:    autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: ptr.To(utilization)},
		},
	}
}

func coreMetric(asked *v1alpha1.AutoscalerMetric) (autoscalingv2.MetricSpec, error) {
	metric := autoscalingv2.MetricSpec{Type: asked.Type}
	var err error
	switch {
	case asked.Pods != nil:
		metric.Pods = &autoscalingv2.PodsMetricSource{Metric: coreIdentifier(asked.Pods.Metric)}
		metric.Pods.Target, err = coreTarget("pods", v1alpha1.MetricTarget{Type: asked.Pods.Target.Type, AverageValue: asked.Pods.Target.AverageValue})
	case asked.Object != nil:
		metric.Object = &autoscalingv2.ObjectMetricSource{
			DescribedObject: autoscalingv2.CrossVersionObjectReference(asked.Object.DescribedObject),
			Metric:          coreIdentifier(asked.Object.Metric),
		}
		metric.Object.Target, err = coreTarget("object", asked.Object.Target)
	case asked.External != nil:
		metric.External = &autoscalingv2.ExternalMetricSource{Metric: coreIdentifier(asked.External.Metric)}
		metric.External.Target, err = coreTarget("external", asked.External.Target)
	}
	return metric, err
}

func coreIdentifier(asked v1alpha1.MetricIdentifier) autoscalingv2.MetricIdentifier {
	identifier := autoscalingv2.MetricIdentifier{Name: asked.Name}
	if asked.Selector != nil {
		identifier.Selector = &metav1.LabelSelector{MatchLabels: maps.Clone(asked.Selector.MatchLabels)}
	}
	return identifier
}

// coreTarget returns what to hold a metric at. The error begins with the field, below the metric.
func coreTarget(source string, asked v1alpha1.MetricTarget) (autoscalingv2.MetricTarget, error) {
	value, err := optionalQuantity(asked.Value)
	if err != nil {
		return autoscalingv2.MetricTarget{}, fmt.Errorf("%s.target.value: %w", source, err)
	}
	average, err := optionalQuantity(asked.AverageValue)
	if err != nil {
		return autoscalingv2.MetricTarget{}, fmt.Errorf("%s.target.averageValue: %w", source, err)
	}
	return autoscalingv2.MetricTarget{Type: asked.Type, Value: value, AverageValue: average}, nil
}

func optionalQuantity(asked *v1alpha1.Quantity) (*resource.Quantity, error) {
	if asked == nil {
		return nil, nil
	}
	quantity, err := asked.Parse()
	if err != nil {
		return nil, err
	}
	return &quantity, nil
}

// coreBehavior returns how fast an autoscaler scales. It fails on a quantity that the
// schema would have refused, and names the field.
func coreBehavior(asked *v1alpha1.AutoscalerBehavior) (*autoscalingv2.HorizontalPodAutoscalerBehavior, error) {
	if asked == nil {
		return nil, nil
	}
	up, err := coreScalingRules(asked.ScaleUp)
	if err != nil {
		return nil, fmt.Errorf("spec.autoscaling.behavior.scaleUp.tolerance: %w", err)
	}
	down, err := coreScalingRules(asked.ScaleDown)
	if err != nil {
		return nil, fmt.Errorf("spec.autoscaling.behavior.scaleDown.tolerance: %w", err)
	}
	return &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: up, ScaleDown: down}, nil
}

func coreScalingRules(asked *v1alpha1.ScalingRules) (*autoscalingv2.HPAScalingRules, error) {
	if asked == nil {
		return nil, nil
	}
	rules := &autoscalingv2.HPAScalingRules{
		StabilizationWindowSeconds: children.ClonePtr(asked.StabilizationWindowSeconds),
		SelectPolicy:               children.ClonePtr(asked.SelectPolicy),
	}
	for _, policy := range asked.Policies {
		rules.Policies = append(rules.Policies, autoscalingv2.HPAScalingPolicy(policy))
	}
	var err error
	rules.Tolerance, err = optionalQuantity(asked.Tolerance)
	return rules, err
}
