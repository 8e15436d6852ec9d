// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package train is a training run from its configuration to its published model.
//
// [Run.Do] goes through the stages in order: data, training, evaluation, publication. Each epoch ends with a
// checkpoint; a run that is started again goes on from the last one as if it had never stopped.
package train

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/artifact/bucket"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/internal/memory"
	"github.com/trainyard-dev/trainyard/runner/internal/config"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// Run is one training run. Do changes nothing in it.
type Run struct {
	Config contract.TrainConfig
	// Log takes what is odd; the observers, what happens.
	Log       *slog.Logger
	Observers []Observer
	// SplitFile, if not empty, is where the names of the files in each part of the split are written.
	SplitFile string
}

// attempt is one process's work on a run.
type attempt struct {
	cfg       contract.TrainConfig // with a UID once the data is known
	log       *slog.Logger
	splitFile string
	scratch   string       // a folder for what is made of images that are fetched; empty if none are
	store     *fetch.Store // keeps them; nil if none are
	events    *events
	rate      schedule
	ends      stop

	bucket *bucket.Store // of the output; nil for a folder

	// newCheckpoint: a checkpoint was written that is newer than the one that the run started from.
	newCheckpoint bool
	history       []report.Epoch
}

// attempt starts the observers; the caller ends them by close.
func (r *Run) attempt() *attempt {
	return &attempt{
		cfg: r.Config, log: r.Log, splitFile: r.SplitFile, events: newEvents(r.Log, r.Observers),
		rate: scheduleOf(r.Config.Training), ends: stopOf(r.Config.Training),
	}
}

// Do trains and publishes a model, or finds that it has been published. It returns what is known whether it fails or
// not. The error has a reason and an exit code, see package failure; if ctx was ended by a signal it is a
// failure.ErrInterrupted.
func (r *Run) Do(ctx context.Context) (contract.TrainResult, error) { return r.attempt().run(ctx) }

// run does the attempt and ends its observers.
func (r *attempt) run(ctx context.Context) (contract.TrainResult, error) {
	defer r.events.close()
	result := contract.TrainResult{Version: contract.Version}
	err := r.doWithStore(ctx, &result)
	// A run that a signal ended must not count as done, whatever it came to: its Job is being stopped.
	if ctx.Err() != nil && (err == nil || isContextError(err)) {
		err = r.interrupted(&result)
	}
	if err != nil && result.Outcome == "" {
		result.Outcome = contract.OutcomeFailed
		result.Reason, _ = failure.Of(err)
		result.Message = err.Error()
	}
	r.events.tell(Ended{Result: result, Err: err, History: slices.Clone(r.history)})
	return result, err
}

// Identify returns the run of a configuration with its UID: without one, it is named by its settings and its data.
func Identify(cfg contract.TrainConfig, datasetDigest string) contract.Run {
	if cfg.Run.UID == "" {
		cfg.Run.UID = fingerprint(cfg, datasetDigest)
	}
	return cfg.Run
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, failure.ErrInterrupted)
}

// interrupted ends a run that a signal stopped. If there is a new checkpoint the exit code says so, and the Job makes
// another pod without counting this one as failed.
func (r *attempt) interrupted(result *contract.TrainResult) error {
	code := contract.ExitTemporary
	when := "before a new checkpoint could be written"
	if r.newCheckpoint {
		code = contract.ExitTerminated
		when = "after a checkpoint, from which it can go on"
	}
	err := fmt.Errorf("%w %s", failure.ErrInterrupted, when)
	result.Outcome, result.Reason, result.Message = contract.OutcomeInterrupted, "", err.Error()
	return &failure.Error{Reason: contract.ReasonRunnerFailed, ExitCode: code, Err: err}
}

func (r *attempt) do(ctx context.Context, result *contract.TrainResult) error {
	if err := config.Validate(r.cfg); err != nil {
		return failure.Config(err)
	}
	if r.cfg.Run.UID != "" {
		if done, err := r.republish(ctx, result); done {
			return err
		}
	}
	limit := memory.Limit()
	memory.BoundHeap(limit)

	data, err := r.load(ctx, limit)
	if err != nil {
		return err
	}
	described := data.result()
	result.Dataset = &described
	if r.cfg.Run.UID == "" {
		r.cfg.Run = Identify(r.cfg, data.dataset.Digest)
		if done, err := r.republish(ctx, result); done {
			return err
		}
	}
	return r.trainAndPublish(ctx, data, result)
}

// republish returns the result of an artifact that the run has published already. done is false if there is none.
func (r *attempt) republish(ctx context.Context, result *contract.TrainResult) (done bool, err error) {
	manifest, err := r.published(ctx)
	if errors.Is(err, artifact.ErrNotPublished) {
		return false, nil
	}
	if err != nil {
		return true, failure.Output(err)
	}
	if manifest.Result.Model == nil {
		return true, failure.Artifact(fmt.Errorf("%w: the manifest of %s names no model", artifact.ErrInvalid, contract.ArtifactName(r.cfg.Run)))
	}
	*result = manifest.Result
	checkGates(r.cfg.Gates, result)
	r.events.tell(Published{Config: r.cfg, Result: *result, Before: true})
	return true, gateError(result)
}

// trainAndPublish is what a run does once it has data.
func (r *attempt) trainAndPublish(ctx context.Context, data *data, result *contract.TrainResult) error {
	if err := r.prepareBucket(ctx); err != nil {
		return failure.Output(err)
	}
	staging, err := artifact.Stage(r.cfg.Output.Path, r.cfg.Run)
	if err != nil {
		return failure.Output(err)
	}
	defer func() {
		if discardErr := staging.Discard(); discardErr != nil {
			r.log.Warn("What was staged could not be removed", "error", discardErr)
		}
	}()
	t, err := r.newTrainer(data)
	if err != nil {
		return err
	}
	err = t.train(ctx)
	r.history = t.state.History
	result.Checkpoint = t.saved
	r.newCheckpoint = t.saved != nil && *t.saved != t.started
	if err != nil {
		return err
	}
	if err := r.publish(ctx, staging, t, data, result); err != nil {
		return err
	}
	if err := errors.Join(t.checkpoints.Remove(), r.removeCheckpoints(ctx)); err != nil {
		r.log.Warn("Checkpoints of the published run remain", "error", err)
	}
	r.events.tell(Published{Config: r.cfg, Result: *result})
	return gateError(result)
}

// checkGates puts the outcome into a result that has metrics.
func checkGates(gates []contract.Gate, result *contract.TrainResult) {
	result.Outcome, result.Reason, result.Message = contract.OutcomeSucceeded, "", ""
	for _, gate := range gates {
		i := slices.IndexFunc(result.Metrics, func(m contract.Metric) bool { return m.Name == gate.Metric })
		if i >= 0 && gate.Admits(result.Metrics[i].Value) {
			continue
		}
		result.Outcome, result.Reason = contract.OutcomeFailed, contract.ReasonGateNotMet
		result.Message = fmt.Sprintf("%s was not measured, the gate asks for %s", gate.Metric, gate.Range())
		if i >= 0 {
			result.Message = fmt.Sprintf("%s is %.6g on the test split, the gate asks for %s", gate.Metric, result.Metrics[i].Value, gate.Range())
		}
		return
	}
}

// gateError is the error of a result whose gate is not met.
func gateError(result *contract.TrainResult) error {
	if result.Reason != contract.ReasonGateNotMet {
		return nil
	}
	return failure.Gate(errors.New(result.Message))
}

// fingerprint names what determines the published model, in hex: the configuration except its place and the number of
// workers, and the data.
func fingerprint(cfg contract.TrainConfig, datasetDigest string) string {
	cfg.Run.UID, cfg.Run.Namespace = "", ""
	cfg.Output, cfg.Gates = contract.Output{Quantization: cfg.Output.Quantization, Calibration: cfg.Output.Calibration}, nil
	cfg.Training.Workers, cfg.Report = 0, contract.Report{}
	// Its content counts, and those of a manifest and of parts, wherever they lie, are kept, and however they are reached.
	cfg.Dataset.Path, cfg.Dataset.URI, cfg.Dataset.DVC, cfg.Dataset.Access = "", "", nil, contract.Access{}
	cfg.Dataset.Labels, cfg.Dataset.Split.Folders, cfg.Dataset.Cache = nil, nil, contract.Cache{}
	cfg.Tracking = contract.Tracking{}
	encoded, err := json.Marshal(struct {
		Config contract.TrainConfig
		Digest string
	}{cfg, datasetDigest})
	if err != nil {
		// Validate has refused NaN, the one value that JSON can't hold.
		panic(fmt.Sprintf("train: encode configuration: %v", err))
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}
