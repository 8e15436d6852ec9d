// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// valid returns the defaults with a dataset.
func valid() contract.TrainConfig {
	cfg := contract.DefaultTrainConfig()
	cfg.Dataset.Path = "pets"
	return cfg
}

func TestDefaultsAreValid(t *testing.T) {
	if err := Validate(valid()); err != nil {
		t.Error(err)
	}
	cfg := contract.DefaultTrainConfig()
	generated := contract.DefaultGenerated()
	cfg.Dataset.Generated = &generated
	if err := Validate(cfg); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	cases := map[string]func(cfg *contract.TrainConfig){
		"run.name":                            func(c *contract.TrainConfig) { c.Run.Name = "../up" },
		"run.uid":                             func(c *contract.TrainConfig) { c.Run.UID = "../../up" },
		"output.path":                         func(c *contract.TrainConfig) { c.Output.Path = "" },
		"output.uri":                          func(c *contract.TrainConfig) { c.Output.URI = "ftp://models" },
		"output.quantization":                 func(c *contract.TrainConfig) { c.Output.Quantization = "Int4" },
		"dataset must":                        func(c *contract.TrainConfig) { c.Dataset.Path = "" },
		"exactly one":                         func(c *contract.TrainConfig) { c.Dataset.Generated = &contract.Generated{} },
		"dataset.uri can't be used":           func(c *contract.TrainConfig) { c.Dataset.Path, c.Dataset.URI = "", "ftp://host/pets" },
		"dataset.dvc.repo":                    func(c *contract.TrainConfig) { c.Dataset.Path, c.Dataset.DVC = "", &contract.DVC{Path: "data"} },
		"dataset has credentials":             func(c *contract.TrainConfig) { c.Dataset.Credentials = "keys" },
		"dataset.cache is for":                func(c *contract.TrainConfig) { c.Dataset.Cache.Path = "cache" },
		"dataset.cache.maxBytes":              func(c *contract.TrainConfig) { c.Dataset.Cache.MaxBytes = -1 },
		"dataset.generated.samplesPerClass":   func(c *contract.TrainConfig) { c.Dataset.Generated = &contract.Generated{SamplesPerClass: 9} },
		"dataset.generated.labelNoisePercent": func(c *contract.TrainConfig) { c.Dataset.Generated = &contract.Generated{LabelNoisePercent: 101} },
		"dataset.generated.classes":           func(c *contract.TrainConfig) { c.Dataset.Generated = &contract.Generated{Classes: []string{"cat"}} },
		"dataset.maxInvalidPercent":           func(c *contract.TrainConfig) { most := 101; c.Dataset.MaxInvalidPercent = &most },
		"dataset.labels.file":                 func(c *contract.TrainConfig) { c.Dataset.Labels = &contract.Labels{File: "../labels.csv"} },
		"dataset.labels is for": func(c *contract.TrainConfig) {
			generated := contract.DefaultGenerated()
			c.Dataset.Path, c.Dataset.Generated, c.Dataset.Labels = "", &generated, &contract.Labels{File: "labels.csv"}
		},
		"dataset.split.folders.train": func(c *contract.TrainConfig) { c.Dataset.Split.Folders = &contract.SplitFolders{Test: "test"} },
		"dataset.split.folders.validation": func(c *contract.TrainConfig) {
			c.Dataset.Split.Folders = &contract.SplitFolders{Train: "a", Validation: "/b"}
		},
		"dataset.split.folders divides": func(c *contract.TrainConfig) {
			c.Dataset.Labels, c.Dataset.Split.Folders = &contract.Labels{File: "labels.csv"}, &contract.SplitFolders{Train: "train"}
		},
		"dataset.split.validationPercent": func(c *contract.TrainConfig) { c.Dataset.Split.ValidationPercent = 0 },
		"dataset.split.testPercent":       func(c *contract.TrainConfig) { c.Dataset.Split.TestPercent = 81 },
		"dataset.split must": func(c *contract.TrainConfig) {
			c.Dataset.Split.ValidationPercent = 80
			c.Dataset.Split.TestPercent = 11
		},
		"dataset.augmentation.rotationDegrees":                func(c *contract.TrainConfig) { c.Dataset.Augmentation.RotationDegrees = 181 },
		"dataset.augmentation.brightness":                     func(c *contract.TrainConfig) { c.Dataset.Augmentation.Brightness = 1.1 },
		"dataset.augmentation.contrast":                       func(c *contract.TrainConfig) { c.Dataset.Augmentation.Contrast = -0.1 },
		"dataset.augmentation.saturation":                     func(c *contract.TrainConfig) { c.Dataset.Augmentation.Saturation = math.NaN() },
		"model.architecture":                                  func(c *contract.TrainConfig) { c.Model.Architecture = "ResNet" },
		"model.imageSize":                                     func(c *contract.TrainConfig) { c.Model.ImageSize = 100 },
		"model.dropout":                                       func(c *contract.TrainConfig) { c.Model.Dropout = 1 },
		"training.epochs":                                     func(c *contract.TrainConfig) { c.Training.Epochs = 0 },
		"training.batchSize":                                  func(c *contract.TrainConfig) { c.Training.BatchSize = 1 },
		"training.learningRate":                               func(c *contract.TrainConfig) { c.Training.LearningRate = 0 },
		"training.optimizer":                                  func(c *contract.TrainConfig) { c.Training.Optimizer = "adam" },
		"training.weightDecay":                                func(c *contract.TrainConfig) { c.Training.WeightDecay = 2 },
		"training.momentum is 1":                              func(c *contract.TrainConfig) { c.Training.Optimizer, c.Training.Momentum = "SGD", number(1) },
		"training.momentum and training.nesterov are for SGD": func(c *contract.TrainConfig) { c.Training.Nesterov = true },
		"training.nesterov needs": func(c *contract.TrainConfig) {
			c.Training.Optimizer, c.Training.Nesterov, c.Training.Momentum = "SGD", true, number(0)
		},
		"training.gradientClipping":          func(c *contract.TrainConfig) { c.Training.GradientClipping = -1 },
		"training.labelSmoothing":            func(c *contract.TrainConfig) { c.Training.LabelSmoothing = 1 },
		"training.scheduler.type":            func(c *contract.TrainConfig) { c.Training.Scheduler.Type = "Linear" },
		"training.scheduler.factor is for":   func(c *contract.TrainConfig) { c.Training.Scheduler = contract.Scheduler{Type: "Cosine", Factor: 0.5} },
		"training.scheduler.factor is 1":     func(c *contract.TrainConfig) { c.Training.Scheduler = contract.Scheduler{Type: "Step", Factor: 1} },
		"training.scheduler.patience is for": func(c *contract.TrainConfig) { c.Training.Scheduler = contract.Scheduler{Type: "Step", Patience: 1} },
		"training.scheduler.patience is -1": func(c *contract.TrainConfig) {
			c.Training.Scheduler = contract.Scheduler{Type: "ReduceOnPlateau", Patience: -1}
		},
		"training.scheduler.stepEpochs is for": func(c *contract.TrainConfig) { c.Training.Scheduler = contract.Scheduler{StepEpochs: 1} },
		"training.scheduler.stepEpochs is -1":  func(c *contract.TrainConfig) { c.Training.Scheduler = contract.Scheduler{Type: "Step", StepEpochs: -1} },
		"training.scheduler.minLearningRate is for": func(c *contract.TrainConfig) {
			c.Training.Scheduler = contract.Scheduler{Type: "OneCycle", MinLearningRate: 0.0001}
		},
		"training.scheduler.minLearningRate is 0.5": func(c *contract.TrainConfig) {
			c.Training.Scheduler = contract.Scheduler{Type: "Cosine", MinLearningRate: 0.5}
		},
		"training.scheduler.warmupEpochs is 20": func(c *contract.TrainConfig) { c.Training.Epochs, c.Training.Scheduler.WarmupEpochs = 20, 20 },
		"training.scheduler.warmupEpochs is 1: remove": func(c *contract.TrainConfig) {
			c.Training.Scheduler = contract.Scheduler{Type: "OneCycle", WarmupEpochs: 1}
		},
		"training.earlyStopping.metric":             func(c *contract.TrainConfig) { c.Training.EarlyStopping = contract.EarlyStopping{Patience: 1} },
		"training.earlyStopping.patience is 0: say": func(c *contract.TrainConfig) { c.Training.EarlyStopping = contract.EarlyStopping{Metric: "loss"} },
		"training.earlyStopping.minDelta": func(c *contract.TrainConfig) {
			c.Training.EarlyStopping = contract.EarlyStopping{Metric: "loss", Patience: 1, MinDelta: 2}
		},
		"training.workers":      func(c *contract.TrainConfig) { c.Training.Workers = -1 },
		"training.classWeights": func(c *contract.TrainConfig) { c.Training.ClassWeights = "balanced" },
		"gates[0].metric":       func(c *contract.TrainConfig) { c.Gates = []contract.Gate{{Metric: "trainLoss"}} },
		"gates[1].metric is accuracyLoss": func(c *contract.TrainConfig) {
			c.Gates = []contract.Gate{{Metric: "kappa"}, {Metric: "accuracyLoss", Max: 0.1}}
		},
		"gates[0].min":                   func(c *contract.TrainConfig) { c.Gates = []contract.Gate{{Metric: "accuracy", Min: 1.5}} },
		"gates[0].min is 0.5: less loss": func(c *contract.TrainConfig) { c.Gates = []contract.Gate{{Metric: "loss", Min: 0.5}} },
		"gates[0].max":                   func(c *contract.TrainConfig) { c.Gates = []contract.Gate{{Metric: "loss", Max: 101}} },
		"gates[0].max is 0.5: more f1":   func(c *contract.TrainConfig) { c.Gates = []contract.Gate{{Metric: "f1", Max: 0.5}} },
	}
	for field, change := range cases {
		t.Run(field, func(t *testing.T) {
			cfg := valid()
			change(&cfg)
			if err := Validate(cfg); err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("got %v, want an error that says %q", err, field)
			}
		})
	}
}

func number(v float64) *float64 { return &v }

func TestLoad(t *testing.T) {
	fromEnv, fromFile := valid(), valid()
	fromEnv.Run.Name, fromFile.Run.Name = "from-env", "from-file"
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, encode(t, fromFile), 0o644); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		env, path string
		want      contract.TrainConfig
		says      string
	}{
		"nothing":          {want: contract.DefaultTrainConfig()},
		"environment":      {env: string(encode(t, fromEnv)), want: fromEnv},
		"file wins":        {env: string(encode(t, fromEnv)), path: file, want: fromFile},
		"missing file":     {path: "/nowhere/config.json", says: "/nowhere/config.json"},
		"misspelled field": {env: `{"version":1,"epoch":3}`, says: "epoch"},
		"another version":  {env: `{"version":2}`, says: "version 2"},
		"no JSON":          {env: "{", says: "decode"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv(contract.ConfigEnv, tc.env)
			got, err := Load(tc.path)
			if tc.says != "" {
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Fatalf("got %v, want an error that says %q", err, tc.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		})
	}
}

func encode(t *testing.T, cfg contract.TrainConfig) []byte {
	t.Helper()
	data, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
