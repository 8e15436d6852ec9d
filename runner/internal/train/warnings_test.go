// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"bytes"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// epochs are epochs with the given losses on training and validation images, by turns.
func epochs(losses ...float64) []report.Epoch {
	var history []report.Epoch
	for i := 0; i < len(losses); i += 2 {
		history = append(history, report.Epoch{TrainLoss: losses[i], ValidationLoss: losses[i+1]})
	}
	return history
}

func TestExploded(t *testing.T) {
	cases := map[string]struct {
		history []report.Epoch
		classes int
		want    string // part of the warning, "" for none
	}{
		"as usual":                   {epochs(0.9, 0.7, 0.4, 0.5), 2, ""},
		"overfitting":                {epochs(0.7, 0.7, 0.01, 3), 2, ""},
		"a bad first epoch":          {epochs(5, 2, 0.5, 0.5), 2, ""},
		"guessing among many":        {epochs(7.2, 6.9), 1000, ""},
		"huge from the start":        {epochs(234.6, 7.1e6), 2, "7.1e+06 on validation images in epoch 1"},
		"huge in training only":      {epochs(0.5, 0.5, 1e9, 0.7), 2, "1e+09 on training images in epoch 2"},
		"just too much":              {epochs(0.7, 6.94), 2, "6.94 on validation"},
		"many classes":               {epochs(20, 70), 1000, "70 on validation"},
		"back where it was":          {epochs(0.7, 0.7, 0.03, 0.1, 0.9, 0.9), 2, "0.9 in epoch 3, after 0.03 in epoch 2"},
		"worse, but not by guessing": {epochs(0.03, 0.1, 0.5, 0.6), 2, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := exploded(tc.history, tc.classes, 0.25)
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) || got != "" && !strings.Contains(got, "lower training.learningRate (0.25)") {
				t.Errorf("exploded() = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestEntropy(t *testing.T) {
	for name, tc := range map[string]struct {
		counts []int
		want   float64
	}{
		"even":      {[]int{5, 5}, math.Log(2)},
		"uneven":    {[]int{1, 3}, -0.25*math.Log(0.25) - 0.75*math.Log(0.75)},
		"one class": {[]int{7, 0}, 0},
	} {
		if got := entropy(tc.counts); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("%s: entropy = %v, want %v", name, got, tc.want)
		}
	}
}

func TestOutcomeWarnings(t *testing.T) {
	tally := func(confusion ...[]int) *metrics.Tally { return &metrics.Tally{Confusion: confusion} }
	good := tally([]int{8, 2}, []int{1, 9})
	cases := map[string]struct {
		outcome outcome
		want    []string // a part of each warning
	}{
		"good":            {outcome{history: epochs(0.6, 0.5), trained: []int{50, 50}, tally: good}, nil},
		"exploded once":   {outcome{history: epochs(1e4, 1e5, 1e6, 1e7, 0.5, 0.5), trained: []int{50, 50}, tally: good}, []string{"in epoch 1"}},
		"learned nothing": {outcome{history: epochs(0.8, 0.6932, 0.75, 0.71), trained: []int{50, 50}, tally: good}, []string{"never fell below 0.6932"}},
		// With one in twenty images of the other class, guessing has little loss.
		"learned the shares":   {outcome{history: epochs(0.21, 0.2), trained: []int{95, 5}, tally: good}, []string{"answers that ignore the image give 0.1985"}},
		"learned some":         {outcome{history: epochs(0.6, 0.5), trained: []int{50, 50}, tally: good}, nil},
		"one answer":           {outcome{history: epochs(0.6, 0.5), trained: []int{50, 50}, tally: tally([]int{0, 10}, []int{0, 10})}, []string{`every test image for "dog"`, "NoBetterThanChance: the accuracy, 0.5 on 20 images"}},
		"one class to answer":  {outcome{history: epochs(0.6, 0.5), trained: []int{50, 50}, tally: tally([]int{0, 0}, []int{0, 10})}, nil},
		"everything at a time": {outcome{history: epochs(1e4, 1e5), trained: []int{50, 50}, tally: tally([]int{5, 0}, []int{5, 0})}, []string{"explodes", "learned nothing", `"cat"`, "NoBetterThanChance"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.outcome.classes = []string{"cat", "dog"}
			got := tc.outcome.warnings()
			if len(got) != len(tc.want) {
				t.Fatalf("warnings = %q, want %d", got, len(tc.want))
			}
			for i, part := range tc.want {
				if !strings.Contains(got[i], part) {
					t.Errorf("warning %d = %q, want it to contain %q", i, got[i], part)
				}
			}
		})
	}
}

func TestLossThatIsNotFiniteEndsTheRun(t *testing.T) {
	run := newRun(smallConfig(t.TempDir())).attempt()
	defer run.events.close()
	data, err := run.load(t.Context(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := run.newTrainer(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, loss := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for at, err := range map[string]error{"training": trainer.checkFinite(loss), "test": trainer.checkMeasured(loss)} {
			if exitCode(err) != contract.ExitConfig || !strings.Contains(err.Error(), "lower training.learningRate") ||
				!strings.Contains(err.Error(), "training.gradientClipping") {
				t.Errorf("%s loss %v: exits %d: %v", at, loss, exitCode(err), err)
			}
		}
	}
	err = trainer.checkFinite(math.NaN())
	if reason, _ := failure.Of(err); reason != contract.ReasonLossDiverged || !strings.Contains(err.Error(), "in epoch 1 after 0 steps, 0 in all") {
		t.Errorf("%s: %v", reason, err)
	}
	if err := trainer.checkMeasured(1e30); err != nil {
		t.Errorf("a finite loss: %v", err)
	}
}

// A loss that explodes and stays finite is said in the log, in the report and in the result.
func TestExplodingLossWarns(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	cfg.Training.LearningRate, cfg.Training.Optimizer = 10, "Adam"
	var log bytes.Buffer
	seen := &recorder{}
	run := newRun(cfg, seen)
	run.Log = slog.New(slog.NewTextHandler(&log, nil))
	result := mustDo(t, run)
	if len(result.Warnings) == 0 || !strings.Contains(result.Warnings[0], "the loss explodes") {
		t.Errorf("the result warns of %q", result.Warnings)
	}
	warned := slices.ContainsFunc(seen.events, func(event Event) bool {
		epoch, ok := event.(EpochEnded)
		return ok && strings.HasPrefix(epoch.Warning, "the loss explodes")
	})
	if !warned {
		t.Errorf("no epoch ended with a warning: %+v", seen.events)
	}
	if !strings.Contains(log.String(), `level=WARN msg="Model: the loss explodes`) {
		t.Errorf("the log is\n%s", &log)
	}
	var rep report.Report
	readJSON(t, filepath.Join(cfg.Output.Path, "small-01234567", "report", "report.json"), &rep)
	if diff := cmp.Diff(result.Warnings, rep.Warnings); diff != "" {
		t.Errorf("warnings of the report (-result +report):\n%s", diff)
	}
	again := mustDo(t, newRun(cfg))
	if diff := cmp.Diff(result.Warnings, again.Warnings); diff != "" {
		t.Errorf("warnings of a result given again (-first +again):\n%s", diff)
	}
}
