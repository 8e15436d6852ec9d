// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package contract

// DefaultTrainConfig returns the defaults of the TrainingRun API, without a dataset: what a runner does that is told
// nothing else. The schema of the API states them for the cluster; a test of the runner compares the two.
func DefaultTrainConfig() TrainConfig {
	return TrainConfig{
		Version: Version,
		Run:     Run{Name: "local"},
		Dataset: Dataset{
			Split:        Split{ValidationPercent: 10, TestPercent: 10, Seed: 42},
			Augmentation: Augmentation{HorizontalFlip: true},
		},
		Model: Model{Architecture: ArchitectureBaselineCNN, ImageSize: 224, Dropout: 0.5},
		Training: Training{
			Epochs: 20, BatchSize: 32, LearningRate: 0.001, Optimizer: OptimizerAdamW, WeightDecay: 0.0001, Seed: 42,
		},
		Output: Output{Path: "models"},
	}
}

// Defaults of fields that are left out of a configuration, as PyTorch's except for patience, which is for runs of dozens
// of epochs.
const (
	DefaultMomentum            = 0.9
	DefaultSchedulerFactor     = 0.1
	DefaultSchedulerPatience   = 3
	DefaultSchedulerStepEpochs = 10
)

// DefaultRandomResizedCrop returns what its fields are that are left out, as torchvision's except for the least scale, which
// has to be given.
func DefaultRandomResizedCrop() RandomResizedCrop {
	return RandomResizedCrop{MaxScale: 1, MinRatio: 3. / 4, MaxRatio: 4. / 3}
}

// DefaultRandomErasing returns what its fields are that are left out, as torchvision's except for the probability, which has
// to be given.
func DefaultRandomErasing() RandomErasing {
	return RandomErasing{MinScale: 0.02, MaxScale: 0.33, MinRatio: 0.3, MaxRatio: 3.3}
}

// DefaultGenerated returns the API's defaults for a generated dataset. How many pictures to draw has none there.
func DefaultGenerated() Generated {
	return Generated{SamplesPerClass: 400, Classes: []string{"cat", "dog"}, Seed: 1}
}
