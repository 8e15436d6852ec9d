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
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/memory"
	"github.com/trainyard-dev/trainyard/runner/internal/config"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/progress"
)

// Run is one training run.
type Run struct {
	Config  contract.TrainConfig
	Log     *slog.Logger
	Tracker *progress.Tracker
	// SplitFile, if not empty, is where the names of the files in each part of the split are written.
	SplitFile string

	// newCheckpoint: a checkpoint was written that is newer than the one that the run started from.
	newCheckpoint bool
}

// Do trains and publishes a model, or finds that it has been published. It returns what is known whether it fails or
// not. The error has a reason and an exit code, see package failure; if ctx was ended by a signal it is a
// failure.ErrInterrupted.
func (r *Run) Do(ctx context.Context) (contract.TrainResult, error) {
	result := contract.TrainResult{Version: contract.Version}
	err := r.do(ctx, &result)
	// A run that a signal ended must not count as done, whatever it came to: its Job is being stopped.
	if ctx.Err() != nil && (err == nil || isContextError(err)) {
		err = r.interrupted(&result)
	}
	if err != nil && result.Outcome == "" {
		result.Outcome = contract.OutcomeFailed
		result.Reason, _ = failure.Of(err)
		result.Message = err.Error()
	}
	return result, err
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, failure.ErrInterrupted)
}

// interrupted ends a run that a signal stopped. If there is a new checkpoint the exit code says so, and the Job makes
// another pod without counting this one as failed.
func (r *Run) interrupted(result *contract.TrainResult) error {
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

func (r *Run) do(ctx context.Context, result *contract.TrainResult) error {
	if err := config.Validate(r.Config); err != nil {
		return failure.Config(err)
	}
	if r.Config.Run.UID != "" {
		if done, err := r.republish(result); done {
			return err
		}
	}
	limit := memory.Limit()
	memory.BoundHeap(limit)

	r.Tracker.Stage(progress.StageLoading)
	data, err := r.load(ctx, limit)
	if err != nil {
		return failure.Dataset(err)
	}
	result.Dataset = &contract.DatasetResult{
		Digest: data.dataset.Digest, Samples: len(data.dataset.Samples), TestSplitDigest: data.split.Test.Digest(),
	}
	if r.Config.Run.UID == "" {
		r.Config.Run.UID = r.fingerprint(data.dataset.Digest)
		if done, err := r.republish(result); done {
			return err
		}
	}
	return r.trainAndPublish(ctx, data, result)
}

// republish returns the result of an artifact that the run has published already. done is false if there is none.
func (r *Run) republish(result *contract.TrainResult) (done bool, err error) {
	manifest, err := artifact.Published(r.Config.Output.Path, r.Config.Run)
	if errors.Is(err, artifact.ErrNotPublished) {
		return false, nil
	}
	if err != nil {
		return true, failure.Output(err)
	}
	if manifest.Result.Model == nil {
		return true, failure.Artifact(fmt.Errorf("%w: the manifest of %s names no model", artifact.ErrInvalid, contract.ArtifactName(r.Config.Run)))
	}
	*result = manifest.Result
	checkGates(r.Config.Gates, result)
	r.Tracker.Metrics(result.Metrics...)
	r.Tracker.Stage(progress.StagePublished)
	r.Log.Info("The run was published before: its result is given again", "model", result.Model.URI)
	return true, gateError(result)
}

// trainAndPublish is what a run does once it has data.
func (r *Run) trainAndPublish(ctx context.Context, data *data, result *contract.TrainResult) error {
	staging, err := artifact.Stage(r.Config.Output.Path, r.Config.Run)
	if err != nil {
		return failure.Output(err)
	}
	defer func() {
		if discardErr := staging.Discard(); discardErr != nil {
			r.Log.Warn("What was staged could not be removed", "error", discardErr)
		}
	}()
	t, err := r.newTrainer(data)
	if err != nil {
		return err
	}
	err = t.run(ctx)
	result.Checkpoint = t.saved
	r.newCheckpoint = t.saved != nil && *t.saved != t.started
	if err != nil {
		return err
	}
	if err := r.publish(ctx, staging, t, data, result); err != nil {
		return err
	}
	if err := t.checkpoints.Remove(); err != nil {
		r.Log.Warn("Checkpoints of the published run remain", "error", err)
	}
	r.Tracker.Stage(progress.StagePublished)
	return gateError(result)
}

// checkGates puts the outcome into a result that has metrics.
func checkGates(gates []contract.Gate, result *contract.TrainResult) {
	result.Outcome, result.Reason, result.Message = contract.OutcomeSucceeded, "", ""
	for _, gate := range gates {
		i := slices.IndexFunc(result.Metrics, func(m contract.Metric) bool { return m.Name == gate.Metric })
		if i >= 0 && result.Metrics[i].Value >= gate.Min {
			continue
		}
		result.Outcome, result.Reason = contract.OutcomeFailed, contract.ReasonGateNotMet
		result.Message = fmt.Sprintf("%s was not measured, the gate asks for %v at least", gate.Metric, gate.Min)
		if i >= 0 {
			result.Message = fmt.Sprintf("%s is %.6g on the test split, the gate asks for %v at least", gate.Metric, result.Metrics[i].Value, gate.Min)
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

// fingerprint names what determines the published model, in hex: the configuration but for its place and the number of
// workers, and the data.
func (r *Run) fingerprint(datasetDigest string) string {
	cfg := r.Config
	cfg.Run.UID, cfg.Run.Namespace = "", ""
	cfg.Output, cfg.Gates = contract.Output{Quantization: cfg.Output.Quantization}, nil
	cfg.Training.Workers = 0
	cfg.Dataset.Path = "" // its content counts
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
