// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package progress

import (
	"slices"
	"sync"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// Tracker keeps the progress of a run. It is safe for concurrent use.
type Tracker struct {
	mu    sync.Mutex
	meter meter
}

var _ train.Observer = (*Tracker)(nil)

// NewTracker returns a tracker that reads the time from now.
func NewTracker(now func() time.Time) *Tracker { return &Tracker{meter: newMeter(now)} }

// Observe implements train.Observer.
func (t *Tracker) Observe(event train.Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.meter.apply(event)
	return nil
}

// SetMLflow says how far the record of the run in MLflow has come.
func (t *Tracker) SetMLflow(result contract.MLflowResult) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.meter.progress.MLflow = &result // a new one each time: readers keep the last
	t.meter.progress.Sequence++
}

// Snapshot returns the progress of this moment.
func (t *Tracker) Snapshot() contract.Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.meter.progress
	p.Metrics = slices.Clone(p.Metrics)
	return p
}

// Images is how many images were trained on since training started in this process.
func (t *Tracker) Images() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.meter.images
}
