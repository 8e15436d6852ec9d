// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/mlflow"
	"github.com/trainyard-dev/trainyard/runner/internal/tracking/spool"
)

// maxBatch is how much of a spool is sent at a time, in bytes: less than a server takes at once.
const maxBatch = 256 << 10

// errGone says that the run was deleted: everything is sent again, to another one.
var errGone = errors.New("the run is gone from MLflow")

// errNoStart says that a spool doesn't tell which run it is of.
var errNoStart = errors.New("the spool doesn't begin with the start of a run")

// delivery is how far the records of a spool have been brought to a server. A record may be sent twice without harm.
type delivery struct {
	access   contract.Access
	uri      string // of the server, unless it is the one that the records say; may be empty
	root     string // where the folders of artifacts are, unless they are where the records say; may be empty
	progress func() // called after each request that the server has answered

	start  *start // the newest; nil before the first
	begun  int64  // where the record after that begins
	client *mlflow.Client
	// experiment is the id of the run's; empty before it is known.
	experiment string
	run        *mlflow.Run // nil before it is found or made
	// over: the run was recorded whole by an earlier process.
	over bool
	// refused is what the server won't take, whenever it is asked: the first such error.
	refused error
	// uploaded are the files that were brought to artifacts, by their URIs.
	uploaded map[string]bool
}

// deliver sends the first of entries, and those after it that can go with it. It returns where the next one begins.
func (d *delivery) deliver(ctx context.Context, entries []spool.Entry) (next int64, err error) {
	var metrics []mlflow.Metric
	for _, e := range entries {
		var r record
		if json.Unmarshal(e.Record, &r) != nil {
			r = record{} // a disk has changed it: it is passed over
		}
		alone := r.Start != nil || r.Backfill != nil || r.Published != nil || r.End != nil
		if next != 0 && (alone || len(metrics)+len(r.Metrics) > mlflow.MaxMetrics) {
			break
		}
		next = e.Next
		if alone {
			return next, d.send(ctx, r, next)
		}
		metrics = append(metrics, r.Metrics...)
	}
	return next, d.metrics(ctx, metrics)
}

// send sends a record that goes alone.
func (d *delivery) send(ctx context.Context, r record, next int64) error {
	switch {
	case r.Start != nil:
		if d.begun != next { // else it is tried again
			if d.start != nil {
				r.Start.Time = min(r.Start.Time, d.start.Time)
			}
			d.start, d.begun, d.run, d.experiment = r.Start, next, nil, ""
		}
		return d.begin(ctx)
	case r.Backfill != nil:
		return d.backfill(ctx, r.Backfill.Metrics)
	case r.Published != nil:
		return d.publish(ctx, r.Published)
	default:
		return d.end(ctx, r.End)
	}
}

// begin finds the run of the start or makes it, and describes it.
func (d *delivery) begin(ctx context.Context) error {
	s := d.start
	if err := d.open(ctx); err != nil || d.over {
		return err
	}
	if err := d.note(d.client.LogParams(ctx, d.run.ID, s.Params)); err != nil {
		return err
	}
	if err := d.note(d.client.SetTags(ctx, d.run.ID, s.Tags)); err != nil || s.Dataset == nil {
		return err
	}
	return d.note(d.client.LogDataset(ctx, d.run.ID, *s.Dataset))
}

// open finds the run that the records are of, or makes it. Whoever has made it, the run is known by the UID in its tags.
func (d *delivery) open(ctx context.Context) (err error) {
	s := d.start
	if d.run != nil {
		return nil
	}
	if s == nil {
		return errNoStart
	}
	// The certificates may have changed, so each run has a client of its own.
	if d.client, err = mlflow.New(d.server()); err != nil {
		return err
	}
	if d.experiment == "" {
		if d.experiment, err = d.client.Experiment(ctx, s.Experiment); err != nil {
			return err
		}
		d.progress()
	}
	run, err := d.client.FindRun(ctx, d.experiment, mlflow.Tag{Key: tagUID, Value: s.UID})
	if err != nil {
		return err
	}
	d.progress()
	switch {
	case run == nil:
		run, err = d.client.CreateRun(ctx, d.experiment, s.Name, s.Time, s.Tags)
	case s.Again && run.Status == mlflow.StatusFinished:
		d.over = true
	default:
		err = d.client.UpdateRun(ctx, run.ID, mlflow.StatusRunning, 0)
	}
	if err != nil {
		return err
	}
	d.progress()
	d.run = run
	return nil
}

// note passes on the error of a request. What the server won't take whenever it is asked is kept, and passed over.
func (d *delivery) note(err error) error {
	var answer *mlflow.Error
	switch {
	case err == nil:
		d.progress()
		return nil
	case errors.As(err, &answer) && answer.IsMissingResource():
		d.run = nil
		return fmt.Errorf("%w: %w", errGone, err)
	case mlflow.IsFinal(err):
		d.progress()
		if d.refused == nil {
			d.refused = err
		}
		return nil
	default:
		return err
	}
}

func (d *delivery) metrics(ctx context.Context, metrics []mlflow.Metric) error {
	if len(metrics) == 0 {
		return nil
	}
	if err := d.open(ctx); err != nil || d.over {
		return err
	}
	return d.note(d.client.LogMetrics(ctx, d.run.ID, metrics))
}

// backfill sends the figures of epochs that the run doesn't have.
func (d *delivery) backfill(ctx context.Context, metrics []mlflow.Metric) error {
	if err := d.open(ctx); err != nil || d.over {
		return err
	}
	steps, err := d.client.Steps(ctx, d.run.ID, keyValidationLoss)
	if err := d.note(err); err != nil {
		return err
	}
	metrics = slices.DeleteFunc(metrics, func(m mlflow.Metric) bool { return steps[m.Step] })
	for batch := range slices.Chunk(metrics, mlflow.MaxMetrics) {
		if err := d.metrics(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func (d *delivery) end(ctx context.Context, e *end) error {
	if err := d.open(ctx); err != nil || d.over {
		return err
	}
	if err := d.note(d.client.SetTags(ctx, d.run.ID, e.Tags)); err != nil {
		return err
	}
	return d.note(d.client.UpdateRun(ctx, d.run.ID, e.Status, e.Time))
}

func (d *delivery) runID() string {
	if d.run == nil {
		return ""
	}
	return d.run.ID
}

func (d *delivery) url() string {
	if d.run == nil {
		return ""
	}
	return d.client.URL(d.run)
}

// host is that of the server.
func (d *delivery) host() string {
	if d.client == nil {
		return ""
	}
	return d.client.Host()
}

// explain says what an error means and what to do about it.
func (d *delivery) explain(err error) string {
	var answer *mlflow.Error
	known := errors.As(err, &answer)
	switch {
	case known && answer.IsRefusedHost():
		return fmt.Sprintf("MLflow refuses to be called %s: add that to the server's --allowed-hosts (MLFLOW_SERVER_ALLOWED_HOSTS)", d.host())
	case known && answer.IsAccess():
		return fmt.Sprintf("MLflow at %s refuses the credentials: %v: check username and password, or token, of the Secret of "+
			"tracking.mlflow.secretRef, or in MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD and MLFLOW_TRACKING_TOKEN", d.host(), err)
	case reasonOf(err) == contract.ReasonTrackerRejected:
		return fmt.Sprintf("MLflow at %s doesn't take it: %v", d.host(), err)
	default:
		return fmt.Sprintf("MLflow at %s isn't reached: %v", d.host(), err)
	}
}
