// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Gate bounds a metric on the test split.
// +kubebuilder:validation:XValidation:rule="self.metric in ['loss', 'calibrationError', 'accuracyLoss'] ? has(self.max) && !has(self.min) : has(self.min) && !has(self.max)",message="a gate on loss, calibrationError or accuracyLoss, where less is better, needs max; a gate on any other metric needs min"
type Gate struct {
	// metric is the metric's name; docs/training.md says what each is. More is better, but of loss, calibrationError and, with
	// quantization Int8, accuracyLoss.
	// +kubebuilder:validation:Enum=accuracy;precision;recall;f1;weightedPrecision;weightedRecall;weightedF1;rocAUC;prAUC;kappa;loss;calibrationError;accuracyLoss
	// +required
	Metric string `json:"metric,omitempty"`
	// min is the least value where more is better, a decimal from 0 to 1, such as "0.90".
	// +optional
	Min Fraction `json:"min,omitempty"`
	// max is the most where less is better, a decimal from 0 to 100, such as "0.25".
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,2}([.][0-9]{1,6})?|100([.]0{1,6})?)$')",message="max must be a decimal from 0 to 100 in quotes, such as \"0.25\""
	// +optional
	Max Decimal `json:"max,omitempty"`
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
	// interval is where the value lies with a confidence of 95 %, given how few images it was measured on. Only the accuracy
	// of a finished model has one.
	// +optional
	Interval MetricInterval `json:"interval,omitzero"`
}

// MetricInterval is a range of a metric's values.
type MetricInterval struct {
	// low is the least value, a decimal.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +required
	Low string `json:"low,omitempty"`
	// high is the greatest value, a decimal.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +required
	High string `json:"high,omitempty"`
}

// SwitchState turns something on or off.
// +kubebuilder:validation:Enum=Enabled;Disabled
type SwitchState string

// The values of a SwitchState.
const (
	Enabled  SwitchState = "Enabled"
	Disabled SwitchState = "Disabled"
)

// SecretReference names a Secret in the same namespace.
type SecretReference struct {
	// name is the Secret's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be lower-case letters and digits, with '-' and '.' between, such as bucket-credentials"
	// +required
	Name string `json:"name,omitempty"`
}

// CABundle names certificates, in PEM, of authorities that are trusted besides the public ones.
// +kubebuilder:validation:XValidation:rule="[has(self.configMapRef), has(self.secretRef)].exists_one(set, set)",message="caBundle must name exactly one object: set one of configMapRef, secretRef"
// +kubebuilder:validation:MinProperties=1
type CABundle struct {
	// configMapRef is a ConfigMap with them.
	// +optional
	ConfigMapRef CABundleReference `json:"configMapRef,omitzero"`
	// secretRef is a Secret with them.
	// +optional
	SecretRef CABundleReference `json:"secretRef,omitzero"`
}

// CABundleReference names a key of a ConfigMap or Secret in the same namespace.
type CABundleReference struct {
	// name is the object's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be lower-case letters and digits, with '-' and '.' between, such as company-ca"
	// +required
	Name string `json:"name,omitempty"`
	// key is the key.
	// +kubebuilder:default="ca.crt"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$')",message="key must be letters, digits, '-', '_' and '.', such as ca.crt"
	// +optional
	Key string `json:"key,omitempty"`
}
