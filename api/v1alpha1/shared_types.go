// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
)

// PodTemplate is what a user may change of the pods that Trainyard makes.
type PodTemplate struct {
	// resources are the container's compute resources. What is left out of requests
	// gets a default; there is no default limit.
	// +optional
	Resources ResourceRequirements `json:"resources,omitzero"`
	// env are additional environment variables of the container.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:XValidation:rule="self.all(e, !e.name.startsWith('TRAINYARD_'))",message="env must not set names that start with TRAINYARD_: they are Trainyard's own; choose another name"
	// +optional
	Env []corev1.EnvVar `json:"env,omitempty"`
	// nodeSelector are labels that a node must have.
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// tolerations are the taints that the pods tolerate.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
}

// ResourceRequirements are a container's compute resources. Quantities with an exponent,
// such as 1e3, are refused: a large one takes minutes of arithmetic wherever it is read.
// +kubebuilder:validation:XValidation:rule="!has(self.requests) || self.requests.all(k, type(self.requests[k]) == int || (!string(self.requests[k]).matches('[eE].*[0-9]') && isQuantity(string(self.requests[k]))))",message="resources.requests must hold quantities such as 500m or 1Gi"
// +kubebuilder:validation:XValidation:rule="!has(self.limits) || self.limits.all(k, type(self.limits[k]) == int || (!string(self.limits[k]).matches('[eE].*[0-9]') && isQuantity(string(self.limits[k]))))",message="resources.limits must hold quantities such as 2 or 4Gi"
type ResourceRequirements struct {
	// requests is what the scheduler reserves.
	// +kubebuilder:validation:MaxProperties=4
	// +optional
	Requests corev1.ResourceList `json:"requests,omitempty"`
	// limits is what the container may not exceed.
	// +kubebuilder:validation:MaxProperties=4
	// +optional
	Limits corev1.ResourceList `json:"limits,omitempty"`
}

// Gate is the least value that a metric on the test split must reach.
type Gate struct {
	// metric is the metric's name: accuracy, precision, recall or f1.
	// +kubebuilder:validation:Enum=accuracy;precision;recall;f1
	// +required
	Metric string `json:"metric,omitempty"`
	// min is the least value, a decimal from 0 to 1, such as "0.90".
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0([.][0-9]{1,6})?|1([.]0{1,6})?)$')",message="min must be a decimal from 0 to 1 in quotes, such as \"0.90\""
	// +required
	Min string `json:"min,omitempty"`
}

// Metric is a named figure, measured on the held-out test split.
type Metric struct {
	// name is the metric's name, such as accuracy.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name,omitempty"`
	// value is a decimal, such as "0.9512".
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +required
	Value string `json:"value,omitempty"`
}

// SwitchState turns something on or off.
// +kubebuilder:validation:Enum=Enabled;Disabled
type SwitchState string

// The values of a SwitchState.
const (
	Enabled  SwitchState = "Enabled"
	Disabled SwitchState = "Disabled"
)
