// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package progress tells how far a run has come: over HTTP, to Prometheus and on a terminal.
package progress

import (
	"slices"
	"sync"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Stages of a run, as the contract names them.
const (
	StageLoading    = contract.StageLoading
	StageTraining   = contract.StageTraining
	StageEvaluating = contract.StageEvaluating
	StagePublishing = contract.StagePublishing
	StagePublished  = contract.StagePublished
)

// Tracker keeps the progress of a run. It is safe for concurrent use.
type Tracker struct {
	now func() time.Time

	mu       sync.Mutex
	progress contract.Progress
	images   int64 // trained on since the start of this process
	// What the speed is measured from.
	startTime time.Time
	startStep int64
}

// NewTracker returns a tracker that reads the time from now.
func NewTracker(now func() time.Time) *Tracker {
	return &Tracker{now: now, progress: contract.Progress{Version: contract.Version, Stage: StageLoading}}
}

// change applies one change to the progress.
func (t *Tracker) change(f func(p *contract.Progress)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.progress)
	t.progress.Sequence++
}

// Stage says what the run does now.
func (t *Tracker) Stage(stage string) {
	t.change(func(p *contract.Progress) {
		p.Stage = stage
		p.ImagesPerSecond, p.RemainingSecs = 0, 0
		if stage == StagePublished {
			p.Percent = 100
		}
	})
}

// Train starts the training stage of epochs and steps in all, of which done steps are done already.
func (t *Tracker) Train(epochs int, steps, done int64) {
	t.Stage(StageTraining)
	t.change(func(p *contract.Progress) {
		p.Epochs, p.Steps = epochs, steps
		p.Epoch = min(epochs, int(done*int64(epochs)/max(1, steps))+1)
		t.startTime, t.startStep, t.images = t.now(), done, 0
		t.setStep(p, done)
	})
}

// Step says that a step of the given epoch, which counts from 1, is done: the done-th of all, on so many images.
func (t *Tracker) Step(epoch int, done int64, images int) {
	t.change(func(p *contract.Progress) {
		p.Epoch = epoch
		t.images += int64(images)
		t.setStep(p, done)
		elapsed := t.now().Sub(t.startTime).Seconds()
		if steps := done - t.startStep; steps > 0 && elapsed > 0 {
			p.ImagesPerSecond = float64(t.images) / elapsed
			p.RemainingSecs = int64(elapsed / float64(steps) * float64(p.Steps-done))
		}
	})
}

// setStep leaves the last percent to what comes after training.
func (t *Tracker) setStep(p *contract.Progress, done int64) {
	p.Step = done
	p.Percent = int(min(99, 100*done/max(1, p.Steps)))
}

// Metrics replaces the newest metrics: those on the validation split while training, those on the test split after.
func (t *Tracker) Metrics(metrics ...contract.Metric) {
	t.change(func(p *contract.Progress) { p.Metrics = metrics })
}

// Checkpoint says that a checkpoint was written.
func (t *Tracker) Checkpoint(checkpoint contract.Checkpoint) {
	t.change(func(p *contract.Progress) { p.Checkpoint = &checkpoint })
}

// Snapshot returns the progress of this moment.
func (t *Tracker) Snapshot() contract.Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.progress
	p.Metrics = slices.Clone(p.Metrics)
	return p
}

// Images is how many images were trained on since training started in this process.
func (t *Tracker) Images() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.images
}
