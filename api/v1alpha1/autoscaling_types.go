// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

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
