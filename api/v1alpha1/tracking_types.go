// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Tracking is where a run is recorded besides its output. It never fails a run.
type Tracking struct {
	// mlflow is a tracking server of MLflow.
	// +required
	MLflow MLflowTracking `json:"mlflow,omitzero"`
}

// MLflowTracking is a tracking server of MLflow, 2 or 3, and what the run is called there.
type MLflowTracking struct {
	// uri is the server's address, http://HOST:PORT or https://HOST.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@[:space:]]+(/[^?#[:space:]]*)?$')",message="uri must begin with http:// or https:// and hold no spaces, user name and query, such as http://mlflow:5000"
	// +required
	URI string `json:"uri,omitempty"`
	// experiment is created if need be. Left out, it is Default.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=250
	// +optional
	Experiment string `json:"experiment,omitempty"`
	// runName is the run's name there. Left out, it is metadata.name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=250
	// +optional
	RunName string `json:"runName,omitempty"`
	// tags are added to the run's own.
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(key, key.matches('^[-_./ A-Za-z0-9]{1,250}$') && !key.startsWith('trainyard.'))",message="tags must have keys of letters, digits, '.', '_', '-', '/' and spaces that don't begin with trainyard., such as team"
	// +optional
	Tags map[string]MLflowTag `json:"tags,omitempty"`
	// registeredModel is what a model that passes its gates becomes a version of.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=250
	// +kubebuilder:validation:XValidation:rule="!self.matches('[/:]')",message="registeredModel must not contain '/' and ':'"
	// +optional
	RegisteredModel string `json:"registeredModel,omitempty"`
	// secretRef is a Secret with username and password, or token.
	// +optional
	SecretRef SecretReference `json:"secretRef,omitzero"`
	// caBundle are authorities to trust besides the public ones.
	// +optional
	CABundle TrackingCABundle `json:"caBundle,omitzero"`
}

// TrackingCABundle names certificates as a CABundle does, in a ConfigMap.
type TrackingCABundle struct {
	// configMapRef is a ConfigMap with them.
	// +required
	ConfigMapRef CABundleReference `json:"configMapRef,omitzero"`
}

// MLflowTag is the value of a tag.
// +kubebuilder:validation:MaxLength=512
type MLflowTag string
