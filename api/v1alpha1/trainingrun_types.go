// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TrainingRun trains an image classifier once, in a Job, and publishes the model.
// Its spec is immutable except suspend, ttlSecondsAfterFinished and output.retention: a new training is a new TrainingRun.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=trun,categories=trainyard
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Progress",type=integer,JSONPath=`.status.progress.percent`
// +kubebuilder:printcolumn:name="Accuracy",type=string,JSONPath=`.status.metrics[?(@.name=="accuracy")].value`
// +kubebuilder:printcolumn:name="Model",type=string,JSONPath=`.status.model.uri`
// +kubebuilder:printcolumn:name="Started",type=date,JSONPath=`.status.startTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Stage",type=string,priority=1,JSONPath=`.status.progress.stage`
// +kubebuilder:printcolumn:name="Dataset",type=string,priority=1,JSONPath=`.status.lineage.dataset.digest`
// +kubebuilder:printcolumn:name="Node",type=string,priority=1,JSONPath=`.status.nodeName`
// +kubebuilder:printcolumn:name="MLflow",type=string,priority=1,JSONPath=`.status.lineage.mlflow.runID`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must have at most 40 characters, start with a letter, end with a letter or digit and hold only lower-case letters, digits and '-': the names of its Job and pods are made from it",fieldPath=".metadata"
type TrainingRun struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what to train, on what and how.
	// +required
	Spec TrainingRunSpec `json:"spec,omitzero"`

	// Without a status, kstatus takes an object that no controller has seen for ready, and so do Flux and Helm.

	// status is what has come of it.
	// +kubebuilder:default={observedGeneration: 0}
	// +optional
	Status TrainingRunStatus `json:"status,omitzero"`
}

// TrainingRunList is a list of TrainingRuns.
//
// +kubebuilder:object:root=true
type TrainingRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TrainingRun `json:"items"`
}

// TrainingRunSpec is what to train, on what and how.
// +kubebuilder:validation:XValidation:rule="!has(self.gates) || has(self.output.quantization) && self.output.quantization == 'Int8' || !self.gates.exists(gate, gate.metric == 'accuracyLoss')",message="a gate on accuracyLoss needs output.quantization Int8: without it no accuracy is lost, so remove the gate"
// +kubebuilder:validation:XValidation:rule="self.dataset == oldSelf.dataset && self.model == oldSelf.model && self.training == oldSelf.training && has(self.output.pvc) == has(oldSelf.output.pvc) && (!has(self.output.pvc) || self.output.pvc == oldSelf.output.pvc) && has(self.output.uri) == has(oldSelf.output.uri) && (!has(self.output.uri) || self.output.uri == oldSelf.output.uri) && has(self.output.secretRef) == has(oldSelf.output.secretRef) && (!has(self.output.secretRef) || self.output.secretRef == oldSelf.output.secretRef) && has(self.output.caBundle) == has(oldSelf.output.caBundle) && (!has(self.output.caBundle) || self.output.caBundle == oldSelf.output.caBundle) && has(self.output.checkpoints) == has(oldSelf.output.checkpoints) && (!has(self.output.checkpoints) || self.output.checkpoints == oldSelf.output.checkpoints) && self.output.quantization == oldSelf.output.quantization && self.output.calibration == oldSelf.output.calibration && has(self.gates) == has(oldSelf.gates) && (!has(self.gates) || self.gates == oldSelf.gates) && has(self.report) == has(oldSelf.report) && (!has(self.report) || self.report == oldSelf.report) && has(self.tracking) == has(oldSelf.tracking) && (!has(self.tracking) || self.tracking == oldSelf.tracking) && self.backoffLimit == oldSelf.backoffLimit && has(self.activeDeadlineSeconds) == has(oldSelf.activeDeadlineSeconds) && (!has(self.activeDeadlineSeconds) || self.activeDeadlineSeconds == oldSelf.activeDeadlineSeconds) && has(self.image) == has(oldSelf.image) && (!has(self.image) || self.image == oldSelf.image) && has(self.podTemplate) == has(oldSelf.podTemplate) && (!has(self.podTemplate) || self.podTemplate == oldSelf.podTemplate)",message="spec is immutable except suspend, ttlSecondsAfterFinished and output.retention: create another TrainingRun to train with other settings"
type TrainingRunSpec struct {
	// dataset is where the samples come from, how they are split and augmented.
	// +required
	Dataset Dataset `json:"dataset,omitzero"`
	// model is the network to train.
	// +kubebuilder:default={}
	// +optional
	Model Model `json:"model,omitzero"`
	// training is how the network is trained.
	// +kubebuilder:default={}
	// +optional
	Training Training `json:"training,omitzero"`
	// output is where the model is published.
	// +required
	Output Output `json:"output,omitzero"`
	// gates are what the metrics must reach. A run that misses one has Failed with
	// reason GateNotMet; its artifact is kept.
	// +listType=map
	// +listMapKey=metric
	// +kubebuilder:validation:MaxItems=8
	// +optional
	Gates []Gate `json:"gates,omitempty"`
	// report is what the run's report shows.
	// +optional
	Report Report `json:"report,omitzero"`
	// tracking is where the run is recorded besides. Left out, it is nowhere.
	// +optional
	Tracking Tracking `json:"tracking,omitzero"`
	// suspend stops the run: its Job is deleted, its checkpoint stays. Taking it back resumes.
	// +kubebuilder:default=false
	// +optional
	Suspend *bool `json:"suspend,omitempty"`
	// backoffLimit is how many crashed pods are replaced before the run fails.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	BackoffLimit *int32 `json:"backoffLimit,omitempty"`
	// activeDeadlineSeconds is how long the run may take, in seconds, from the
	// start of its Job.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=31536000
	// +optional
	ActiveDeadlineSeconds *int64 `json:"activeDeadlineSeconds,omitempty"`
	// ttlSecondsAfterFinished is how long, in seconds, the run's Job and its pods stay after the run has ended, with their logs. Left
	// out, they stay as long as the run. Only they are deleted: the run stays, and what it has published.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=31536000
	// +optional
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`
	// image is the runner's image. Left out, it is the one that the operator was started with.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^[:space:]]+$')",message="image must be an image reference without spaces, such as registry.example/team/runner:v1"
	// +optional
	Image string `json:"image,omitempty"`
	// podTemplate changes the runner's pod.
	// +optional
	PodTemplate PodTemplate `json:"podTemplate,omitzero"`
}
