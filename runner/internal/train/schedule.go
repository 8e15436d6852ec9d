// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// What a training does next follows from its settings, the epochs behind it and the number of steps done, and from nothing
// else: a run that goes on from a checkpoint, which holds these, does what it would have done without the interruption.

// schedule gives the learning rate of the next step, after the epochs of history and the number of steps done over all epochs.
type schedule func(history []report.Epoch, step int64) float64

// stop reports whether training ends after the epochs of history.
type stop func(history []report.Epoch) bool

// scheduleOf returns the configured schedule: a constant rate.
func scheduleOf(cfg contract.Training) schedule {
	return func([]report.Epoch, int64) float64 { return cfg.LearningRate }
}

// stopOf returns when the configured training ends: after all of its epochs.
func stopOf(cfg contract.Training) stop {
	return func(history []report.Epoch) bool { return len(history) >= cfg.Epochs }
}
