// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package errkind gives an error a kind that its message doesn't repeat.
package errkind

// With returns an error that errors.Is finds to be of a kind as well, and that reads as err does.
func With(kind, err error) error { return &kindError{err, kind} }

type kindError struct {
	error

	kind error
}

func (e *kindError) Unwrap() []error { return []error{e.error, e.kind} }
