// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/metrics"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

func TestConfiguredScheduleAndStop(t *testing.T) {
	cfg := contract.Training{LearningRate: 0.25, Epochs: 3}
	history := make([]report.Epoch, 4)
	for n := range history {
		if got := scheduleOf(cfg)(moment{history[:n], int64(10 * n), 10}); got != 0.25 {
			t.Errorf("after %d epochs the rate is %v", n, got)
		}
		if got := stopOf(cfg)(history[:n]); got != (n >= 3) {
			t.Errorf("after %d of 3 epochs it stops: %v", n, got)
		}
	}
}

// decaying depends on both of what a schedule may depend on.
func decaying(m moment) float64 {
	rate := 0.01 / float64(m.step+1)
	for _, epoch := range m.history {
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
		a.rate = func(m moment) float64 {
			if m.step == stopAt {
				cancel(failure.ErrInterrupted)
			}
			rate := decaying(m)
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

// testdata/pytorch-schedules.json is what test/peers/training/record.py wrote.
func TestRatesArePyTorchs(t *testing.T) {
	data, err := os.ReadFile("testdata/pytorch-schedules.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Scheduler     contract.Scheduler
		LearningRate  float64
		Epochs, Steps int
		Losses, Rates []float64
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	compared, kinds := 0, map[string]bool{}
	for n, tc := range cases {
		rate := scheduleOf(contract.Training{LearningRate: tc.LearningRate, Epochs: tc.Epochs, Scheduler: tc.Scheduler})
		history := make([]report.Epoch, len(tc.Losses))
		for i, loss := range tc.Losses {
			history[i].ValidationLoss = loss
		}
		for step, want := range tc.Rates {
			got := rate(moment{history[:step/tc.Steps], int64(step), tc.Steps})
			if compared++; !(math.Abs(got-want) <= 1e-9) {
				t.Errorf("case %d, %+v: the rate of step %d is %v, want %v", n, tc.Scheduler, step, got, want)
			}
		}
		kinds[tc.Scheduler.Type] = true
	}
	t.Logf("%d rates compared", compared)
	if len(kinds) != len(contract.Schedulers()) {
		t.Errorf("compared %v, want all of %v", kinds, contract.Schedulers())
	}
}

func TestStopsEarly(t *testing.T) {
	losses := []float64{0.9, 0.5, 0.6, 0.495, 0.7, 0.7}
	cases := map[string]struct {
		stopping contract.EarlyStopping
		want     int // epochs, 0: all
	}{
		"off":             {contract.EarlyStopping{}, 0},
		"at once":         {contract.EarlyStopping{Metric: "loss", Patience: 1}, 3},
		"later":           {contract.EarlyStopping{Metric: "loss", Patience: 2}, 6},
		"never":           {contract.EarlyStopping{Metric: "loss", Patience: 3}, 0},
		"too little":      {contract.EarlyStopping{Metric: "loss", Patience: 2, MinDelta: 0.01}, 4},
		"accuracy":        {contract.EarlyStopping{Metric: "accuracy", Patience: 2}, 3},
		"patient, though": {contract.EarlyStopping{Metric: "accuracy", Patience: 5}, 6},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var history []report.Epoch
			stopped := 0
			for i, loss := range losses {
				history = append(history, report.Epoch{ValidationLoss: loss, ValidationAccuracy: 0.5})
				if stopped == 0 && stopsEarly(tc.stopping, history) {
					stopped = i + 1
				}
			}
			if stopped != tc.want {
				t.Errorf("stopped after %d epochs, want %d", stopped, tc.want)
			}
		})
	}
}

// All of what changes a training is in its checkpoints, or follows from them.
func TestScheduledTrainingResumesExactly(t *testing.T) {
	half := 0.5
	for name, change := range map[string]func(*contract.Training){
		"OneCycle, clipped": func(c *contract.Training) {
			c.Scheduler.Type, c.GradientClipping, c.LabelSmoothing = contract.SchedulerOneCycle, 0.1, 0.1
		},
		"averaged": func(c *contract.Training) { c.EMA.Decay = 0.7 },
		"Nesterov after a warm-up, on plateaus": func(c *contract.Training) {
			c.Optimizer, c.Momentum, c.Nesterov, c.LearningRate = contract.OptimizerSGD, &half, true, 0.01
			c.Scheduler = contract.Scheduler{Type: contract.SchedulerReduceOnPlateau, WarmupEpochs: 1, Patience: 1}
		},
		"stopped early": func(c *contract.Training) {
			c.EarlyStopping = contract.EarlyStopping{Metric: contract.MetricLoss, Patience: 2, MinDelta: 1}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := smallConfig(t.TempDir())
			plain := mustDo(t, newRun(cfg))
			cfg.Output.Path, cfg.Training.Epochs = t.TempDir(), 5
			change(&cfg.Training)
			want := mustDo(t, newRun(cfg))
			cfg.Output.Path = t.TempDir()
			for _, steps := range []int{2, 1, 4} {
				if _, err := doAndStop(t, newRun(cfg), steps); exitCode(err) != contract.ExitTerminated {
					t.Fatal(err)
				}
			}
			got := mustDo(t, newRun(cfg))
			if got.Model.SHA256 != want.Model.SHA256 || *got.Trained != *want.Trained {
				t.Errorf("resumed: %+v, want the model and the end of the uninterrupted run, %+v", got.Trained, want.Trained)
			}
			early := cfg.Training.EarlyStopping.Patience > 0
			if (want.Trained.Epoch == 3) != early {
				t.Errorf("trained %+v, want the first three of five epochs: %v", want.Trained, early)
			}
			if (want.Model.SHA256 == plain.Model.SHA256) != early {
				t.Errorf("the model is that of three epochs without these settings: %v", !early)
			}
		})
	}
}

// testedElsewhere are settings that change a model only where something else is so, or never.
var testedElsewhere = map[string]string{
	"epochs":            "the best one is published, which may be the first",
	"workers":           "how many there are never changes a model",
	"classWeights":      "the classes here are equally large",
	"scheduler":         "TestScheduledTrainingResumesExactly",
	"earlyStopping":     "TestScheduledTrainingResumesExactly",
	"bestMetric":        "there is one epoch to choose from",
	"divergenceRetries": "this training doesn't diverge",
}

// Each setting reaches the training by itself: a field that is added to the configuration and used nowhere is found here.
func TestEachSettingChangesTheModel(t *testing.T) {
	none := 0.0
	train := func(change func(*contract.Training, *contract.Augmentation)) string {
		cfg := smallConfig(t.TempDir())
		cfg.Training.Optimizer, cfg.Training.Epochs = contract.OptimizerSGD, 1
		change(&cfg.Training, &cfg.Dataset.Augmentation)
		return mustDo(t, newRun(cfg)).Model.SHA256
	}
	plain := train(func(*contract.Training, *contract.Augmentation) {})
	changes := map[string]func(*contract.Training, *contract.Augmentation){
		"batchSize":         func(c *contract.Training, _ *contract.Augmentation) { c.BatchSize = 4 },
		"learningRate":      func(c *contract.Training, _ *contract.Augmentation) { c.LearningRate = 0.01 },
		"optimizer":         func(c *contract.Training, _ *contract.Augmentation) { c.Optimizer = contract.OptimizerAdam },
		"weightDecay":       func(c *contract.Training, _ *contract.Augmentation) { c.WeightDecay = 0.1 },
		"seed":              func(c *contract.Training, _ *contract.Augmentation) { c.Seed++ },
		"momentum":          func(c *contract.Training, _ *contract.Augmentation) { c.Momentum = &none },
		"nesterov":          func(c *contract.Training, _ *contract.Augmentation) { c.Nesterov = true },
		"gradientClipping":  func(c *contract.Training, _ *contract.Augmentation) { c.GradientClipping = 0.01 },
		"labelSmoothing":    func(c *contract.Training, _ *contract.Augmentation) { c.LabelSmoothing = 0.2 },
		"ema":               func(c *contract.Training, _ *contract.Augmentation) { c.EMA.Decay = 0.5 },
		"rotationDegrees":   func(_ *contract.Training, a *contract.Augmentation) { a.RotationDegrees = 0 },
		"horizontalFlip":    func(_ *contract.Training, a *contract.Augmentation) { a.HorizontalFlip = false },
		"brightness":        func(_ *contract.Training, a *contract.Augmentation) { a.Brightness = 0 },
		"contrast":          func(_ *contract.Training, a *contract.Augmentation) { a.Contrast = 0 },
		"saturation":        func(_ *contract.Training, a *contract.Augmentation) { a.Saturation = 0 },
		"randomResizedCrop": func(_ *contract.Training, a *contract.Augmentation) { a.RandomResizedCrop.MinScale = 0.3 },
		"mixUp":             func(_ *contract.Training, a *contract.Augmentation) { a.MixUp.Alpha = 1 },
		"randomErasing":     func(_ *contract.Training, a *contract.Augmentation) { a.RandomErasing.Probability = 1 },
	}
	for _, settings := range []reflect.Type{reflect.TypeFor[contract.Training](), reflect.TypeFor[contract.Augmentation]()} {
		for field := range settings.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			change, ok := changes[name]
			switch {
			case testedElsewhere[name] != "":
			case !ok:
				t.Errorf("%s has no case here: add one, or say in testedElsewhere why not", name)
			case train(change) == plain:
				t.Errorf("%s changes nothing", name)
			}
		}
	}
}

// An average that hardly moves is that of the first step, in what each epoch is measured by and in the model.
func TestAverageIsMeasuredAndPublished(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	cfg.Training.LearningRate, cfg.Training.EMA.Decay = 0.01, 0.999999
	var log bytes.Buffer
	run := newRun(cfg)
	run.Log = slog.New(slog.NewTextHandler(&log, nil))
	averaged := mustDo(t, run)
	history := historyOf(t, cfg)
	first, last := history.Epochs[0], history.Epochs[2]
	if math.Abs(first.ValidationLoss-last.ValidationLoss) > 1e-4 || math.Abs(first.TrainLoss-last.TrainLoss) < 1e-2 {
		t.Errorf("epochs %+v and %+v: want training to go on, and the average to stay", first, last)
	}
	cfg.Output.Path, cfg.Training.Epochs = t.TempDir(), 1
	short := mustDo(t, newRun(cfg))
	if got, want := averaged.Metrics[4], short.Metrics[4]; got.Name != contract.MetricLoss || math.Abs(got.Value-want.Value) > 1e-4 {
		t.Errorf("the published model has the %s %v, that of the first epoch %v", got.Name, got.Value, want.Value)
	}
	if !strings.Contains(log.String(), "lower training.ema.decay") {
		t.Errorf("nothing warns of an average of more steps than there are:\n%s", log.String())
	}
}

// A metric other than the accuracy decides when training ends and what is published, as it is in the report.
func TestOtherMetricsDecide(t *testing.T) {
	train := func(metric string) *report.History {
		cfg := smallConfig(t.TempDir())
		cfg.Training.Epochs, cfg.Training.LearningRate = 6, 0.01
		cfg.Training.BestMetric, cfg.Training.EarlyStopping = metric, contract.EarlyStopping{Metric: metric, Patience: 2}
		mustDo(t, newRun(cfg))
		return historyOf(t, cfg)
	}
	for _, metric := range contract.ValidationMetrics() {
		history := train(metric)
		best := 0
		for n, epoch := range history.Epochs {
			_, recorded := epoch.Metrics[metric]
			if want := metric != contract.MetricLoss && metric != contract.MetricAccuracy; recorded != want || len(epoch.Metrics) > 1 {
				t.Errorf("%s: epoch %d has the metrics %v", metric, n+1, epoch.Metrics)
			}
			gain := epoch.Gain(metric, history.Epochs[best])
			if gain > 0 || gain == 0 && epoch.ValidationLoss < history.Epochs[best].ValidationLoss {
				best = n
			}
		}
		if history.BestEpoch != best+1 {
			t.Errorf("%s: epoch %d of %+v was kept, want %d", metric, history.BestEpoch, history.Epochs, best+1)
		}
	}
	calibrated, accurate := train(contract.MetricCalibrationError), train(contract.MetricAccuracy)
	if calibrated.BestEpoch == accurate.BestEpoch && len(calibrated.Epochs) == len(accurate.Epochs) {
		t.Error("another metric chooses and ends nothing otherwise: the test needs other settings")
	}
}

// Less is better of some metrics.
func TestGain(t *testing.T) {
	was := report.Epoch{ValidationLoss: 1, ValidationAccuracy: 0.5, Metrics: map[string]float64{"f1": 0.5, "calibrationError": 0.25}}
	is := report.Epoch{ValidationLoss: 2, ValidationAccuracy: 0.75, Metrics: map[string]float64{"f1": 0.25, "calibrationError": 0.5}}
	for metric, want := range map[string]float64{"loss": -1, "accuracy": 0.25, "f1": -0.25, "calibrationError": -0.25} {
		if got := is.Gain(metric, was); got != want {
			t.Errorf("the gain of %s is %v, want %v", metric, got, want)
		}
	}
}

// A metric that isn't measured can't decide anything.
func TestUnmeasuredMetricEndsTheRun(t *testing.T) {
	trainer := &trainer{cfg: contract.Training{BestMetric: contract.MetricROCAUC}}
	_, err := trainer.measured(metrics.NewTally(2))
	if reason, _ := failure.Of(err); reason != contract.ReasonConfigInvalid || !strings.Contains(err.Error(), "training.bestMetric: rocAUC can't be measured") {
		t.Errorf("got %s, %v", reason, err)
	}
}
