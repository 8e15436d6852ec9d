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
	SGD   Optimizer = "SGD" // with momentum
	Adam  Optimizer = "Adam"
	AdamW Optimizer = "AdamW"
)

// Training is how the network is trained.
// +kubebuilder:validation:XValidation:rule="!has(self.momentum) && !has(self.nesterov) || self.?optimizer.orValue('AdamW') == 'SGD'",message="training.momentum and training.nesterov are for optimizer SGD: remove them, or use SGD"
// +kubebuilder:validation:XValidation:rule="!has(self.scheduler) || self.scheduler.?warmupEpochs.orValue(0) < self.?epochs.orValue(20)",message="training.scheduler.warmupEpochs must be below training.epochs: lower it, or train for more epochs"
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
	// optimizer is SGD (with momentum), Adam or AdamW.
	// +kubebuilder:default=AdamW
	// +optional
	Optimizer Optimizer `json:"optimizer,omitempty"`
	// momentum is that of optimizer SGD, a decimal from 0, below 1. Left out, it is 0.9.
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:XValidation:rule="self.matches('^0([.][0-9]{1,6})?$')",message="momentum must be a decimal from 0, below 1, in quotes, such as \"0.9\""
	// +optional
	Momentum Decimal `json:"momentum,omitempty"`
	// nesterov uses Nesterov's momentum in optimizer SGD. Left out, it is Disabled.
	// +optional
	Nesterov SwitchState `json:"nesterov,omitempty"`
	// weightDecay is a decimal from 0 to 1, such as "0.0001".
	// +kubebuilder:default="0.0001"
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^(0([.][0-9]{1,10})?|1([.]0{1,10})?)$')",message="weightDecay must be a decimal from 0 to 1 in quotes, such as \"0.0001\""
	// +optional
	WeightDecay Decimal `json:"weightDecay,omitempty"`
	// scheduler changes the learning rate in the course of training. Left out, it stays what it is.
	// +optional
	Scheduler Scheduler `json:"scheduler,omitzero"`
	// earlyStopping ends the training once it gets no better. Left out, all epochs are trained.
	// +optional
	EarlyStopping EarlyStopping `json:"earlyStopping,omitzero"`
	// bestMetric chooses the epoch whose weights are published, by what it is on the validation split. Left out, it is accuracy.
	// Among equals it is the one of the lowest loss.
	// +optional
	BestMetric ValidationMetric `json:"bestMetric,omitempty"`
	// divergenceRetries is how often a run whose loss diverges goes back to the end of the last good epoch, with half the
	// learning rate from there on. Left out, it fails with LossDiverged.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	// +optional
	DivergenceRetries int32 `json:"divergenceRetries,omitempty"`
	// gradientClipping is the greatest norm of all gradients together, a decimal above 0, at most 1000, such as "1"; greater
	// ones are scaled down.
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{1,4}([.][0-9]{1,10})?$') && double(self) > 0.0 && double(self) <= 1000.0",message="gradientClipping must be a decimal above 0 and at most 1000 in quotes, such as \"1\""
	// +optional
	GradientClipping Decimal `json:"gradientClipping,omitempty"`
	// labelSmoothing is the share of a label that all classes get alike, a decimal from 0 to 0.9. Left out, it is 0.
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:XValidation:rule="self.matches('^0([.][0-9]{1,6})?$') && double(self) <= 0.9",message="labelSmoothing must be a decimal from 0 to 0.9 in quotes, such as \"0.1\""
	// +optional
	LabelSmoothing Decimal `json:"labelSmoothing,omitempty"`
	// ema publishes an exponential moving average of the weights over the steps. Left out, it is the weights themselves.
	// +optional
	EMA EMA `json:"ema,omitzero"`
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
	// classWeights is None, all training images count alike in the loss, or Balanced: each class counts as much as any other.
	// Metrics count images either way.
	// +kubebuilder:default=None
	// +optional
	ClassWeights ClassWeights `json:"classWeights,omitempty"`
}

// EMA is an exponential moving average of the weights, batch normalization's statistics included: what each epoch is
// measured by and the model has.
type EMA struct {
	// decay is the share of the average that a step keeps, a decimal above 0 and below 1, such as "0.99" for an average over
	// about a hundred steps.
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:XValidation:rule="self.matches('^0[.][0-9]{1,6}$') && double(self) > 0.0",message="decay must be a decimal above 0 and below 1 in quotes, such as \"0.99\""
	// +kubebuilder:validation:MinLength=1
	// +required
	Decay Decimal `json:"decay,omitempty"`
}

// ClassWeights is how much the images of each class count in the loss.
// +kubebuilder:validation:Enum=None;Balanced
type ClassWeights string

// The ways to weight classes.
const (
	NoClassWeights       ClassWeights = "None"
	BalancedClassWeights ClassWeights = "Balanced" // images / (classes × images of the class)
)

// SchedulerType names how the learning rate changes.
// +kubebuilder:validation:Enum=Constant;ReduceOnPlateau;Step;Cosine;OneCycle
type SchedulerType string

// The schedulers that the runner knows.
const (
	ConstantScheduler        SchedulerType = "Constant"
	ReduceOnPlateauScheduler SchedulerType = "ReduceOnPlateau" // when the validation loss no longer falls
	StepScheduler            SchedulerType = "Step"            // every few epochs
	CosineScheduler          SchedulerType = "Cosine"          // falls like a cosine
	OneCycleScheduler        SchedulerType = "OneCycle"        // rises, then falls to nearly nothing
)

// Scheduler changes the learning rate, with the meaning of PyTorch's schedulers.
// +kubebuilder:validation:XValidation:rule="!has(self.factor) || self.type in ['ReduceOnPlateau', 'Step']",message="scheduler.factor is for types ReduceOnPlateau and Step: remove it, or change scheduler.type"
// +kubebuilder:validation:XValidation:rule="!has(self.patience) || self.type == 'ReduceOnPlateau'",message="scheduler.patience is for type ReduceOnPlateau: remove it, or change scheduler.type"
// +kubebuilder:validation:XValidation:rule="!has(self.stepEpochs) || self.type == 'Step'",message="scheduler.stepEpochs is for type Step: remove it, or change scheduler.type"
// +kubebuilder:validation:XValidation:rule="!has(self.minLearningRate) || self.type in ['ReduceOnPlateau', 'Cosine']",message="scheduler.minLearningRate is for types ReduceOnPlateau and Cosine: remove it, or change scheduler.type"
// +kubebuilder:validation:XValidation:rule="!has(self.warmupEpochs) || self.type != 'OneCycle'",message="scheduler.warmupEpochs is not for type OneCycle, which has a warm-up of its own: remove it, or change scheduler.type"
type Scheduler struct {
	// type is Constant; ReduceOnPlateau, times factor once the validation loss has not fallen for more than patience epochs;
	// Step, times factor every stepEpochs; Cosine, down to minLearningRate; or OneCycle, up to learningRate for 30 % of the
	// steps, then down to nearly nothing.
	// +required
	Type SchedulerType `json:"type,omitempty"`
	// warmupEpochs are those in which the rate rises from 0 to learningRate first, step by step. Left out, there are none.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	WarmupEpochs int32 `json:"warmupEpochs,omitempty"`
	// factor is what the rate is multiplied by, a decimal above 0 and below 1. Left out, it is 0.1.
	// +kubebuilder:validation:MaxLength=10
	// +kubebuilder:validation:XValidation:rule="self.matches('^0[.][0-9]{1,6}$') && double(self) > 0.0",message="factor must be a decimal above 0 and below 1 in quotes, such as \"0.1\""
	// +optional
	Factor Decimal `json:"factor,omitempty"`
	// patience is how many epochs ReduceOnPlateau bears without a lower validation loss. Left out, it is 3.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Patience int32 `json:"patience,omitempty"`
	// stepEpochs is after how many epochs Step changes the rate, each time. Left out, it is 10.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000
	// +optional
	StepEpochs int32 `json:"stepEpochs,omitempty"`
	// minLearningRate is where Cosine ends and what ReduceOnPlateau doesn't fall below: a decimal from 0 to learningRate. Left
	// out, it is 0.
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{1,2}([.][0-9]{1,10})?$') && double(self) <= 10.0",message="minLearningRate must be a decimal from 0 to 10 in quotes, such as \"0.00001\""
	// +optional
	MinLearningRate Decimal `json:"minLearningRate,omitempty"`
}

// ValidationMetric names a metric that is measured after each epoch. Less is better of loss and calibrationError.
// +kubebuilder:validation:Enum=loss;accuracy;precision;recall;f1;weightedPrecision;weightedRecall;weightedF1;rocAUC;prAUC;kappa;calibrationError
type ValidationMetric string

// EarlyStopping ends a training that gets no better. The model is that of the best epoch, as always.
type EarlyStopping struct {
	// metric is what has to improve on the validation split.
	// +required
	Metric ValidationMetric `json:"metric,omitempty"`
	// patience is after how many epochs without an improvement training stops.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +required
	Patience int32 `json:"patience,omitempty"`
	// minDelta is the change of the metric up to which it counts as none, a decimal from 0 to 1. Left out, it is 0.
	// +optional
	MinDelta Fraction `json:"minDelta,omitempty"`
}
