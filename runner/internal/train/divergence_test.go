// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// divergingConfig has a rate that weights don't survive.
func divergingConfig(output string) contract.TrainConfig {
	cfg := smallConfig(output)
	cfg.Training.Optimizer, cfg.Training.LearningRate, cfg.Training.EMA.Decay = contract.OptimizerSGD, 10, 0.5
	return cfg
}

func TestDivergedTrainingGoesOnWithHalfTheRate(t *testing.T) {
	cfg := divergingConfig(t.TempDir())
	cfg.Training.DivergenceRetries = 10
	want := mustDo(t, newRun(cfg))
	history := historyOf(t, cfg)
	n := len(history.Divergences)
	if n == 0 || len(history.Epochs) != 3 {
		t.Fatalf("the history is %+v, want it to have gone back and to the end", history)
	}
	if got, want := history.Epochs[2].LearningRate, 10*math.Pow(0.5, float64(n)); got != want {
		t.Errorf("after %d times the rate is %v, want %v", n, got, want)
	}
	last := history.Divergences[n-1]
	says := fmt.Sprintf("training diverged, last in epoch %d after %d steps in all, went back %d times, and ended with 1/%d of the rate", last.Epoch, last.Step, n, 1<<n)
	if len(want.Warnings) == 0 || !strings.HasPrefix(want.Warnings[0], says) {
		t.Errorf("the result warns of %q, want %q", want.Warnings, says)
	}

	// Stopped in the midst of epochs, before it goes back and after.
	cfg.Output.Path = t.TempDir()
	stops := 0
	for _, steps := range []int{2, 2, 5, 3} {
		if _, err := doAndStop(t, newRun(cfg), steps); exitCode(err) == contract.ExitTerminated {
			stops++
		}
	}
	got := mustDo(t, newRun(cfg))
	if got.Model.SHA256 != want.Model.SHA256 || stops == 0 {
		t.Errorf("stopped %d times, the model is another than without interruptions", stops)
	}
	if diff := cmp.Diff(history, historyOf(t, cfg)); diff != "" {
		t.Errorf("history (-uninterrupted +resumed):\n%s", diff)
	}
}

func TestTrainingThatGoesOnDivergingFails(t *testing.T) {
	for retries, says := range map[int]string{0: "lower training.learningRate (10)", 1: "it did so at 1/2 of the rate too: lower training.learningRate (10)"} {
		cfg := divergingConfig(t.TempDir())
		cfg.Training.DivergenceRetries = retries
		_, err := newRun(cfg).Do(t.Context())
		if reason, _ := failure.Of(err); reason != contract.ReasonLossDiverged || !strings.Contains(err.Error(), says) {
			t.Errorf("with %d retries it ends with %s, %v; want LossDiverged and %q", retries, reason, err, says)
		}
	}
}

// Epochs that went well aren't repeated.
func TestGoodEpochsAreKept(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	cfg.Training.DivergenceRetries = 1
	plain := mustDo(t, newRun(smallConfig(t.TempDir())))
	if same := mustDo(t, newRun(cfg)); same.Model.SHA256 != plain.Model.SHA256 {
		t.Error("a training that doesn't diverge gives another model with retries")
	}
	cfg.Output.Path = t.TempDir()
	a := newRun(cfg).attempt()
	rate, wild := a.rate, true
	a.rate = func(m moment) float64 {
		if m.step == 4 && wild {
			wild = false
			return 1e38
		}
		return rate(m)
	}
	if _, err := a.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	history := historyOf(t, cfg)
	if diff := cmp.Diff([]report.Divergence{{Epoch: 2, Step: 5, To: 1}}, history.Divergences); diff != "" {
		t.Errorf("divergences (-want +got):\n%s", diff)
	}
	var rates []float64
	for _, epoch := range history.Epochs {
		rates = append(rates, epoch.LearningRate)
	}
	if diff := cmp.Diff([]float64{0.001, 0.0005, 0.0005}, rates); diff != "" {
		t.Errorf("rates (-want +got):\n%s", diff)
	}
}
