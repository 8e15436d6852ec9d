// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The types of a selector are Trainyard's own, because those of meta/v1 have no bounds.

// TrainingRunSelector selects TrainingRuns in the same namespace by their labels. All of its conditions must hold.
// +kubebuilder:validation:MinProperties=1
type TrainingRunSelector struct {
	// matchLabels are labels that a run must have.
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=16
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.size() <= 317 && self[k].size() <= 63)",message="matchLabels must hold labels: keys of at most 317 characters and values of at most 63"
	// +optional
	MatchLabels map[string]string `json:"matchLabels,omitempty"`
	// matchExpressions are further conditions on a run's labels.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +optional
	MatchExpressions []LabelRequirement `json:"matchExpressions,omitempty"`
}

// LabelRequirement is a condition on an object's labels, as in meta/v1.
// +kubebuilder:validation:XValidation:rule="(self.operator in ['In', 'NotIn']) == has(self.values)",message="matchExpressions need values with the operators In and NotIn, and none with Exists and DoesNotExist: add or remove values"
type LabelRequirement struct {
	// key is the label's key.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +required
	Key string `json:"key,omitempty"`
	// operator is how the label and values relate.
	// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
	// +required
	Operator metav1.LabelSelectorOperator `json:"operator,omitempty"`
	// values are those that the label may have, or may not have.
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=63
	// +optional
	Values []string `json:"values,omitempty"`
}

// RunSelection is what comes of spec.model.trainingRunSelector.
type RunSelection struct {
	// trainingRun is the chosen run. It is empty while the live model stays, although its run doesn't exist any more.
	// +kubebuilder:validation:MaxLength=40
	// +optional
	TrainingRun string `json:"trainingRun,omitempty"`
	// complete is the number of Complete runs that match.
	// +kubebuilder:validation:Minimum=0
	// +optional
	Complete int32 `json:"complete,omitempty"`
	// passedOver are runs that aren't chosen though they are newer, the newest ten of them.
	// +listType=map
	// +listMapKey=trainingRun
	// +kubebuilder:validation:MaxItems=10
	// +optional
	PassedOver []PassedOverRun `json:"passedOver,omitempty"`
}

// PassedOverRun is a Complete TrainingRun whose model isn't served though it is newer than the one that is.
type PassedOverRun struct {
	// trainingRun is the run's name.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +required
	TrainingRun string `json:"trainingRun,omitempty"`
	// completionTime is when the run ended.
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`
	// reason is GateNotMet, NoBetterThanChance, ArtifactMissing, or what its revision was rejected for.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Reason string `json:"reason,omitempty"`
	// message says why.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Message string `json:"message,omitempty"`
}
