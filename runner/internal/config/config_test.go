// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
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

// Ranges of numbers are those of the API: see TestValidateKeepsToTheAPIsRanges.
func TestValidateNamesTheField(t *testing.T) {
	cases := map[string]func(cfg *contract.TrainConfig){
		"run.name":           func(c *contract.TrainConfig) { c.Run.Name = "../up" },
		"run.uid":            func(c *contract.TrainConfig) { c.Run.UID = "../../up" },
		"output.path":        func(c *contract.TrainConfig) { c.Output.Path = "" },
		"output.uri":         func(c *contract.TrainConfig) { c.Output.URI = "ftp://models" },
		"output.calibration": func(c *contract.TrainConfig) { c.Output.Calibration = "Platt" },
		"tracking.mlflow.uri": func(c *contract.TrainConfig) {
			c.Tracking.MLflow = &contract.MLflow{URI: "sqlite:///mlflow.db"}
		},
		"no user name and no password": func(c *contract.TrainConfig) {
			c.Tracking.MLflow = &contract.MLflow{URI: "http://user:secret@mlflow:5000"}
		},
		"without a query": func(c *contract.TrainConfig) {
			c.Tracking.MLflow = &contract.MLflow{URI: "http://mlflow:5000?token=secret"}
		},
		"tracking.mlflow.registeredModel": func(c *contract.TrainConfig) {
			c.Tracking.MLflow = &contract.MLflow{URI: "http://mlflow:5000", RegisteredModel: "models:/pets"}
		},
		"tracking.mlflow.experiment": func(c *contract.TrainConfig) {
			c.Tracking.MLflow = &contract.MLflow{URI: "http://mlflow:5000", Experiment: strings.Repeat("x", 251)}
		},
		"tracking.mlflow.tags has the key": func(c *contract.TrainConfig) {
			c.Tracking.MLflow = &contract.MLflow{URI: "http://mlflow:5000", Tags: map[string]string{"a=b": ""}}
		},
		"output.quantization":       func(c *contract.TrainConfig) { c.Output.Quantization = "Int4" },
		"report.samples":            func(c *contract.TrainConfig) { c.Report.Samples = "Some" },
		"dataset must":              func(c *contract.TrainConfig) { c.Dataset.Path = "" },
		"exactly one":               func(c *contract.TrainConfig) { c.Dataset.Generated = &contract.Generated{} },
		"dataset.uri can't be used": func(c *contract.TrainConfig) { c.Dataset.Path, c.Dataset.URI = "", "ftp://host/pets" },
		"dataset.dvc.repo":          func(c *contract.TrainConfig) { c.Dataset.Path, c.Dataset.DVC = "", &contract.DVC{Path: "data"} },
		"dataset has credentials":   func(c *contract.TrainConfig) { c.Dataset.Credentials = "keys" },
		"dataset.cache is for":      func(c *contract.TrainConfig) { c.Dataset.Cache.Path = "cache" },
		"dataset.generated.classes": func(c *contract.TrainConfig) { c.Dataset.Generated = &contract.Generated{Classes: []string{"cat"}} },
		"dataset.labels.file":       func(c *contract.TrainConfig) { c.Dataset.Labels = &contract.Labels{File: "../labels.csv"} },
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
		"dataset.split must": func(c *contract.TrainConfig) {
			c.Dataset.Split.ValidationPercent = 80
			c.Dataset.Split.TestPercent = 11
		},
		"model.architecture":    func(c *contract.TrainConfig) { c.Model.Architecture = "ResNet" },
		"model.imageSize":       func(c *contract.TrainConfig) { c.Model.ImageSize = 100 },
		"training.learningRate": func(c *contract.TrainConfig) { c.Training.LearningRate = 0 },
		"training.optimizer":    func(c *contract.TrainConfig) { c.Training.Optimizer = "adam" },
		"dataset.augmentation.randomResizedCrop.minScale is 0:": func(c *contract.TrainConfig) { c.Dataset.Augmentation.RandomResizedCrop.MaxScale = 1 },
		"dataset.augmentation.randomResizedCrop.minScale is 0.5: must be at most": func(c *contract.TrainConfig) {
			c.Dataset.Augmentation.RandomResizedCrop = contract.RandomResizedCrop{MinScale: 0.5, MaxScale: 0.4}
		},
		"dataset.augmentation.randomResizedCrop.minRatio is 2": func(c *contract.TrainConfig) {
			c.Dataset.Augmentation.RandomResizedCrop = contract.RandomResizedCrop{MinScale: 0.5, MinRatio: 2}
		},
		"dataset.augmentation.randomErasing.probability is 0:": func(c *contract.TrainConfig) { c.Dataset.Augmentation.RandomErasing.MaxScale = 0.5 },
		"dataset.augmentation.randomErasing.minScale is 0.5": func(c *contract.TrainConfig) {
			c.Dataset.Augmentation.RandomErasing = contract.RandomErasing{Probability: 1, MinScale: 0.5}
		},
		"training.momentum is 1":                              func(c *contract.TrainConfig) { c.Training.Optimizer, c.Training.Momentum = "SGD", number(1) },
		"training.momentum and training.nesterov are for SGD": func(c *contract.TrainConfig) { c.Training.Nesterov = true },
		"training.nesterov needs": func(c *contract.TrainConfig) {
			c.Training.Optimizer, c.Training.Nesterov, c.Training.Momentum = "SGD", true, number(0)
		},
		"training.ema.decay":                   func(c *contract.TrainConfig) { c.Training.EMA.Decay = 1 },
		"training.bestMetric":                  func(c *contract.TrainConfig) { c.Training.BestMetric = "accuracyLoss" },
		"training.scheduler.type":              func(c *contract.TrainConfig) { c.Training.Scheduler.Type = "Linear" },
		"training.scheduler.factor is for":     func(c *contract.TrainConfig) { c.Training.Scheduler = contract.Scheduler{Type: "Cosine", Factor: 0.5} },
		"training.scheduler.factor is 1":       func(c *contract.TrainConfig) { c.Training.Scheduler = contract.Scheduler{Type: "Step", Factor: 1} },
		"training.scheduler.patience is for":   func(c *contract.TrainConfig) { c.Training.Scheduler = contract.Scheduler{Type: "Step", Patience: 1} },
		"training.scheduler.stepEpochs is for": func(c *contract.TrainConfig) { c.Training.Scheduler = contract.Scheduler{StepEpochs: 1} },
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
		"training.classWeights":                     func(c *contract.TrainConfig) { c.Training.ClassWeights = "balanced" },
		"gates[0].metric":                           func(c *contract.TrainConfig) { c.Gates = []contract.Gate{{Metric: "trainLoss"}} },
		"gates[1].metric is accuracyLoss": func(c *contract.TrainConfig) {
			c.Gates = []contract.Gate{{Metric: "kappa"}, {Metric: "accuracyLoss", Max: 0.1}}
		},
		"gates[0].min is 0.5: less loss": func(c *contract.TrainConfig) { c.Gates = []contract.Gate{{Metric: "loss", Min: 0.5}} },
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
