// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
)

// stalledError stops a reconcile until a person acts.
type stalledError struct {
	reason string
	err    error
}

func (e *stalledError) Error() string { return e.err.Error() }
func (e *stalledError) Unwrap() error { return e.err }

// stalled returns an error that makes the object Stalled with this reason.
func stalled(reason string, err error) error { return &stalledError{reason: reason, err: err} }

// waitingError ends a reconcile that has to wait for something that heals by itself.
type waitingError struct {
	reason string
	after  time.Duration
	err    error
}

func (e *waitingError) Error() string { return e.err.Error() }
func (e *waitingError) Unwrap() error { return e.err }

// waiting returns an error that makes the object Reconciling with this reason. After
// is when to look again; zero waits for an event.
func waiting(reason string, after time.Duration, err error) error {
	return &waitingError{reason: reason, after: after, err: err}
}

// recheckStalled is how often an object is looked at again that waits for a person:
// what it needs may be an object that the controllers don't watch.
const recheckStalled = time.Minute

// resultOf turns a reconcile's error, which status tells of already, into what the
// work queue needs: typed errors become a time to look again, a conflict of the
// status write a retry, and only the others are logged and retried with back-off.
func resultOf(result ctrl.Result, err error) (ctrl.Result, error) {
	var stall *stalledError
	var wait *waitingError
	switch {
	case err == nil:
		return result, nil
	case errors.As(err, &stall):
		return ctrl.Result{RequeueAfter: recheckStalled}, nil
	case errors.As(err, &wait):
		return ctrl.Result{RequeueAfter: wait.after}, nil
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: retryConflict}, nil
	default:
		return ctrl.Result{}, err
	}
}

// retryConflict is how long the cache gets to catch up after a write was refused
// because the object that it was decided on had changed.
const retryConflict = 200 * time.Millisecond
