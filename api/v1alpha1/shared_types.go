// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

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
