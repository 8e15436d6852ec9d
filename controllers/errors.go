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

// resultOf turns a reconcile's errors, which status tells of already, into what the
// work queue needs: typed errors become a time to look again, a conflict a retry, and
// only the others are logged and retried with back-off. Of several errors none hides
// another: one that is no typed one decides, else the earliest time does.
func resultOf(result ctrl.Result, err error) (ctrl.Result, error) {
	var others []error
	for _, err := range parts(err) {
		var stall *stalledError
		var wait *waitingError
		switch {
		case errors.As(err, &stall):
			result.RequeueAfter = earlier(result.RequeueAfter, recheckStalled)
		case errors.As(err, &wait):
			result.RequeueAfter = earlier(result.RequeueAfter, wait.after)
		case apierrors.IsConflict(err):
			result.RequeueAfter = earlier(result.RequeueAfter, retryConflict)
		default:
			others = append(others, err)
		}
	}
	if len(others) > 0 {
		return ctrl.Result{}, errors.Join(others...)
	}
	return result, nil
}

// parts are the errors that errors.Join has put together, those within others too.
func parts(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, err := range joined.Unwrap() {
		all = append(all, parts(err)...)
	}
	return all
}

// earlier is the smaller of two times to look again, of which zero is none.
func earlier(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// retryConflict is how long the cache gets to catch up after a write was refused
// because the object that it was decided on had changed.
const retryConflict = 200 * time.Millisecond
