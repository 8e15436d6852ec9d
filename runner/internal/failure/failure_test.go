// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
)

func TestReasonsAndExitCodes(t *testing.T) {
	plain := errors.New("plain")
	cases := map[string]struct {
		err    error
		reason string
		code   int
	}{
		"unclassified":          {plain, contract.ReasonRunnerFailed, 1},
		"configuration":         {Config(plain), contract.ReasonConfigInvalid, contract.ExitConfig},
		"artifact":              {Artifact(plain), contract.ReasonArtifactInvalid, contract.ExitArtifact},
		"gate":                  {Gate(plain), contract.ReasonGateNotMet, contract.ExitGate},
		"wrapped":               {fmt.Errorf("around: %w", Gate(plain)), contract.ReasonGateNotMet, contract.ExitGate},
		"dataset missing":       {Dataset(fmt.Errorf("x: %w", dataset.ErrNotFound)), contract.ReasonDatasetNotFound, contract.ExitDataset},
		"dataset unusable":      {Dataset(fmt.Errorf("x: %w", dataset.ErrInvalid)), contract.ReasonDatasetInvalid, contract.ExitDataset},
		"dataset damaged":       {Dataset(fmt.Errorf("x: %w", dataset.ErrTooManyInvalid)), contract.ReasonTooManyInvalid, contract.ExitDataset},
		"dataset's source":      {Dataset(fmt.Errorf("x: %w", dataset.ErrConfig)), contract.ReasonConfigInvalid, contract.ExitConfig},
		"dataset's credentials": {Dataset(fmt.Errorf("x: %w", dataset.ErrCredentials)), contract.ReasonCredentialsInvalid, contract.ExitDataset},
		"dataset's host":        {Dataset(fmt.Errorf("x: %w", dataset.ErrUnreachable)), contract.ReasonSourceUnreachable, contract.ExitTemporary},
		"dataset's storage":     {Dataset(syscall.EIO), contract.ReasonRunnerFailed, contract.ExitTemporary},
		"classified before":     {Dataset(Config(plain)), contract.ReasonConfigInvalid, contract.ExitConfig},
		"disk full":             {Output(fmt.Errorf("x: %w", syscall.ENOSPC)), contract.ReasonRunnerFailed, contract.ExitTemporary},
		"output not permitted":  {Output(&fs.PathError{Op: "mkdir", Path: "/output", Err: syscall.EACCES}), contract.ReasonConfigInvalid, contract.ExitConfig},
		"output read-only":      {Output(syscall.EROFS), contract.ReasonConfigInvalid, contract.ExitConfig},
		"artifact there":        {Output(artifact.ErrExists), contract.ReasonArtifactInvalid, contract.ExitArtifact},
		"artifact damaged":      {Output(artifact.ErrInvalid), contract.ReasonArtifactInvalid, contract.ExitArtifact},
		"output but classified": {Output(Gate(plain)), contract.ReasonGateNotMet, contract.ExitGate},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if reason, code := Of(tc.err); reason != tc.reason || code != tc.code {
				t.Errorf("got %s and %d, want %s and %d", reason, code, tc.reason, tc.code)
			}
		})
	}
}

func TestInterruptionsAndNoErrorsStayWhatTheyAre(t *testing.T) {
	for _, err := range []error{nil, context.Canceled, ErrInterrupted} {
		if got := Dataset(err); got != err { //nolint:errorlint // identity is what is tested
			t.Errorf("Dataset(%v) = %v", err, got)
		}
	}
	if got := Output(nil); got != nil {
		t.Errorf("Output(nil) = %v", got)
	}
}

func TestPermissionErrorNamesTheRemedy(t *testing.T) {
	err := Output(fmt.Errorf("make output folder: %w", fs.ErrPermission))
	if !strings.Contains(err.Error(), "fsGroup") || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
}
