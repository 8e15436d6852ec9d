// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

func TestConfiguredScheduleAndStop(t *testing.T) {
	cfg := contract.Training{LearningRate: 0.25, Epochs: 3}
	history := make([]report.Epoch, 4)
	for n := range history {
		if got := scheduleOf(cfg)(history[:n], int64(10*n)); got != 0.25 {
			t.Errorf("after %d epochs the rate is %v", n, got)
		}
		if got := stopOf(cfg)(history[:n]); got != (n >= 3) {
			t.Errorf("after %d of 3 epochs it stops: %v", n, got)
		}
	}
}

// decaying depends on both of what a schedule may depend on.
func decaying(history []report.Epoch, step int64) float64 {
	rate := 0.01 / float64(step+1)
	for _, epoch := range history {
		rate *= epoch.ValidationLoss
	}
	return rate
}

// A schedule is asked the same after an interruption as without, and what it says is what is trained with.
func TestScheduleGoesOnFromACheckpoint(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	train := func(stopAt int64) (result contract.TrainResult, rates []float64) {
		t.Helper()
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		a := newRun(cfg).attempt()
		a.rate = func(history []report.Epoch, step int64) float64 {
			if step == stopAt {
				cancel(failure.ErrInterrupted)
			}
			rate := decaying(history, step)
			rates = append(rates, rate)
			return rate
		}
		result, err := a.run(ctx)
		if (err != nil) != (stopAt >= 0) {
			t.Fatal(err)
		}
		return result, rates
	}
	want, rates := train(-1)
	constant := cfg
	constant.Output.Path = t.TempDir()
	if other := mustDo(t, newRun(constant)); other.Model.SHA256 == want.Model.SHA256 {
		t.Error("the model is that of a constant rate")
	}
	cfg.Output.Path = t.TempDir()
	_, first := train(4)
	got, rest := train(-1)
	if got.Model.SHA256 != want.Model.SHA256 {
		t.Error("the model differs from that of an uninterrupted run")
	}
	if diff := cmp.Diff(rates, slices.Concat(first, rest)); diff != "" || len(first) != 5 {
		t.Errorf("rates (-uninterrupted +resumed after %d steps):\n%s", len(first), diff)
	}
}

// A run may end before its last epoch, and a later attempt sees that nothing is left to train.
func TestStopEndsTraining(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	seen := &recorder{}
	a := newRun(cfg, seen).attempt()
	a.ends = func(history []report.Epoch) bool { return len(history) == 2 }
	result, err := a.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if *result.Trained != (contract.Checkpoint{Epoch: 2, Step: 6}) {
		t.Errorf("trained %+v, want two epochs", result.Trained)
	}
	var last []bool
	for _, event := range seen.events {
		if e, ok := event.(EpochEnded); ok {
			last = append(last, e.Last)
		}
	}
	if diff := cmp.Diff([]bool{false, true}, last); diff != "" {
		t.Errorf("epochs that are said to be the last (-want +got):\n%s", diff)
	}
}
