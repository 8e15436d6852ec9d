// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/crd"
)

// A run on a laptop is the run that a cluster would make of the same fields.
func TestDefaultsAreTheAPIs(t *testing.T) {
	want, err := crd.Defaults("trainingruns")
	if err != nil {
		t.Fatal(err)
	}
	// What the operator does with a run, which no runner knows.
	for _, field := range []string{
		"backoffLimit", "suspend", "dataset.caBundle.configMapRef.key", "dataset.caBundle.secretRef.key",
		"dataset.dvc.caBundle.configMapRef.key", "dataset.dvc.caBundle.secretRef.key",
		"output.caBundle.configMapRef.key", "output.caBundle.secretRef.key",
		"tracking.mlflow.caBundle.configMapRef.key",
	} {
		delete(want, field)
	}
	c, g := contract.DefaultTrainConfig(), contract.DefaultGenerated()
	flip := map[bool]string{true: "Enabled", false: "Disabled"}
	quantization := c.Output.Quantization
	if quantization == "" {
		quantization = "None"
	}
	calibration := c.Output.Calibration
	if calibration == "" {
		calibration = "None"
	}
	invalid := 100
	if c.Dataset.MaxInvalidPercent != nil {
		invalid = *c.Dataset.MaxInvalidPercent
	}
	classWeights := c.Training.ClassWeights
	if classWeights == "" {
		classWeights = "None"
	}
	got := map[string]string{}
	for field, value := range map[string]any{
		"dataset.maxInvalidPercent":            invalid,
		"dataset.split.validationPercent":      c.Dataset.Split.ValidationPercent,
		"dataset.split.testPercent":            c.Dataset.Split.TestPercent,
		"dataset.split.seed":                   c.Dataset.Split.Seed,
		"dataset.augmentation.rotationDegrees": c.Dataset.Augmentation.RotationDegrees,
		"dataset.augmentation.horizontalFlip":  flip[c.Dataset.Augmentation.HorizontalFlip],
		"dataset.augmentation.brightness":      c.Dataset.Augmentation.Brightness,
		"dataset.augmentation.contrast":        c.Dataset.Augmentation.Contrast,
		"dataset.augmentation.saturation":      c.Dataset.Augmentation.Saturation,
		"dataset.generated.classes":            g.Classes,
		"dataset.generated.seed":               g.Seed,
		"dataset.generated.labelNoisePercent":  g.LabelNoisePercent,
		"model.architecture":                   c.Model.Architecture,
		"model.imageSize":                      c.Model.ImageSize,
		"model.dropout":                        c.Model.Dropout,
		"training.epochs":                      c.Training.Epochs,
		"training.batchSize":                   c.Training.BatchSize,
		"training.learningRate":                c.Training.LearningRate,
		"training.optimizer":                   c.Training.Optimizer,
		"training.weightDecay":                 c.Training.WeightDecay,
		"training.seed":                        c.Training.Seed,
		"training.workers":                     c.Training.Workers,
		"training.classWeights":                classWeights,
		"output.quantization":                  quantization,
		"output.calibration":                   calibration,
	} {
		got[field] = fmt.Sprint(value)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults (-API +runner):\n%s", diff)
	}
}
