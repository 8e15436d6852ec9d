// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/mlflow"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// Names of the figures. Those of an epoch have its number, from 1, as step; those of a step the number of steps done.
const (
	keyTrainLoss          = "train_loss"
	keyTrainAccuracy      = "train_accuracy"
	keyValidationLoss     = "validation_loss"
	keyValidationAccuracy = "validation_accuracy"
	keyLearningRate       = "learning_rate"
	keyEpochSeconds       = "epoch_seconds"
	keyStepLoss           = "step_loss"
	keyImagesPerSecond    = "images_per_second"
	testPrefix            = "test_"
	float32Prefix         = "float32_"
)

// stepInterval is the least time between two steps that are recorded, and systemInterval that between two samples of what
// the process takes.
const (
	stepInterval   = time.Second
	systemInterval = 10 * time.Second
)

// thinned picks moments: the longer it goes on, the farther apart, so that a run of days has some thousand of them.
type thinned struct {
	least       time.Duration
	first, last time.Time
}

// thinning is the part of the time so far that passes between two moments.
const thinning = 1000

// take tells whether a moment is picked.
func (p *thinned) take(now time.Time) bool {
	if p.first.IsZero() {
		p.first = now
	} else if now.Sub(p.last) < max(p.least, now.Sub(p.first)/thinning) {
		return false
	}
	p.last = now
	return true
}

// record appends what an event says.
func (t *Tracker) record(event train.Event) error {
	switch e := event.(type) {
	case train.Started:
		return t.started(e)
	case train.Published:
		return t.published(e)
	case train.Ended:
		return t.ended(e)
	}
	if t.marks.start == nil {
		return nil
	}
	switch e := event.(type) {
	case train.Stepped:
		return t.stepped(e)
	case train.EpochEnded:
		if int64(e.Number) <= t.marks.epoch {
			return nil // an earlier attempt has told of it
		}
		seconds := mlflow.Metric{Key: keyEpochSeconds, Value: e.Took.Seconds(), Timestamp: t.millis(), Step: int64(e.Number)}
		return t.append(record{Metrics: finite(append(t.epochMetrics(e.Number, e.Epoch), seconds))}, true)
	case train.Evaluated:
		return t.evaluated(e)
	default:
		return nil
	}
}

func (t *Tracker) millis() int64 { return t.now().UnixMilli() }

func (t *Tracker) started(e train.Started) error {
	s := newStart(e.Config, t.millis())
	s.Tags = append(s.Tags, datasetTags(e.Dataset)...)
	s.Tags = append(s.Tags, mlflow.Tag{Key: tagPrefix + "kernelSet", Value: e.KernelSet})
	s.Params = append(params(e.Config), mlflow.Param{Key: "model.parameters", Value: strconv.Itoa(e.Parameters)})
	s.Dataset = describeDataset(e.Config, e.Dataset)
	if err := t.append(record{Start: s}, true); err != nil {
		return err
	}
	t.system.stop()
	t.system = sample(t.cfg.Output.Path, t.spool, t.now)
	return t.backfill(e.History)
}

// backfill records the epochs of earlier processes that the spool doesn't have.
func (t *Tracker) backfill(history []report.Epoch) error {
	var metrics []mlflow.Metric
	for i, epoch := range history {
		if int64(i+1) > t.marks.epoch {
			metrics = append(metrics, t.epochMetrics(i+1, epoch)...)
		}
	}
	if len(metrics) == 0 {
		return nil
	}
	return t.append(record{Backfill: &backfill{Metrics: finite(metrics)}}, true)
}

func (t *Tracker) epochMetrics(number int, epoch report.Epoch) []mlflow.Metric {
	rate := epoch.LearningRate
	if rate == 0 {
		rate = t.cfg.Training.LearningRate
	}
	var metrics []mlflow.Metric
	for _, m := range []struct {
		key   string
		value float64
	}{
		{keyTrainLoss, epoch.TrainLoss}, {keyTrainAccuracy, epoch.TrainAccuracy},
		{keyValidationLoss, epoch.ValidationLoss}, {keyValidationAccuracy, epoch.ValidationAccuracy}, {keyLearningRate, rate},
	} {
		metrics = append(metrics, mlflow.Metric{Key: m.key, Value: m.value, Timestamp: t.millis(), Step: int64(number)})
	}
	return metrics
}

// stepped records some of the steps, and how many images were trained on between them.
func (t *Tracker) stepped(e train.Stepped) error {
	since := t.steps.last
	t.images += e.Images
	if e.Done <= t.marks.step || !t.steps.take(t.now()) {
		return nil
	}
	metrics := []mlflow.Metric{{Key: keyStepLoss, Value: e.Loss, Timestamp: t.millis(), Step: e.Done}}
	if !since.IsZero() {
		speed := float64(t.images) / t.steps.last.Sub(since).Seconds()
		metrics = append(metrics, mlflow.Metric{Key: keyImagesPerSecond, Value: speed, Timestamp: t.millis(), Step: e.Done})
	}
	t.images = 0
	return t.append(record{Metrics: finite(metrics)}, false)
}

func (t *Tracker) evaluated(e train.Evaluated) error {
	metrics := t.testMetrics(testPrefix, e.Metrics)
	if e.Float32 != nil {
		metrics = append(metrics, t.testMetrics(testPrefix+float32Prefix, e.Float32.Metrics)...)
	}
	return t.append(record{Metrics: finite(metrics)}, true)
}

func (t *Tracker) testMetrics(prefix string, measured []contract.Metric) []mlflow.Metric {
	var metrics []mlflow.Metric
	for _, m := range measured {
		metrics = append(metrics, mlflow.Metric{Key: prefix + m.Name, Value: m.Value, Timestamp: t.millis(), Step: t.marks.epoch})
	}
	return metrics
}

// finite leaves out what JSON can't hold.
func finite(metrics []mlflow.Metric) []mlflow.Metric {
	var kept []mlflow.Metric
	for _, m := range metrics {
		if !math.IsNaN(m.Value) && !math.IsInf(m.Value, 0) {
			kept = append(kept, m)
		}
	}
	return kept
}

// published records the artifact. An earlier attempt may have done so.
func (t *Tracker) published(e train.Published) error {
	if t.marks.published || e.Result.Model == nil {
		return nil
	}
	if t.marks.start == nil {
		s := newStart(e.Config, t.millis())
		s.Again = true
		if e.Result.Dataset != nil {
			s.Tags = append(s.Tags, datasetTags(*e.Result.Dataset)...)
		}
		s.Params = params(e.Config)
		if err := t.append(record{Start: s}, true); err != nil {
			return err
		}
	}
	name := contract.ArtifactName(e.Config.Run)
	folder, err := filepath.Abs(filepath.Join(e.Config.Output.Path, name))
	if err != nil {
		return err
	}
	if _, err := os.Stat(folder); err != nil {
		return nil //nolint:nilerr // of a bucket, from which an earlier attempt has published: it is not fetched for this
	}
	return t.append(record{Published: &publication{
		Folder: folder, Name: name, ImageSize: e.Config.Model.ImageSize, Model: *e.Result.Model,
		Register: e.Result.Outcome == contract.OutcomeSucceeded, Time: t.millis(), Tags: modelTags(e.Result),
	}}, true)
}

// ended records how the attempt ended, if it or an earlier one has begun.
func (t *Tracker) ended(e train.Ended) error {
	t.system.stop()
	if t.marks.start == nil {
		return nil
	}
	if err := t.backfill(e.History); err != nil {
		return err
	}
	status := statusOf(e.Result)
	if t.marks.ended == status {
		return nil
	}
	return t.append(record{End: &end{Status: status, Time: t.millis(), Tags: endTags(e.Result)}}, true)
}

// statusOf is the status of a run with a result.
func statusOf(result contract.TrainResult) string {
	switch result.Outcome {
	case contract.OutcomeSucceeded:
		return mlflow.StatusFinished
	case contract.OutcomeInterrupted:
		return mlflow.StatusKilled
	default:
		return mlflow.StatusFailed
	}
}

// params are the settings of a run that determine its model, by the names that they have in its configuration.
func params(cfg contract.TrainConfig) []mlflow.Param {
	document, err := json.Marshal(map[string]any{
		"model": cfg.Model, "training": cfg.Training,
		"dataset": map[string]any{"split": cfg.Dataset.Split, "augmentation": cfg.Dataset.Augmentation, "generated": cfg.Dataset.Generated},
		"output":  map[string]any{"quantization": cfg.Output.Quantization},
	})
	var settings map[string]any
	if err != nil || json.Unmarshal(document, &settings) != nil {
		return nil // the configuration was valid: there is no number that JSON can't hold
	}
	return flatten("", settings, nil)
}
