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
	// +required
	Min Fraction `json:"min,omitempty"`
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

// SecretReference names a Secret in the same namespace.
type SecretReference struct {
	// name is the Secret's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be a Secret's name: lower-case letters, digits, '-' and '.', with a letter or digit at both ends, such as bucket-credentials"
	// +required
	Name string `json:"name,omitempty"`
}

// CABundle names certificates, in PEM, of authorities that are trusted besides the public ones.
// +kubebuilder:validation:XValidation:rule="[has(self.configMapRef), has(self.secretRef)].exists_one(set, set)",message="caBundle must name exactly one object: set one of configMapRef, secretRef"
// +kubebuilder:validation:MinProperties=1
type CABundle struct {
	// configMapRef is a ConfigMap that holds the certificates.
	// +optional
	ConfigMapRef CABundleReference `json:"configMapRef,omitzero"`
	// secretRef is a Secret that holds the certificates.
	// +optional
	SecretRef CABundleReference `json:"secretRef,omitzero"`
}

// CABundleReference names a key of a ConfigMap or Secret in the same namespace.
type CABundleReference struct {
	// name is the object's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="name must be the name of a ConfigMap or Secret: lower-case letters, digits, '-' and '.', with a letter or digit at both ends, such as company-ca"
	// +required
	Name string `json:"name,omitempty"`
	// key is the key that holds the certificates.
	// +kubebuilder:default="ca.crt"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-._a-zA-Z0-9]+$')",message="key must be a key of the object: letters, digits, '-', '_' and '.', such as ca.crt"
	// +optional
	Key string `json:"key,omitempty"`
}
