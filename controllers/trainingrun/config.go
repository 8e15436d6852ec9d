// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"fmt"
	"path"

	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/controllers/children"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// datasetAccess is what the runner reaches the dataset's source with.
func datasetAccess(run *v1alpha1.TrainingRun) children.Access {
	spec := &run.Spec.Dataset
	if spec.DVC != nil {
		return children.Access{SecretRef: spec.DVC.SecretRef, CABundle: spec.DVC.CABundle}
	}
	return children.Access{SecretRef: spec.SecretRef, CABundle: spec.CABundle}
}

// trainConfig translates a TrainingRun's spec into what the runner is told. It fails
// on what the schema would have refused, and names the field.
func trainConfig(run *v1alpha1.TrainingRun) (contract.TrainConfig, error) {
	spec := &run.Spec
	p := &children.Parser{}
	config := contract.TrainConfig{
		Version: contract.Version,
		Run:     contractRun(run),
		Dataset: datasetConfig(p, run),
		Model: contract.Model{
			Architecture: string(spec.Model.Architecture),
			ImageSize:    int(spec.Model.ImageSize),
			Dropout:      children.Parse(p, "spec.model.dropout", spec.Model.Dropout),
		},
		Training: trainingConfig(p, run),
		Output:   outputConfig(run),
		Report:   contract.Report{Samples: string(spec.Report.Samples)},
	}
	for i, gate := range spec.Gates {
		config.Gates = append(config.Gates, children.Gate(p, fmt.Sprintf("spec.gates[%d]", i), gate))
	}
	config.Tracking = trackingConfig(run)
	return config, p.Err
}

// trainingConfig translates how the network is trained.
func trainingConfig(p *children.Parser, run *v1alpha1.TrainingRun) contract.Training {
	spec := &run.Spec.Training
	config := contract.Training{
		Epochs:       int(spec.Epochs),
		BatchSize:    int(spec.BatchSize),
		LearningRate: children.Parse(p, "spec.training.learningRate", spec.LearningRate),
		Optimizer:    string(spec.Optimizer),
		WeightDecay:  children.Parse(p, "spec.training.weightDecay", spec.WeightDecay),
		Seed:         ptr.Deref(spec.Seed, 0),
		Workers:      int(ptr.Deref(spec.Workers, 0)),
		Scheduler: contract.Scheduler{
			Type:            string(spec.Scheduler.Type),
			WarmupEpochs:    int(spec.Scheduler.WarmupEpochs),
			Factor:          children.Parse(p, "spec.training.scheduler.factor", spec.Scheduler.Factor),
			Patience:        int(spec.Scheduler.Patience),
			StepEpochs:      int(spec.Scheduler.StepEpochs),
			MinLearningRate: children.Parse(p, "spec.training.scheduler.minLearningRate", spec.Scheduler.MinLearningRate),
		},
		EarlyStopping: contract.EarlyStopping{
			Metric:   string(spec.EarlyStopping.Metric),
			Patience: int(spec.EarlyStopping.Patience),
			MinDelta: children.Parse(p, "spec.training.earlyStopping.minDelta", spec.EarlyStopping.MinDelta),
		},
		BestMetric: string(spec.BestMetric),

		DivergenceRetries: int(spec.DivergenceRetries),
		Nesterov:          spec.Nesterov == v1alpha1.Enabled,
		GradientClipping:  children.Parse(p, "spec.training.gradientClipping", spec.GradientClipping),
		LabelSmoothing:    children.Parse(p, "spec.training.labelSmoothing", spec.LabelSmoothing),
		EMA:               contract.EMA{Decay: children.Parse(p, "spec.training.ema.decay", spec.EMA.Decay)},
	}
	if spec.ClassWeights == v1alpha1.BalancedClassWeights {
		config.ClassWeights = contract.ClassWeightsBalanced
	}
	if spec.Momentum != "" {
		config.Momentum = ptr.To(children.Parse(p, "spec.training.momentum", spec.Momentum))
	}
	return config
}

// anyInvalidPercent allows any number of invalid files, as a runner does that is told nothing.
const anyInvalidPercent = 100

// datasetConfig translates where the samples come from, and how they are split and augmented.
func datasetConfig(p *children.Parser, run *v1alpha1.TrainingRun) contract.Dataset {
	spec := &run.Spec.Dataset
	config := contract.Dataset{
		Split: contract.Split{
			ValidationPercent: int(spec.Split.ValidationPercent),
			TestPercent:       int(spec.Split.TestPercent),
			Seed:              ptr.Deref(spec.Split.Seed, 0),
		},
		Augmentation: contract.Augmentation{
			RotationDegrees: int(ptr.Deref(spec.Augmentation.RotationDegrees, 0)),
			HorizontalFlip:  spec.Augmentation.HorizontalFlip == v1alpha1.Enabled,
			Brightness:      children.Parse(p, "spec.dataset.augmentation.brightness", spec.Augmentation.Brightness),
			Contrast:        children.Parse(p, "spec.dataset.augmentation.contrast", spec.Augmentation.Contrast),
			Saturation:      children.Parse(p, "spec.dataset.augmentation.saturation", spec.Augmentation.Saturation),

			RandomResizedCrop: cropConfig(p, spec.Augmentation.RandomResizedCrop),
			RandomErasing:     erasingConfig(p, spec.Augmentation.RandomErasing),
			MixUp:             contract.MixUp{Alpha: children.Parse(p, "spec.dataset.augmentation.mixUp.alpha", spec.Augmentation.MixUp.Alpha)},
		},
	}
	if pvc := spec.PVC; pvc != nil {
		config.Path = contract.DatasetPath(pvc.Path)
	}
	config.URI = spec.URI
	if dvc := spec.DVC; dvc != nil {
		config.DVC = &contract.DVC{Repo: dvc.Repo, Rev: dvc.Rev, Path: dvc.Path, Remote: dvc.Remote}
	}
	if config.IsRemote() {
		config.Access = datasetAccess(run).Contract(contract.PurposeDataset)
	}
	if most := spec.MaxInvalidPercent; most != nil && *most < anyInvalidPercent {
		config.MaxInvalidPercent = ptr.To(int(*most))
	}
	if folders := spec.Split.Folders; folders != (v1alpha1.SplitFolders{}) {
		config.Split.Folders = &contract.SplitFolders{Train: folders.Train, Validation: folders.Validation, Test: folders.Test}
	}
	config.Cache.MaxBytes = children.Parse(p, "spec.dataset.cache.sizeLimit", spec.Cache.SizeLimit)
	if spec.Cache.PVC.ClaimName != "" {
		config.Cache.Path = path.Join(contract.CacheMount, contract.CacheDir)
	}
	if labels := spec.Labels; labels != (v1alpha1.DatasetLabels{}) {
		config.Labels = &contract.Labels{
			File: labels.File, PathColumn: labels.PathColumn, LabelColumn: labels.LabelColumn, SplitColumn: labels.SplitColumn,
		}
	}
	if generated := spec.Generated; generated != nil {
		config.Generated = &contract.Generated{
			SamplesPerClass:   int(generated.SamplesPerClass),
			Classes:           append([]string(nil), generated.Classes...),
			Seed:              ptr.Deref(generated.Seed, 0),
			LabelNoisePercent: int(ptr.Deref(generated.LabelNoisePercent, 0)),
		}
	}
	if set := config.Sources(); len(set) != 1 {
		p.Fail(fmt.Errorf("spec.dataset names %d sources: set exactly one", len(set)))
	}
	return config
}

func cropConfig(p *children.Parser, spec v1alpha1.RandomResizedCrop) contract.RandomResizedCrop {
	const field = "spec.dataset.augmentation.randomResizedCrop."
	return contract.RandomResizedCrop{
		MinScale: children.Parse(p, field+"minScale", spec.MinScale),
		MaxScale: children.Parse(p, field+"maxScale", spec.MaxScale),
		MinRatio: children.Parse(p, field+"minRatio", spec.MinRatio),
		MaxRatio: children.Parse(p, field+"maxRatio", spec.MaxRatio),
	}
}

func erasingConfig(p *children.Parser, spec v1alpha1.RandomErasing) contract.RandomErasing {
	const field = "spec.dataset.augmentation.randomErasing."
	return contract.RandomErasing{
		Probability: children.Parse(p, field+"probability", spec.Probability),
		MinScale:    children.Parse(p, field+"minScale", spec.MinScale),
		MaxScale:    children.Parse(p, field+"maxScale", spec.MaxScale),
		MinRatio:    children.Parse(p, field+"minRatio", spec.MinRatio),
		MaxRatio:    children.Parse(p, field+"maxRatio", spec.MaxRatio),
	}
}

// datasetLocation names where the dataset of a run lies; empty for pictures that are drawn.
func datasetLocation(run *v1alpha1.TrainingRun) string {
	if pvc := run.Spec.Dataset.PVC; pvc != nil {
		return contract.PVCURI(pvc.ClaimName, path.Join(pvc.Path))
	}
	return contract.DatasetLocation(datasetConfig(&children.Parser{}, run))
}

// outputConfig translates where the model is published, and what of it.
func outputConfig(run *v1alpha1.TrainingRun) contract.Output {
	config := contract.Output{
		Path:   contract.OutputMount,
		URI:    outputURI(run),
		Access: children.OutputAccess(run).Contract(contract.PurposeOutput),
	}
	if run.Spec.Output.Quantization == v1alpha1.Int8Quantization {
		config.Quantization = contract.QuantizationInt8
	}
	if run.Spec.Output.Calibration == v1alpha1.TemperatureCalibration {
		config.Calibration = contract.CalibrationTemperature
	}
	if run.Spec.Output.Checkpoints.PVC.ClaimName != "" {
		config.CheckpointsPath = contract.CheckpointsMount
	}
	return config
}

// outputURI names where a run publishes.
func outputURI(run *v1alpha1.TrainingRun) string {
	if uri := run.Spec.Output.URI; uri != "" {
		return uri
	}
	return contract.PVCRoot(run.Spec.Output.PVC.ClaimName)
}

// checkpointsURI names where the checkpoints of a run lie.
func checkpointsURI(run *v1alpha1.TrainingRun) string {
	if claim := run.Spec.Output.Checkpoints.PVC.ClaimName; claim != "" {
		return contract.PVCRoot(claim)
	}
	return outputURI(run)
}
