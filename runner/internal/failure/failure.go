// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package failure tells why a run failed: each error that ends the program has a reason and an exit code of the
// contract.
package failure

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
	"github.com/trainyard-dev/trainyard/runner/internal/transfer"
)

// ErrInterrupted is the cause of a context that a signal ended.
var ErrInterrupted = errors.New("interrupted by a signal")

// Error is an error with the reason and the exit code that it ends the program with.
type Error struct {
	Reason   string
	ExitCode int
	Err      error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Config is a configuration that can't be used.
func Config(err error) error {
	return &Error{Reason: contract.ReasonConfigInvalid, ExitCode: contract.ExitConfig, Err: err}
}

// Diverged is a training that no longer computes with numbers. The same settings would bring it there again.
func Diverged(err error) error {
	return &Error{Reason: contract.ReasonLossDiverged, ExitCode: contract.ExitConfig, Err: err}
}

// Artifact is an artifact that can't be used.
func Artifact(err error) error {
	return &Error{Reason: contract.ReasonArtifactInvalid, ExitCode: contract.ExitArtifact, Err: err}
}

// Temporary is something outside that may work again.
func Temporary(err error) error {
	return &Error{Reason: contract.ReasonRunnerFailed, ExitCode: contract.ExitTemporary, Err: err}
}

// Gate is a metric below its least value.
func Gate(err error) error {
	return &Error{Reason: contract.ReasonGateNotMet, ExitCode: contract.ExitGate, Err: err}
}

// Dataset classifies an error of package dataset: a missing or unusable dataset, and credentials that are refused, need a
// person; a host that isn't reached, and all else of the storage, may work again.
func Dataset(err error) error {
	switch {
	case err == nil || classified(err) || errors.Is(err, context.Canceled) || errors.Is(err, ErrInterrupted):
		return err
	case errors.Is(err, dataset.ErrConfig):
		return Config(err)
	case errors.Is(err, dataset.ErrCredentials):
		return &Error{Reason: contract.ReasonCredentialsInvalid, ExitCode: contract.ExitDataset, Err: err}
	case errors.Is(err, dataset.ErrUnreachable):
		return &Error{Reason: contract.ReasonSourceUnreachable, ExitCode: contract.ExitTemporary, Err: err}
	case errors.Is(err, dataset.ErrNotFound):
		return &Error{Reason: contract.ReasonDatasetNotFound, ExitCode: contract.ExitDataset, Err: err}
	case errors.Is(err, dataset.ErrTooManyInvalid):
		return &Error{Reason: contract.ReasonTooManyInvalid, ExitCode: contract.ExitDataset, Err: err}
	case errors.Is(err, dataset.ErrInvalid):
		return &Error{Reason: contract.ReasonDatasetInvalid, ExitCode: contract.ExitDataset, Err: err}
	default:
		return Temporary(err)
	}
}

// Output classifies an error of writing to the output folder. Permissions need a person; a full disk and the like may
// be mended while the Job tries again, and the run goes on from its checkpoint.
func Output(err error) error {
	switch {
	case err == nil || classified(err):
		return err
	case errors.Is(err, artifact.ErrExists), errors.Is(err, artifact.ErrInvalid):
		return Artifact(err)
	case errors.Is(err, objectstore.ErrCredentials):
		return &Error{Reason: contract.ReasonCredentialsInvalid, ExitCode: contract.ExitDataset, Err: fmt.Errorf("%s%w", contract.AboutOutput, err)}
	case errors.Is(err, objectstore.ErrConfig), errors.Is(err, objectstore.ErrNotFound), errors.Is(err, objectstore.ErrRegion):
		return Config(fmt.Errorf("%s%w", contract.AboutOutput, err))
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		return Config(fmt.Errorf("%w: name a folder, or a place for one", err))
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return Config(fmt.Errorf("%w: let the user who runs this write to the output folder (in a pod: securityContext.fsGroup)", err))
	default:
		return Temporary(err)
	}
}

// Transfer classifies an error of fetching a file or of bringing one somewhere. Another digest condemns the file; what isn't
// there, or refuses the credentials, may be mended where it is, and is tried again later.
func Transfer(err error) error {
	switch {
	case err == nil || classified(err):
		return err
	case errors.Is(err, artifact.ErrDigest), errors.Is(err, artifact.ErrTooLarge), errors.Is(err, artifact.ErrExists):
		return Artifact(err)
	case errors.Is(err, transfer.ErrConfig), errors.Is(err, fs.ErrPermission):
		return Config(err)
	case errors.Is(err, transfer.ErrCredentials):
		return &Error{Reason: contract.ReasonCredentialsInvalid, ExitCode: contract.ExitTemporary, Err: err}
	default:
		return &Error{Reason: contract.ReasonSourceUnreachable, ExitCode: contract.ExitTemporary, Err: err}
	}
}

// classified reports whether err has a reason already.
func classified(err error) bool {
	var failed *Error
	return errors.As(err, &failed)
}

// Of returns the reason and the exit code of an error.
func Of(err error) (reason string, exitCode int) {
	var failed *Error
	if errors.As(err, &failed) {
		return failed.Reason, failed.ExitCode
	}
	return contract.ReasonRunnerFailed, 1
}
