// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// lineInterval is how often the log says that training goes on.
const lineInterval = 30 * time.Second

// Log writes what happens in a run to the log.
type Log struct {
	log   *slog.Logger
	meter meter
	// repeat: say in between how far a stage has come, which a progress bar shows otherwise.
	repeat bool
	last   time.Time // of the last such line, or when the stage began
}

var _ train.Observer = (*Log)(nil)

// NewLog returns an observer that reads the time from now. With repeat it says now and then how far a stage has come.
func NewLog(log *slog.Logger, now func() time.Time, repeat bool) *Log {
	return &Log{log: log, meter: newMeter(now), repeat: repeat}
}

// Observe implements train.Observer.
func (l *Log) Observe(event train.Event) error {
	before, since := l.meter.progress, l.meter.startTime
	l.meter.apply(event)
	if l.meter.progress.Stage != before.Stage {
		l.last = l.meter.now()
	}
	switch e := event.(type) {
	case train.Fetching:
		l.loads("Fetching the dataset")
	case train.Scanning:
		if before.Stage == contract.StageFetching {
			l.fetched(before.Data, l.meter.now().Sub(since))
		}
		l.loads("Scanning the dataset")
	case train.Started:
		l.log.Info("Training", "architecture", e.Config.Model.Architecture, "parameters", e.Parameters,
			"epochs", e.Epochs, "stepsPerEpoch", e.StepsPerEpoch, "kernels", e.KernelSet, "threads", e.Threads)
	case train.Stepped:
		l.goesOn()
	case train.EpochEnded:
		l.epoch(e)
	case train.Evaluated:
		l.evaluated(e)
	case train.Published:
		l.published(e)
	}
	return nil
}

// due tells whether it is time to say how far a stage has come.
func (l *Log) due() bool {
	now := l.meter.now()
	if !l.repeat || now.Sub(l.last) < lineInterval {
		return false
	}
	l.last = now
	return true
}

func (l *Log) loads(message string) {
	if d := l.meter.progress.Data; d != nil && l.due() {
		l.log.Info(message, "files", d.Files, "totalFiles", d.TotalFiles, "bytes", d.Bytes, "totalBytes", d.TotalBytes,
			"bytesPerSecond", d.BytesPerSecond, "remainingSeconds", d.RemainingSecs)
	}
}

func (l *Log) fetched(d *contract.DataProgress, took time.Duration) {
	l.log.Info("Fetched the dataset", "files", d.Files, "keptFiles", d.KeptFiles, "bytes", d.Bytes, "seconds", rounded(took.Seconds()))
}

func (l *Log) goesOn() {
	if l.due() {
		p := l.meter.progress
		l.log.Info("Training goes on", "percent", p.Percent, "epoch", p.Epoch, "step", p.Step, "steps", p.Steps,
			"imagesPerSecond", int(p.ImagesPerSecond), "remainingSeconds", p.RemainingSecs)
	}
}

func (l *Log) epoch(e train.EpochEnded) {
	args := []any{
		"trainLoss", rounded(e.TrainLoss), "trainAccuracy", rounded(e.TrainAccuracy),
		"validationLoss", rounded(e.ValidationLoss), "validationAccuracy", rounded(e.ValidationAccuracy),
		"best", e.Best, "seconds", rounded(e.Took.Seconds()),
	}
	if e.LearningRate > 0 {
		args = append(args, "learningRate", e.LearningRate)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Metrics)) {
		args = append(args, name, rounded(e.Metrics[name]))
	}
	l.log.Info(fmt.Sprintf("Epoch %d of %d", e.Number, e.Epochs), args...)
	if e.Last && e.Number < e.Epochs {
		l.log.Info(fmt.Sprintf("Stopped early at epoch %d of %d", e.Number, e.Epochs))
	}
	if e.Warning != "" {
		l.log.Warn("Training: " + e.Warning)
	}
}

func (l *Log) evaluated(e train.Evaluated) {
	if before := e.Float32; before != nil {
		l.log.Info("Quantized to 8 bits", "accuracyFloat32", accuracy(before.Metrics), "accuracyInt8", accuracy(e.Metrics),
			"bytesFloat32", before.SizeBytes, "bytesInt8", e.SizeBytes)
	}
	var args []any
	for _, m := range e.Metrics {
		args = append(args, m.Name, rounded(m.Value))
	}
	l.log.Info("Evaluated on the test split", args...)
}

func (l *Log) published(e train.Published) {
	model := e.Result.Model
	if e.Before {
		l.log.Info("Already published; returning the recorded result", "model", model.URI)
		return
	}
	l.log.Info("Published", "model", model.URI, "sha256", model.SHA256, "samples", model.Samples.Count)
}

func accuracy(metrics []contract.Metric) float64 {
	for _, m := range metrics {
		if m.Name == contract.MetricAccuracy {
			return rounded(m.Value)
		}
	}
	return math.NaN()
}

// rounded keeps four decimals.
func rounded(v float64) float64 { return math.Round(v*1e4) / 1e4 }
