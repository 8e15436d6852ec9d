// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ModelServerStatus is what is served and what is on its way.
type ModelServerStatus struct {
	// observedGeneration is the generation of the spec that this status is about.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// replicas is the number of pods of the live revision.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// readyReplicas is the number of ready pods of the live revision.
	// +kubebuilder:validation:Minimum=0
	// +optional
	ReadyReplicas *int32 `json:"readyReplicas,omitempty"`
	// selector selects the pods of the live revision, for the scale subresource.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Selector string `json:"selector,omitempty"`
	// url is where the model is reached from inside the cluster.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	URL string `json:"url,omitempty"`
	// live is what the Service selects.
	// +optional
	Live *LiveRevision `json:"live,omitempty"`
	// fallback is what a failed bake is switched back to.
	// +optional
	Fallback *LiveRevision `json:"fallback,omitempty"`
	// candidate is what is started and tested.
	// +optional
	Candidate *CandidateRevision `json:"candidate,omitempty"`
	// selection is what comes of spec.model.trainingRunSelector.
	// +optional
	Selection *RunSelection `json:"selection,omitempty"`
	// rejected are the revisions that failed, the newest first; they are not tried again.
	// +listType=map
	// +listMapKey=revision
	// +kubebuilder:validation:MaxItems=10
	// +optional
	Rejected []RejectedRevision `json:"rejected,omitempty"`
	// history are the revisions that were live, the newest first.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +optional
	History []RetiredRevision `json:"history,omitempty"`
	// conditions are Ready, Reconciling, Stalled, ModelResolved, Available, RolledBack and RequestRefused.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:XValidation:rule="self.message.size() <= 1024",message="message must have at most 1024 characters"
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// RevisionModel is the model of a revision.
type RevisionModel struct {
	// uri is where the model file is.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	URI string `json:"uri,omitempty"`
	// sha256 is the file's digest, 64 hexadecimal digits.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	SHA256 string `json:"sha256,omitempty"`
	// trainingRun is the run that made it.
	// +kubebuilder:validation:MaxLength=40
	// +optional
	TrainingRun string `json:"trainingRun,omitempty"`
}

// LiveRevision is a revision that has, or had, traffic.
type LiveRevision struct {
	// revision names the revision and its Deployment.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Revision string `json:"revision,omitempty"`
	// image is the server's image.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Image string `json:"image,omitempty"`
	// model is the model.
	// +optional
	Model RevisionModel `json:"model,omitzero"`
	// metrics are those of the model's TrainingRun.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Metrics []Metric `json:"metrics,omitempty"`
	// since is when the revision got the traffic.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// bakeRequests is how many requests of users it answered during its bake; left out where nothing tells.
	// +kubebuilder:validation:Minimum=0
	// +optional
	BakeRequests *int64 `json:"bakeRequests,omitempty"`
}

// CandidateStage is how far a candidate has come.
// +kubebuilder:validation:Enum=Starting;Smoking;AwaitingPromotion
type CandidateStage string

// The stages of a candidate.
const (
	CandidateStarting          CandidateStage = "Starting"
	CandidateSmoking           CandidateStage = "Smoking"
	CandidateAwaitingPromotion CandidateStage = "AwaitingPromotion"
)

// CandidateRevision is a revision on its way.
type CandidateRevision struct {
	// revision names the revision and its Deployment.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Revision string `json:"revision,omitempty"`
	// model is the model.
	// +optional
	Model RevisionModel `json:"model,omitzero"`
	// stage is how far it has come.
	// +optional
	Stage CandidateStage `json:"stage,omitempty"`
	// startTime is when its Deployment was made.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// checks are the results of its smoke test.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Checks []CheckResult `json:"checks,omitempty"`
}

// Results of a smoke check.
const (
	CheckPassed  = "Passed"
	CheckFailed  = "Failed"
	CheckSkipped = "Skipped"
)

// CheckResult is the result of one smoke check.
type CheckResult struct {
	// name is the check's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name,omitempty"`
	// result is Passed, Failed or Skipped.
	// +kubebuilder:validation:Enum=Passed;Failed;Skipped
	// +required
	Result string `json:"result,omitempty"`
	// message says what was seen.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Message string `json:"message,omitempty"`
	// latency is how long the check's request took, a Go duration.
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Latency string `json:"latency,omitempty"`
}

// RejectedRevision is a revision that failed.
type RejectedRevision struct {
	// revision names the revision.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Revision string `json:"revision,omitempty"`
	// model is the model.
	// +optional
	Model RevisionModel `json:"model,omitzero"`
	// reason is SmokeFailed, GateNotMet, NoBetterThanChance, ModelInvalid, BakeFailed or Aborted.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says why.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
	// checks are the smoke checks that failed.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Checks []CheckResult `json:"checks,omitempty"`
	// time is when it was rejected.
	// +optional
	Time *metav1.Time `json:"time,omitempty"`
}

// RetiredRevision is a revision that was live once.
type RetiredRevision struct {
	// revision names the revision.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Revision string `json:"revision,omitempty"`
	// model is the model.
	// +optional
	Model RevisionModel `json:"model,omitzero"`
	// promotedTime is when it got the traffic.
	// +optional
	PromotedTime *metav1.Time `json:"promotedTime,omitempty"`
	// retiredTime is when it lost it.
	// +optional
	RetiredTime *metav1.Time `json:"retiredTime,omitempty"`
	// movedBy is what gave its traffic to another: the spec or an annotation, with the field manager that wrote it; the
	// TrainingRun that a selector chose; or Trainyard.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	MovedBy string `json:"movedBy,omitempty"`
	// reason is why: Replaced, BakeFailed, Aborted, Unavailable or Gone.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Reason string `json:"reason,omitempty"`
}
