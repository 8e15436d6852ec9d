// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package mlflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Statuses of a run.
const (
	StatusRunning  = "RUNNING"
	StatusFinished = "FINISHED"
	StatusFailed   = "FAILED"
	StatusKilled   = "KILLED"
)

// Bounds of one request, as the server checks them.
const (
	MaxMetrics = 1000
	maxParams  = 100
	maxTags    = 50 // of long values: a request may have 1 MB
	// maxParam and maxTag bound values in bytes, maxDigest a dataset's digest.
	maxParam  = 6000
	maxTag    = 5000
	maxDigest = 36
)

// Param is a setting of a run.
type Param struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Tag is a text about a run.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Metric is a figure of a moment.
type Metric struct {
	Key       string  `json:"key"`
	Value     float64 `json:"value"`
	Timestamp int64   `json:"timestamp"` // milliseconds since 1970
	Step      int64   `json:"step"`
}

// Run is a run of a server.
type Run struct {
	ID           string
	ExperimentID string
	Status       string
	// ArtifactURI is where its files are.
	ArtifactURI string
	// Models are the logged models that it has made.
	Models []string
}

type runAnswer struct {
	Info struct {
		RunID        string `json:"run_id"`
		ExperimentID string `json:"experiment_id"`
		Status       string `json:"status"`
		ArtifactURI  string `json:"artifact_uri"`
	} `json:"info"`
	Outputs struct {
		Models []struct {
			ID string `json:"model_id"`
		} `json:"model_outputs"`
	} `json:"outputs"`
}

func (a runAnswer) run() *Run {
	run := &Run{ID: a.Info.RunID, ExperimentID: a.Info.ExperimentID, Status: a.Info.Status, ArtifactURI: a.Info.ArtifactURI}
	for _, m := range a.Outputs.Models {
		run.Models = append(run.Models, m.ID)
	}
	return run
}

// ErrDeleted says that an experiment was deleted, and has to be restored or named otherwise.
var ErrDeleted = errors.New("was deleted")

// Experiment returns the id of an experiment, which it makes if need be.
func (c *Client) Experiment(ctx context.Context, name string) (string, error) {
	id, err := c.findExperiment(ctx, name)
	if id != "" || err != nil {
		return id, err
	}
	var made struct {
		ID string `json:"experiment_id"`
	}
	err = c.post(ctx, "experiments/create", map[string]any{"name": name}, &made)
	if hasCode(err, codeExists) { // made by another run in the meantime
		return c.findExperiment(ctx, name)
	}
	if err != nil {
		return "", fmt.Errorf("create experiment %s: %w", name, err)
	}
	return made.ID, nil
}

// findExperiment returns the id of an experiment; empty if there is none of the name.
func (c *Client) findExperiment(ctx context.Context, name string) (string, error) {
	var found struct {
		Experiment struct {
			ID    string `json:"experiment_id"`
			Stage string `json:"lifecycle_stage"`
		} `json:"experiment"`
	}
	err := c.get(ctx, "experiments/get-by-name", url.Values{"experiment_name": {name}}, &found)
	switch {
	case hasCode(err, codeNotFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look for experiment %s: %w", name, err)
	case found.Experiment.Stage == "deleted":
		return "", fmt.Errorf("experiment %s %w: restore it, or name another one", name, ErrDeleted)
	}
	return found.Experiment.ID, nil
}

// FindRun returns the oldest run of an experiment that has a tag; nil if none has.
func (c *Client) FindRun(ctx context.Context, experimentID string, tag Tag) (*Run, error) {
	var found struct {
		Runs []runAnswer `json:"runs"`
	}
	query := map[string]any{
		"experiment_ids": []string{experimentID}, "max_results": 1, "order_by": []string{"attributes.start_time ASC"},
		"filter": fmt.Sprintf("tags.`%s` = '%s'", tag.Key, strings.ReplaceAll(tag.Value, "'", "")),
	}
	if err := c.post(ctx, "runs/search", query, &found); err != nil {
		return nil, fmt.Errorf("look for the run: %w", err)
	}
	if len(found.Runs) == 0 {
		return nil, nil
	}
	return found.Runs[0].run(), nil
}

// CreateRun makes a run. It makes another one each time: look for it first.
func (c *Client) CreateRun(ctx context.Context, experimentID, name string, startTime int64, tags []Tag) (*Run, error) {
	var made struct {
		Run runAnswer `json:"run"`
	}
	err := c.post(ctx, "runs/create", map[string]any{
		"experiment_id": experimentID, "run_name": name, "start_time": startTime, "tags": cutTags(tags),
	}, &made)
	if err != nil {
		return nil, fmt.Errorf("create the run: %w", err)
	}
	return made.Run.run(), nil
}

// UpdateRun sets the status of a run, and when it ended unless that is 0.
func (c *Client) UpdateRun(ctx context.Context, runID, status string, endTime int64) error {
	update := map[string]any{"run_id": runID, "status": status}
	if endTime != 0 {
		update["end_time"] = endTime
	}
	return c.post(ctx, "runs/update", update, nil)
}

// LogMetrics adds up to MaxMetrics figures. Those that the run has already are passed over.
func (c *Client) LogMetrics(ctx context.Context, runID string, metrics []Metric) error {
	return c.post(ctx, "runs/log-batch", map[string]any{"run_id": runID, "metrics": metrics}, nil)
}

// LogParams adds settings. The server refuses one that has another value already.
func (c *Client) LogParams(ctx context.Context, runID string, params []Param) error {
	for len(params) > 0 {
		n := min(len(params), maxParams)
		batch := make([]Param, n)
		for i, p := range params[:n] {
			batch[i] = Param{Key: p.Key, Value: p.Value[:min(len(p.Value), maxParam)]}
		}
		if err := c.post(ctx, "runs/log-batch", map[string]any{"run_id": runID, "params": batch}, nil); err != nil {
			return fmt.Errorf("log params: %w", err)
		}
		params = params[n:]
	}
	return nil
}

// SetTags sets tags.
func (c *Client) SetTags(ctx context.Context, runID string, tags []Tag) error {
	for len(tags) > 0 {
		n := min(len(tags), maxTags)
		if err := c.post(ctx, "runs/log-batch", map[string]any{"run_id": runID, "tags": cutTags(tags[:n])}, nil); err != nil {
			return fmt.Errorf("set tags: %w", err)
		}
		tags = tags[n:]
	}
	return nil
}

func cutTags(tags []Tag) []Tag {
	cut := make([]Tag, len(tags))
	for i, t := range tags {
		cut[i] = Tag{Key: t.Key, Value: strings.ToValidUTF8(t.Value[:min(len(t.Value), maxTag)], "")}
	}
	return cut
}

// Dataset is what a run was trained on.
type Dataset struct {
	Name string `json:"name"`
	// Digest is shortened to what a server takes.
	Digest string `json:"digest"`
	// SourceType is one that MLflow knows, Source a document that it reads with it, Profile one that it shows.
	SourceType string `json:"source_type"`
	Source     string `json:"source"`
	Profile    string `json:"profile,omitempty"`
}

// LogDataset names what a run was trained on. Again it changes nothing.
func (c *Client) LogDataset(ctx context.Context, runID string, d Dataset) error {
	d.Digest = d.Digest[:min(len(d.Digest), maxDigest)]
	inputs := []any{map[string]any{"dataset": d, "tags": []Tag{{Key: "mlflow.data.context", Value: "training"}}}}
	if err := c.post(ctx, "runs/log-inputs", map[string]any{"run_id": runID, "datasets": inputs}, nil); err != nil && !isMissing(err) {
		return fmt.Errorf("log the dataset: %w", err)
	}
	return nil
}

// maxHistory bounds the figures of one metric that are asked for.
const maxHistory = 25000

// Steps returns the steps at which a run has a metric.
func (c *Client) Steps(ctx context.Context, runID, metric string) (map[int64]bool, error) {
	var history struct {
		Metrics []struct {
			Step json.Number `json:"step"`
		} `json:"metrics"`
	}
	query := url.Values{"run_id": {runID}, "metric_key": {metric}, "max_results": {strconv.Itoa(maxHistory)}}
	if err := c.get(ctx, "metrics/get-history", query, &history); err != nil {
		return nil, fmt.Errorf("look for metrics: %w", err)
	}
	steps := map[int64]bool{}
	for _, m := range history.Metrics {
		if step, err := m.Step.Int64(); err == nil {
			steps[step] = true
		}
	}
	return steps, nil
}

// URL is the page of a run.
func (c *Client) URL(run *Run) string {
	return fmt.Sprintf("%s/#/experiments/%s/runs/%s", c.base, run.ExperimentID, run.ID)
}
