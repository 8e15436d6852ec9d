// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package classifier_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// What the contract lists is what networks can be told to yield.
func TestOutputsOfTheContract(t *testing.T) {
	for _, output := range contract.Outputs() {
		told, err := classifier.ReadTold(contract.ServedModel{Output: output})
		if err != nil || string(told.Output) != output {
			t.Errorf("output %s: read %q, %v", output, told.Output, err)
		}
	}
}

func TestReadTold(t *testing.T) {
	labels := filepath.Join(t.TempDir(), "labels.txt")
	if err := os.WriteFile(labels, []byte("cat\ndog\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, model := range map[string]contract.ServedModel{
		"classes":    {Classes: []string{"cat", "dog"}},
		"labels":     {Labels: "cat\ndog\n"},
		"labelsPath": {LabelsPath: labels},
	} {
		told, err := classifier.ReadTold(model)
		if diff := cmp.Diff([]string{"cat", "dog"}, told.Classes); diff != "" || err != nil {
			t.Errorf("%s: error %v (-want +got):\n%s", name, err, diff)
		}
	}
	told, err := classifier.ReadTold(contract.ServedModel{Input: &contract.ServedInput{
		Size: 299, Resize: "Crop", ShorterSide: 342, Interpolation: "Bicubic", Layout: "NHWC", ChannelOrder: "BGR", Scale: "1/127.5", Mean: []float64{1}, Std: []float64{1, 2, 3},
	}})
	want := classifier.Input{
		Size: 299, Resize: "bilinear-antialias-crop", ShorterSide: 342, Filter: "bicubic", Layout: "NHWC", ChannelOrder: "BGR", Scale: 1 / 127.5,
		Mean: &[3]float32{1, 1, 1}, Std: &[3]float32{1, 2, 3},
	}
	if diff := cmp.Diff(want, told.Input); diff != "" || err != nil {
		t.Errorf("input: error %v (-want +got):\n%s", err, diff)
	}
}

func TestReadToldRefuses(t *testing.T) {
	input := func(i contract.ServedInput) contract.ServedModel { return contract.ServedModel{Input: &i} }
	cases := map[string]struct {
		model contract.ServedModel
		says  string
	}{
		"two lists":      {model: contract.ServedModel{Classes: []string{"a", "b"}, Labels: "a\nb"}, says: "model.classes: classes, labels and labelsPath"},
		"output":         {model: contract.ServedModel{Output: "softmax"}, says: `model.output: "softmax" is not known`},
		"calibration":    {model: contract.ServedModel{Calibration: "Platt"}, says: `model.calibration: "Platt" is not known: use Temperature`},
		"layout":         {model: input(contract.ServedInput{Layout: "CHWN"}), says: `layout: "CHWN" is not known`},
		"interpolation":  {model: input(contract.ServedInput{Interpolation: "Lanczos"}), says: `interpolation: "Lanczos" is not known; it must be Bilinear or Bicubic`},
		"resize":         {model: input(contract.ServedInput{Resize: "Pad"}), says: `resize: "Pad" is not known; it must be Stretch or Crop`},
		"scale of words": {model: input(contract.ServedInput{Scale: "1/x"}), says: `scale: "1/x" is no number above 0`},
		"scale of 1/0":   {model: input(contract.ServedInput{Scale: "1/0"}), says: `scale: "1/0" is no number above 0`},
		"two means":      {model: input(contract.ServedInput{Mean: []float64{1, 2}}), says: "mean: has 2 numbers"},
		"file missing":   {model: contract.ServedModel{LabelsPath: "/none/labels.txt"}, says: "no such file"},
	}
	for name, tc := range cases {
		if _, err := classifier.ReadTold(tc.model); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: error = %v, want one that says %q", name, err, tc.says)
		}
	}
}
