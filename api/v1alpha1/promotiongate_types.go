// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// PromotionGate bounds a metric of a model that is to get the traffic, as its TrainingRun measured it on the test split.
// +kubebuilder:validation:XValidation:rule="has(self.min) || has(self.max) || has(self.notWorseThanLive)",message="a gate needs a bound: set min, notWorseThanLive or both; for loss, calibrationError and accuracyLoss max rather than min"
// +kubebuilder:validation:XValidation:rule="self.metric in ['loss', 'calibrationError', 'accuracyLoss'] ? !has(self.min) : !has(self.max)",message="a gate on loss, calibrationError or accuracyLoss, where less is better, takes max, not min; a gate on any other metric takes min, not max"
type PromotionGate struct {
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
	// notWorseThanLive is by how much the metric may be worse than that of the live model on the same test split, a decimal
	// from 0 to 1, such as "0.01". Of another test split, the smoke test's quality check compares the two.
	// +optional
	NotWorseThanLive Fraction `json:"notWorseThanLive,omitempty"`
}
