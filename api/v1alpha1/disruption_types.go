// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// PodDisruptionBudget is how many pods of a revision a drain may take at a time.
type PodDisruptionBudget struct {
	// mode is Automatic, which makes a PodDisruptionBudget of each revision while at least 2 replicas are asked for, unless one of
	// your own selects the pods; or Disabled.
	// +kubebuilder:default=Automatic
	// +optional
	Mode DisruptionBudgetMode `json:"mode,omitempty"`
	// maxUnavailablePercent is how many of a revision's replicas may be missing for a drain to take another, in percent, rounded
	// up: of up to 100 replicas 1 stands for one.
	// +kubebuilder:default=25
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	// +optional
	MaxUnavailablePercent int32 `json:"maxUnavailablePercent,omitempty"`
}

// DisruptionBudgetMode is whether PodDisruptionBudgets are made.
// +kubebuilder:validation:Enum=Automatic;Disabled
type DisruptionBudgetMode string

// The values of a DisruptionBudgetMode.
const (
	AutomaticDisruptionBudget DisruptionBudgetMode = "Automatic"
	NoDisruptionBudget        DisruptionBudgetMode = "Disabled"
)
