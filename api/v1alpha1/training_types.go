// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Architecture names a network.
// +kubebuilder:validation:Enum=BaselineCNN;SimpleCNN
type Architecture string

// The networks that the runner knows.
const (
	BaselineCNN Architecture = "BaselineCNN"
	SimpleCNN   Architecture = "SimpleCNN"
)

// Model is the network to train. Its classes come from the dataset.
type Model struct {
	// architecture is the network: BaselineCNN (four convolution blocks) or SimpleCNN (a smaller one).
	// +kubebuilder:default=BaselineCNN
	// +optional
	Architecture Architecture `json:"architecture,omitempty"`
	// imageSize is the width and height, in pixels, that images are scaled to.
	// +kubebuilder:default=224
	// +kubebuilder:validation:Minimum=32
	// +kubebuilder:validation:Maximum=512
	// +kubebuilder:validation:XValidation:rule="self % 16 == 0",message="imageSize must be a multiple of 16, such as 64, 128 or 224: the network halves it four times"
	// +optional
	ImageSize int32 `json:"imageSize,omitempty"`
	// dropout is the probability that a feature is dropped before the last layer, a decimal from 0 to 0.9.
	// +kubebuilder:default="0.5"
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:XValidation:rule="self.matches('^0([.][0-9]{1,6})?$') && double(self) <= 0.9",message="dropout must be a decimal from 0 to 0.9 in quotes, such as \"0.5\""
	// +optional
	Dropout Decimal `json:"dropout,omitempty"`
}

// Optimizer names an optimizer.
// +kubebuilder:validation:Enum=SGD;Adam;AdamW
type Optimizer string

// The optimizers that the runner knows.
const (
	SGD   Optimizer = "SGD" // with momentum 0.9
	Adam  Optimizer = "Adam"
	AdamW Optimizer = "AdamW"
)

// Training is how the network is trained.
type Training struct {
	// epochs is how often the training split is gone through.
	// +kubebuilder:default=20
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	// +optional
	Epochs int32 `json:"epochs,omitempty"`
	// batchSize is how many samples make one step.
	// +kubebuilder:default=32
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=1024
	// +optional
	BatchSize int32 `json:"batchSize,omitempty"`
	// learningRate is a decimal above 0, at most 10, such as "0.001".
	// +kubebuilder:default="0.001"
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{1,2}([.][0-9]{1,10})?$') && double(self) > 0.0 && double(self) <= 10.0",message="learningRate must be a decimal above 0 and at most 10 in quotes, such as \"0.001\""
	// +optional
	LearningRate Decimal `json:"learningRate,omitempty"`
	// optimizer is SGD (with momentum 0.9), Adam or AdamW.
	// +kubebuilder:default=AdamW
	// +optional
	Optimizer Optimizer `json:"optimizer,omitempty"`
	// weightDecay is a decimal from 0 to 1, such as "0.0001".
	// +kubebuilder:default="0.0001"
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0([.][0-9]{1,10})?|1([.]0{1,10})?)$')",message="weightDecay must be a decimal from 0 to 1 in quotes, such as \"0.0001\""
	// +optional
	WeightDecay Decimal `json:"weightDecay,omitempty"`
	// seed makes the same model again, whatever the number of threads.
	// +kubebuilder:default=42
	// +optional
	Seed *int64 `json:"seed,omitempty"`
	// workers is how many goroutines decode and augment images; 0 is one per CPU.
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=256
	// +optional
	Workers *int32 `json:"workers,omitempty"`
}
