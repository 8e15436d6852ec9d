// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package trainingrun

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

func TestTrainConfig(t *testing.T) {
	run := makeRun().Gate("accuracy", "0.90").Obj()
	run.Spec.Dataset.Augmentation.Brightness = "0.2"
	run.Spec.Dataset.Generated.LabelNoisePercent = ptr.To[int32](100)
	got, err := trainConfig(run)
	if err != nil {
		t.Fatal(err)
	}
	want := contract.TrainConfig{
		Version: 1,
		Run:     contract.Run{Name: "pets", Namespace: "zoo", UID: testUID},
		Dataset: contract.Dataset{
			Generated:    &contract.Generated{SamplesPerClass: 20, Classes: []string{"cat", "dog"}, Seed: 1, LabelNoisePercent: 100},
			Split:        contract.Split{ValidationPercent: 10, TestPercent: 10, Seed: 42},
			Augmentation: contract.Augmentation{HorizontalFlip: true, Brightness: 0.2},
		},
		Model:    contract.Model{Architecture: "BaselineCNN", ImageSize: 224, Dropout: 0.5},
		Training: contract.Training{Epochs: 20, BatchSize: 32, LearningRate: 0.001, Optimizer: "AdamW", WeightDecay: 0.0001, Seed: 42},
		Output:   contract.Output{Path: "/output", URI: "pvc://models"},
		Gates:    []contract.Gate{{Metric: "accuracy", Min: 0.9}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("trainConfig (-want +got):\n%s", diff)
	}
}

func TestTrainConfigCache(t *testing.T) {
	for claim, want := range map[string]contract.Cache{
		"": {MaxBytes: 20 << 30}, "shared": {Path: "/cache/.cache", MaxBytes: 20 << 30},
	} {
		got, err := trainConfig(cached(claim, "20Gi"))
		if err != nil || got.Dataset.Cache != want {
			t.Errorf("claim %q: the runner is told %+v, want %+v, error %v", claim, got.Dataset.Cache, want, err)
		}
	}
}

func TestTrainConfigQuantization(t *testing.T) {
	for quantization, want := range map[v1alpha1.Quantization]string{
		"": "", v1alpha1.NoQuantization: "", v1alpha1.Int8Quantization: contract.QuantizationInt8,
	} {
		run := makeRun().Obj()
		run.Spec.Output.Quantization = quantization
		got, err := trainConfig(run)
		if err != nil {
			t.Fatal(err)
		}
		if got.Output.Quantization != want {
			t.Errorf("%q: the runner is told %q, want %q", quantization, got.Output.Quantization, want)
		}
	}
}

func TestTrainConfigCalibration(t *testing.T) {
	for calibration, want := range map[v1alpha1.Calibration]string{
		"": "", v1alpha1.NoCalibration: "", v1alpha1.TemperatureCalibration: contract.CalibrationTemperature,
	} {
		run := makeRun().Obj()
		run.Spec.Output.Calibration = calibration
		if got, err := trainConfig(run); err != nil || got.Output.Calibration != want {
			t.Errorf("%q: the runner is told %q (%v), want %q", calibration, got.Output.Calibration, err, want)
		}
	}
}

func TestTrainConfigErrors(t *testing.T) {
	cases := map[string]struct {
		change func(*v1alpha1.TrainingRun)
		want   string
	}{
		"no source": {
			change: func(run *v1alpha1.TrainingRun) { run.Spec.Dataset.Generated = nil },
			want:   "spec.dataset names 0 sources: set exactly one",
		},
		"two sources": {
			change: func(run *v1alpha1.TrainingRun) { run.Spec.Dataset.PVC = &v1alpha1.DatasetPVC{ClaimName: "pets"} },
			want:   "spec.dataset names 2 sources: set exactly one",
		},
		"no decimal": {
			change: func(run *v1alpha1.TrainingRun) { run.Spec.Training.LearningRate = "fast" },
			want:   `spec.training.learningRate is "fast"`,
		},
		"the first error counts": {
			change: func(run *v1alpha1.TrainingRun) {
				run.Spec.Model.Dropout = "x"
				run.Spec.Gates = []v1alpha1.Gate{{Metric: "f1", Min: "y"}}
			},
			want: "spec.model.dropout",
		},
		"a gate": {
			change: func(run *v1alpha1.TrainingRun) {
				run.Spec.Gates = []v1alpha1.Gate{{Metric: "f1", Min: "0.5"}, {Metric: "recall", Min: "y"}}
			},
			want: "spec.gates[1].min",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			run := makeRun().Obj()
			tc.change(run)
			if _, err := desiredJob(jobInput{run: run}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestDataPathStaysInTheVolume(t *testing.T) {
	for path, want := range map[string]string{"": "/data", "a/b": "/data/a/b", "../../etc": "/data/etc", "/etc": "/data/etc"} {
		config, err := trainConfig(makeRun().DataPVC("photos", path).Obj())
		if err != nil || config.Dataset.Path != want {
			t.Errorf("path %q becomes %q, %v; want %q", path, config.Dataset.Path, err, want)
		}
	}
}
