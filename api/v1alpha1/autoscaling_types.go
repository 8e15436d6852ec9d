// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// Autoscaling makes a HorizontalPodAutoscaler. Of several metrics the one that asks for the most replicas counts.
// +kubebuilder:validation:XValidation:rule="self.minReplicas <= self.maxReplicas",message="autoscaling.minReplicas must not be above maxReplicas: lower minReplicas or raise maxReplicas"
// +kubebuilder:validation:XValidation:rule="self.targetCPUUtilizationPercentage > 0 || has(self.targetMemoryUtilizationPercentage) || has(self.metrics)",message="autoscaling must have a metric: set targetCPUUtilizationPercentage above 0, targetMemoryUtilizationPercentage or metrics"
type Autoscaling struct {
	// minReplicas is the least number of pods.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	MinReplicas int32 `json:"minReplicas,omitempty"`
	// maxReplicas is the greatest number of pods.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +required
	MaxReplicas int32 `json:"maxReplicas,omitempty"`
	// targetCPUUtilizationPercentage is the CPU utilization to hold, in percent of the requested CPU; 0 leaves CPU out.
	// +kubebuilder:default=70
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	// +optional
	TargetCPUUtilizationPercentage *int32 `json:"targetCPUUtilizationPercentage,omitempty"`
	// targetMemoryUtilizationPercentage is the memory utilization to hold, in percent of the requested memory. Left out, memory doesn't count.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	TargetMemoryUtilizationPercentage *int32 `json:"targetMemoryUtilizationPercentage,omitempty"`
	// metrics are further metrics to hold, as in autoscaling/v2. Something has to serve them: an adapter of custom or external metrics.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Metrics []AutoscalerMetric `json:"metrics,omitempty"`
	// behavior is how fast it scales, as in autoscaling/v2.
	// +optional
	Behavior *AutoscalerBehavior `json:"behavior,omitempty"`
}

// AutoscalerMetric is a metric to hold at a target, with autoscaling/v2's fields and JSON and bounds of its own.
// +kubebuilder:validation:XValidation:rule="(self.type == 'Pods') == has(self.pods) && (self.type == 'Object') == has(self.object) && (self.type == 'External') == has(self.external)",message="a metric must have the field that its type names, and no other: pods, object or external"
type AutoscalerMetric struct {
	// type is Pods, Object or External.
	// +kubebuilder:validation:Enum=Pods;Object;External
	// +required
	Type autoscalingv2.MetricSourceType `json:"type,omitempty"`
	// pods is a metric of each pod.
	// +optional
	Pods *PodsMetricSource `json:"pods,omitempty"`
	// object is a metric of an object, such as an Ingress.
	// +optional
	Object *ObjectMetricSource `json:"object,omitempty"`
	// external is a metric of no object of the cluster.
	// +optional
	External *MetricSource `json:"external,omitempty"`
}

// PodsMetricSource is a metric of each pod and what to hold it at, as in autoscaling/v2.
type PodsMetricSource struct {
	// metric is the metric.
	// +required
	Metric MetricIdentifier `json:"metric,omitzero"`
	// target is what to hold it at.
	// +required
	Target PodsMetricTarget `json:"target,omitzero"`
}

// PodsMetricTarget is what to hold a metric of each pod at, as in autoscaling/v2.
// +kubebuilder:validation:XValidation:rule="string(self.averageValue).matches('^[0-9.]*[1-9][0-9.]*[a-zA-Z]*$')",message="target must hold a quantity above 0 without exponent, such as 50 or 100m"
type PodsMetricTarget struct {
	// type is AverageValue.
	// +kubebuilder:validation:Enum=AverageValue
	// +required
	Type autoscalingv2.MetricTargetType `json:"type,omitempty"`
	// averageValue is the mean over the pods.
	// +required
	AverageValue *Quantity `json:"averageValue,omitempty"`
}

// MetricSource is a metric and what to hold it at, as in autoscaling/v2.
type MetricSource struct {
	// metric is the metric.
	// +required
	Metric MetricIdentifier `json:"metric,omitzero"`
	// target is what to hold it at.
	// +required
	Target MetricTarget `json:"target,omitzero"`
}

// ObjectMetricSource is a metric of an object and what to hold it at, as in autoscaling/v2.
type ObjectMetricSource struct {
	// describedObject is the object, in the server's namespace.
	// +required
	DescribedObject DescribedObject `json:"describedObject,omitzero"`
	// metric is the metric.
	// +required
	Metric MetricIdentifier `json:"metric,omitzero"`
	// target is what to hold it at.
	// +required
	Target MetricTarget `json:"target,omitzero"`
}

// DescribedObject names an object, as in autoscaling/v2.
type DescribedObject struct {
	// kind is the object's kind.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Kind string `json:"kind,omitempty"`
	// name is the object's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
	// apiVersion is the object's API version.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`
}

// MetricIdentifier names a metric, as in autoscaling/v2.
type MetricIdentifier struct {
	// name is the metric's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name,omitempty"`
	// selector chooses among the metrics of this name.
	// +optional
	Selector *MetricSelector `json:"selector,omitempty"`
}

// MetricSelector chooses metrics by their labels.
type MetricSelector struct {
	// matchLabels are labels that the metric has.
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.size() <= 317 && self[k].size() <= 63)",message="matchLabels must hold keys of at most 317 characters and values of at most 63"
	// +required
	MatchLabels map[string]string `json:"matchLabels,omitempty"`
}

// MetricTarget is what to hold a metric at, as in autoscaling/v2.
// +kubebuilder:validation:XValidation:rule="(self.type == 'Value') == has(self.value) && (self.type == 'AverageValue') == has(self.averageValue)",message="target must have the field that its type names, and no other: value or averageValue"
// +kubebuilder:validation:XValidation:rule="(!has(self.value) || string(self.value).matches('^[0-9.]*[1-9][0-9.]*[a-zA-Z]*$')) && (!has(self.averageValue) || string(self.averageValue).matches('^[0-9.]*[1-9][0-9.]*[a-zA-Z]*$'))",message="target must hold a quantity above 0 without exponent, such as 50 or 100m"
type MetricTarget struct {
	// type is Value or AverageValue.
	// +kubebuilder:validation:Enum=Value;AverageValue
	// +required
	Type autoscalingv2.MetricTargetType `json:"type,omitempty"`
	// value is the metric's own value.
	// +optional
	Value *Quantity `json:"value,omitempty"`
	// averageValue is its value divided by the number of pods.
	// +optional
	AverageValue *Quantity `json:"averageValue,omitempty"`
}

// AutoscalerBehavior is how fast a HorizontalPodAutoscaler scales, with autoscaling/v2's
// fields and JSON and bounds of its own.
type AutoscalerBehavior struct {
	// scaleUp is how fast replicas are added.
	// +optional
	ScaleUp *ScalingRules `json:"scaleUp,omitempty"`
	// scaleDown is how fast replicas are removed.
	// +optional
	ScaleDown *ScalingRules `json:"scaleDown,omitempty"`
}

// ScalingRules is how fast replicas are added, or removed, as in autoscaling/v2.
type ScalingRules struct {
	// stabilizationWindowSeconds is how far back recommendations are looked at, in seconds.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3600
	// +optional
	StabilizationWindowSeconds *int32 `json:"stabilizationWindowSeconds,omitempty"`
	// selectPolicy is which of policies counts: Max, which is the default, Min, or Disabled.
	// +kubebuilder:validation:Enum=Max;Min;Disabled
	// +optional
	SelectPolicy *autoscalingv2.ScalingPolicySelect `json:"selectPolicy,omitempty"`
	// policies are the changes that are permitted.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Policies []ScalingPolicy `json:"policies,omitempty"`
	// tolerance is the deviation from the target that nothing is done about, such as "0.05" for 5 percent.
	// +optional
	Tolerance *Quantity `json:"tolerance,omitempty"`
}

// ScalingPolicy is a change that is permitted in a time, as in autoscaling/v2.
type ScalingPolicy struct {
	// type is what value counts: Pods or Percent.
	// +kubebuilder:validation:Enum=Pods;Percent
	// +required
	Type autoscalingv2.HPAScalingPolicyType `json:"type,omitempty"`
	// value is the change, from 1.
	// +kubebuilder:validation:Minimum=1
	// +required
	Value int32 `json:"value,omitempty"`
	// periodSeconds is the time, in seconds.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1800
	// +required
	PeriodSeconds int32 `json:"periodSeconds,omitempty"`
}
