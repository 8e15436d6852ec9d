// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// StalledError stops a reconcile until a person acts.
type StalledError struct {
	Reason string
	err    error
}

func (e *StalledError) Error() string { return e.err.Error() }
func (e *StalledError) Unwrap() error { return e.err }

// Stalled returns an error that makes the object Stalled with this reason.
func Stalled(reason string, err error) error { return &StalledError{Reason: reason, err: err} }

// WaitingError ends a reconcile that has to wait for something that heals by itself.
type WaitingError struct {
	Reason string
	After  time.Duration
	err    error
}

func (e *WaitingError) Error() string { return e.err.Error() }
func (e *WaitingError) Unwrap() error { return e.err }

// Waiting returns an error that makes the object Reconciling with this reason. After
// is when to look again; zero waits for an event.
func Waiting(reason string, after time.Duration, err error) error {
	return &WaitingError{Reason: reason, After: after, err: err}
}

// recheckStalled is how often an object is looked at again that waits for a person:
// what it needs may be an object that the controllers don't watch.
const recheckStalled = 30 * time.Second

// sortErrors splits a reconcile's errors, which status reports already. Typed errors
// become a time to look again, of which the earliest counts, planned among them. A
// write that was refused because its object has changed or gone since it was read is
// no error either: the next pass decides anew. All others are returned joined.
func sortErrors(planned time.Duration, err error) (within time.Duration, outdated bool, others error) {
	within = planned
	var rest []error
	for _, err := range parts(err) {
		var stall *StalledError
		var wait *WaitingError
		switch {
		case errors.As(err, &stall):
			within = earlier(within, recheckStalled)
		case errors.As(err, &wait):
			within = earlier(within, wait.After)
		case IsOutdated(err):
			outdated = true
		default:
			rest = append(rest, err)
		}
	}
	return within, outdated, errors.Join(rest...)
}

// IsOutdated tells whether a request failed because what it was decided on has changed
// or is gone.
func IsOutdated(err error) bool { return apierrors.IsConflict(err) || apierrors.IsNotFound(err) }

// QuietNamespaceEnd replaces an error that comes from a namespace being deleted by one that
// waits: no object can be created there any more and those that exist go one by one, so
// nothing is wrong. Whatever else is joined with it is no news then.
func QuietNamespaceEnd(namespace string, err error) error {
	for _, err := range parts(err) {
		if IsNamespaceEnding(err) {
			return Waiting(v1alpha1.WaitingForDeletionReason, MaxRetry,
				fmt.Errorf("namespace %s is being deleted; nothing can be created in it", namespace))
		}
	}
	return err
}

// IsNamespaceEnding tells whether a request was refused because its namespace is being
// deleted or gone.
func IsNamespaceEnding(err error) bool {
	var status apierrors.APIStatus
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return true
	}
	return apierrors.IsNotFound(err) && errors.As(err, &status) &&
		status.Status().Details != nil && status.Status().Details.Kind == "namespaces"
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
