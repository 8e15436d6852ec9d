// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// unequal is smallConfig for a folder with a class of few images and one of many.
func unequal(t *testing.T, few, many int) contract.TrainConfig {
	t.Helper()
	cfg := smallConfig(t.TempDir())
	cfg.Dataset.Generated, cfg.Dataset.Path = nil, t.TempDir()
	for _, class := range []string{"few", "many"} {
		if err := os.Mkdir(filepath.Join(cfg.Dataset.Path, class), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i := range few + many {
		class := "many"
		if i < few {
			class = "few"
		}
		writeFile(t, filepath.Join(cfg.Dataset.Path, class, fmt.Sprint(i, ".png")), picture(t, i))
	}
	return cfg
}

func TestClassSizesAreReported(t *testing.T) {
	cfg := unequal(t, 5, 60)
	cfg.Training.ClassWeights = contract.ClassWeightsBalanced
	result := mustDo(t, newRun(cfg))
	var rep report.Report
	readJSON(t, filepath.Join(cfg.Output.Path, "small-01234567", "report", report.ReportFile), &rep)
	// 39 training images: 39 / (2 × 3) and 39 / (2 × 36).
	want := []contract.ClassSize{{Class: "few", Train: 3, Validation: 1, Test: 1, Weight: 6.5}, {Class: "many", Train: 36, Validation: 12, Test: 12, Weight: 0.5416666865348816}}
	for of, got := range map[string][]contract.ClassSize{"report": rep.Dataset.ClassSizes, "result": result.Dataset.ClassSizes} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sizes in the %s (-want +got):\n%s", of, diff)
		}
	}
	if warnings := strings.Join(result.Warnings, "\n"); strings.Contains(warnings, "classWeights") || !strings.Contains(warnings, `the first being "few", have one image in the test part`) {
		t.Errorf("warnings:\n%s", warnings)
	}
}

func TestUnequalClassesWithoutWeights(t *testing.T) {
	result := mustDo(t, newRun(unequal(t, 10, 100)))
	want := `there are 6 training images of class "few" and 60 of "many": set training.classWeights to Balanced, or add images`
	if warnings := strings.Join(result.Warnings, "\n"); !strings.Contains(warnings, want) || strings.Contains(warnings, "one image") {
		t.Errorf("warnings are %q, want %q", warnings, want)
	}
	for _, size := range result.Dataset.ClassSizes {
		if size.Weight != 0 {
			t.Errorf("%+v has a weight", size)
		}
	}
}

// Weights are part of what a model follows from: they change it, and its checkpoints are no others'.
func TestClassWeightsChangeTheModel(t *testing.T) {
	cfg := unequal(t, 10, 40)
	plain := mustDo(t, newRun(cfg))
	weighted := cfg
	weighted.Output.Path, weighted.Training.ClassWeights = t.TempDir(), contract.ClassWeightsBalanced
	if got := mustDo(t, newRun(weighted)); got.Model.SHA256 == plain.Model.SHA256 {
		t.Error("the model is the same")
	}
	if fingerprint(cfg, "") == fingerprint(weighted, "") {
		t.Error("the fingerprint is the same")
	}
}

// Classes that are alike weigh alike: nothing changes.
func TestBalancedWeightsOfEqualClasses(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	plain := mustDo(t, newRun(cfg))
	cfg.Output.Path, cfg.Training.ClassWeights = t.TempDir(), contract.ClassWeightsBalanced
	result := mustDo(t, newRun(cfg))
	if diff := cmp.Diff(plain.Metrics, result.Metrics); diff != "" || result.Dataset.ClassSizes != nil {
		t.Errorf("sizes %v, metrics (-without +with weights):\n%s", result.Dataset.ClassSizes, diff)
	}
}

func TestShortSizes(t *testing.T) {
	var sizes []contract.ClassSize
	for i := range 25 {
		sizes = append(sizes, contract.ClassSize{Class: fmt.Sprint("c", i), Train: i + 1})
	}
	short := shortSizes(sizes)
	if len(short) != contract.MaxClassSizes || short[0].Train != 1 || short[9].Train != 25 {
		t.Errorf("got %v", short)
	}
	if got, want := listSizes(sizes), "c0 1, c1 2, c2 3, c3 4, c4 5, c5 6, c6 7, c7 8, c8 9, (15 more), c24 25"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
