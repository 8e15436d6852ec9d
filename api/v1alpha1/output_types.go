// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Output is where the model is published.
// +kubebuilder:validation:XValidation:rule="[has(self.pvc), has(self.uri)].exists_one(set, set)",message="output must name exactly one place: set one of pvc, uri"
// +kubebuilder:validation:XValidation:rule="has(self.uri) || !has(self.secretRef) && !has(self.caBundle)",message="output.secretRef and output.caBundle are for output.uri: remove them, a PersistentVolumeClaim needs neither"
// +kubebuilder:validation:MinProperties=1
type Output struct {
	// pvc is a volume for models. The artifact becomes a folder in its root, named after the run.
	// +optional
	PVC OutputPVC `json:"pvc,omitzero"`
	// uri is a bucket, or a folder in one, for models: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or azblob://CONTAINER/PREFIX. The
	// artifact becomes a folder in it, named after the run.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^(s3|gs|azblob)://[^/?#@[:space:]]+(/[^#[:space:]]*)?([?][^#[:space:]]*)?$')",message="uri must begin with s3://, gs:// or azblob:// and hold no spaces and no user name, such as s3://models/pets"
	// +optional
	URI string `json:"uri,omitempty"`
	// secretRef is a Secret with the credentials for uri, in the keys that docs/training.md lists. Left out, the pod's own
	// identity counts.
	// +optional
	SecretRef SecretReference `json:"secretRef,omitzero"`
	// caBundle are authorities to trust besides the public ones.
	// +optional
	CABundle CABundle `json:"caBundle,omitzero"`
	// checkpoints is where the state of the unfinished run is kept. Left out, that is where the model will be published.
	// +optional
	Checkpoints Checkpoints `json:"checkpoints,omitzero"`
	// quantization is None, or Int8: the published model computes with 8 bits, is about four times smaller and answers faster.
	// What it loses is in status.metrics as accuracyLoss. The float32 model lies beside it.
	// +kubebuilder:default=None
	// +optional
	Quantization Quantization `json:"quantization,omitempty"`
	// calibration is None, or Temperature: what the logits are best divided by is fitted on the validation split and stored in
	// the model, for servers to use whose server.calibration is Temperature.
	// +kubebuilder:default=None
	// +optional
	Calibration Calibration `json:"calibration,omitempty"`
	// retention is how long what the run leaves is kept after its end: a Go duration from 1s to 87600h. Then a Job deletes it, model,
	// samples, report and checkpoints, unless a ModelServer of this cluster serves the model or may go back to it. Left out, it is
	// kept for good.
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,6}([.][0-9]{1,3})?(ms|s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('87600h')",message="retention must be a duration from 1s to 87600h, such as 720h"
	// +optional
	Retention GoDuration `json:"retention,omitempty"`
}

// Calibration is how logits become probabilities that say how often an answer is right.
// +kubebuilder:validation:Enum=None;Temperature
type Calibration string

// The kinds of calibration.
const (
	NoCalibration          Calibration = "None"
	TemperatureCalibration Calibration = "Temperature"
)

// Quantization is how a model computes.
// +kubebuilder:validation:Enum=None;Int8
type Quantization string

// The kinds of quantization.
const (
	NoQuantization   Quantization = "None" // float32
	Int8Quantization Quantization = "Int8"
)

// Checkpoints is where the state of an unfinished run is kept.
type Checkpoints struct {
	// pvc is a volume for checkpoints.
	// +required
	PVC OutputPVC `json:"pvc,omitzero"`
}

// OutputPVC is a volume for models.
type OutputPVC struct {
	// claimName is a PersistentVolumeClaim of the namespace.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="claimName must be lower-case letters and digits, with '-' and '.' between, such as models"
	// +required
	ClaimName string `json:"claimName,omitempty"`
}

// Report is what a run's report shows.
// +kubebuilder:validation:MinProperties=1
type Report struct {
	// samples is Enabled for a report with pictures of the dataset in it, which may be personal, or Disabled for one without.
	// Left out, drawn pictures are shown and others aren't.
	// +optional
	Samples SwitchState `json:"samples,omitempty"`
}
