// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package tracking records a run in MLflow. What happens is appended to a spool on the disk of the run's checkpoints, and a
// goroutine of its own brings it from there to the server: whatever that does, it neither fails the run nor holds it up. What
// hasn't arrived at the end is delivered by the next attempt, or by [Sync].
package tracking

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/spool"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// maxSpool bounds a spool in bytes: records of the epochs and of some thousand steps.
const maxSpool = 64 << 20

// patience is how long the end of a run waits for what has yet to arrive.
type patience struct {
	all     time.Duration // for a server that answers; of a run with a deadline, at most half of what is left of that
	silence time.Duration // for one that doesn't
	errors  time.Duration // for one that answers with errors, or isn't there; of a run, at most a hundredth of its time, but a second
	stopped time.Duration // where the run was told to stop
}

var endPatience = patience{all: 10 * time.Minute, silence: 45 * time.Second, errors: 10 * time.Second, stopped: 5 * time.Second}

// Tracker is an observer of a run that records it in MLflow.
type Tracker struct {
	log     *slog.Logger
	changed func(contract.MLflowResult)
	now     func() time.Time

	began time.Time

	mu     sync.Mutex // Close and Observe come from goroutines of their own
	cfg    contract.TrainConfig
	spool  *spool.Spool
	failed error // why there is no spool
	marks  marks
	steps  thinned
	images int // trained on since the last step that was recorded
	sender *sender
	system *sampler
}

var _ train.Observer = (*Tracker)(nil)

// New returns a tracker of the run of a configuration that names a server. Changed is told whenever what [Tracker.Close]
// would return has changed.
func New(cfg contract.TrainConfig, log *slog.Logger, changed func(contract.MLflowResult)) *Tracker {
	return &Tracker{cfg: cfg, log: log, changed: changed, now: time.Now, began: time.Now(), steps: thinned{least: stepInterval}}
}

// Observe implements train.Observer.
func (t *Tracker) Observe(event train.Event) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e := event.(type) {
	case train.Started:
		t.cfg = e.Config
	case train.Published:
		t.cfg = e.Config
	}
	if err := t.open(); err != nil || t.spool == nil {
		return err
	}
	return t.record(event)
}

// open opens the spool once the run has a UID, and has it sent.
func (t *Tracker) open() error {
	if t.spool != nil || t.failed != nil || t.cfg.Run.UID == "" {
		return t.failed
	}
	t.spool, t.failed = spool.Open(spoolDir(t.cfg), maxSpool)
	if t.failed == nil {
		t.marks, t.failed = readMarks(t.spool)
	}
	if t.failed != nil {
		t.spool = nil
		t.changed(contract.MLflowResult{Reason: contract.ReasonTrackerUnavailable, Message: t.failed.Error()})
		return t.failed
	}
	t.sender = newSender(t.spool, t.marks.start, t.cfg.Tracking.MLflow.Access, t.log, t.changed)
	go t.sender.run()
	return nil
}

// Close brings what has yet to arrive to the server, for a time that depends on whether it answers and on whether ctx is done,
// and says what has become of it.
func (t *Tracker) Close(ctx context.Context) contract.MLflowResult {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.system.stop()
	if t.spool == nil {
		if t.failed != nil {
			return contract.MLflowResult{Reason: contract.ReasonTrackerUnavailable, Message: t.failed.Error()}
		}
		return contract.MLflowResult{}
	}
	result, whole := t.sender.finish(ctx, t.patienceAt(t.now()))
	err := closeSpool(t.spool, whole && t.marks.ended != "")
	if err != nil {
		t.log.Warn("Spool of MLflow can't be closed", "error", err)
	}
	t.spool, t.failed = nil, errors.New("the tracker is closed")
	return result
}

// patienceAt is how long the end of the run waits, at now. A Job past its deadline fails, published or not, so half of what is left
// of that stays: nobody tells a run when its Job began, only that it was before the run did.
func (t *Tracker) patienceAt(now time.Time) patience {
	p := endPatience
	p.errors = min(max(now.Sub(t.began)/100, time.Second), p.errors)
	deadline := time.Duration(t.cfg.Tracking.DeadlineSeconds) * time.Second
	if deadline == 0 {
		return p
	}
	left := deadline - now.Sub(t.began)
	if s := t.marks.start; s != nil { // an earlier attempt's, unless that was of a Job before: this one isn't past its deadline
		if since := deadline - now.Sub(time.UnixMilli(s.Time)); since > 0 {
			left = min(left, since)
		}
	}
	p.all = min(p.all, max(left/2, 0))
	return p
}

// closeSpool closes a spool, and removes one that has been delivered.
func closeSpool(s *spool.Spool, delivered bool) error {
	if delivered {
		return s.Remove()
	}
	return s.Close()
}

// spoolDir is the folder of a run's spool: beside its checkpoints, because it has to outlive the pod as they do.
func spoolDir(cfg contract.TrainConfig) string {
	return filepath.Join(cmp.Or(cfg.Output.CheckpointsPath, cfg.Output.Path), filepath.FromSlash(contract.TrackingPath(cfg.Run)))
}

// append adds a record to the spool.
func (t *Tracker) append(r record, durable bool) error {
	if err := t.spool.Append(r, durable); err != nil {
		return fmt.Errorf("record for MLflow: %w", err)
	}
	t.marks.add(r)
	return nil
}
