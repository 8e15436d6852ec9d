// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

const (
	firstPostponement   = 10 * time.Minute
	longestPostponement = 6 * time.Hour
)

// Starting is a Deployment that has yet to become available, and since when by the manager's clock.
type Starting struct {
	UID   types.UID   `json:"uid"`
	Since metav1.Time `json:"since"`
}

// Postponement is a revision that didn't start in time. That is no evidence against its model.
type Postponement struct {
	Revision string `json:"revision"`
	// Retry is the value of spec.retry then: another one has it tried at once.
	Retry string `json:"retry,omitempty"`
	// Failures is how often in a row it didn't start, At when the last time.
	Failures int32       `json:"failures"`
	At       metav1.Time `json:"at"`
	// Message says what it was waiting for.
	Message string `json:"message,omitempty"`
}

// postponed returns the postponement of a revision that counts under what the spec says now, or nil.
func (o *Observed) postponed(r *Record, revision string) *Postponement {
	if p := r.Postponed; p != nil && p.Revision == revision && p.Retry == o.Steering.Retry {
		return p
	}
	return nil
}

// untilTried is how long a revision that didn't start waits to be tried again.
func (o *Observed) untilTried(r *Record, revision string) time.Duration {
	p := o.postponed(r, revision)
	if p == nil || o.Now.Before(p.At.Time) { // of another manager's clock
		return 0
	}
	return max(0, postponement(p.Failures)-o.Now.Sub(p.At.Time))
}

// postponement is how long a revision waits that failed to start so often.
func postponement(failures int32) time.Duration {
	delay := firstPostponement
	for n := int32(1); n < failures && delay < longestPostponement; n++ {
		delay = min(2*delay, longestPostponement)
	}
	return delay
}

// starting returns the candidate's Deployment while it has yet to become available and is
// to be in time, or nil.
func (o *Observed) starting(r *Record) *Revision {
	c := o.candidate(r)
	if c == nil || o.ProgressDeadline == 0 || o.Steering.Paused {
		return nil
	}
	if revision := o.exists(c.Name); revision != nil && !revision.allAvailable() {
		return revision
	}
	return nil
}

// untilDeadline is how long the candidate may go on starting; false if none starts whose
// start has been noted.
func (o *Observed) untilDeadline(r *Record) (time.Duration, bool) {
	revision := o.starting(r)
	if revision == nil || r.Starting == nil || r.Starting.UID != revision.UID || o.Now.Before(r.Starting.Since.Time) {
		return 0, false
	}
	return max(0, o.ProgressDeadline-o.Now.Sub(r.Starting.Since.Time)), true
}

// postpone: the candidate didn't start in time. What it needs may come later: it makes room
// meanwhile, and is tried again.
func postpone(o *Observed, r *Record) (Actions, bool) {
	if left, ok := o.untilDeadline(r); !ok || left > 0 {
		return Actions{}, false
	}
	revision := o.starting(r)
	next := r.clone()
	next.Starting = nil
	next.Postponed = &Postponement{Revision: revision.Name, Retry: o.Steering.Retry, Failures: 1, At: o.now(), Message: o.Last.Message}
	if before := o.postponed(r, revision.Name); before != nil {
		next.Postponed.Failures = before.Failures + 1
	}
	next.retire(revision)
	return Actions{Record: next}, true
}

// noteStart: the candidate begins, or ceases, to start.
func noteStart(o *Observed, r *Record) (Actions, bool) {
	revision := o.starting(r)
	if _, noted := o.untilDeadline(r); noted || revision == nil && r.Starting == nil {
		return Actions{}, false
	}
	next := r.clone()
	next.Starting = nil
	if revision != nil {
		next.Starting = &Starting{UID: revision.UID, Since: o.now()}
	}
	return Actions{Record: next}, true
}

// describePostponed says when a revision is tried again that didn't start, and why it didn't.
func describePostponed(o *Observed, p *Postponement, wait time.Duration) Status {
	times := "once"
	if p.Failures > 1 {
		times = fmt.Sprintf("%d times", p.Failures)
	}
	s := reconciling(v1alpha1.ProgressDeadlineExceededReason,
		"revision %s didn't start within spec.rollout.progressDeadline, %s so far; it is tried again at %s, or at once when spec.retry has another value",
		p.Revision, times, o.Now.Add(wait).UTC().Format(time.RFC3339))
	if p.Message != "" {
		s.Message += "; the last time: " + p.Message
	}
	return s
}
