// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// grace is how long replicas of live may be not ready, and live be without any, before
// that has consequences.
const grace = 30 * time.Second

// baking tells whether live is being watched: neither baked nor known to have failed.
func baking(r *Record) bool {
	return r.Live != "" && !r.Baked && r.Rejection(r.Live) == nil
}

// BakeRequests is how many requests of users the bake of live waits for. Where there is nothing to roll back to it waits for
// none: who sends requests may itself be waiting until the server is ready.
func (o *Observed) BakeRequests() int32 {
	if o.Service == nil || o.Service.Record == nil || o.Service.Record.Fallback == "" {
		return 0
	}
	return o.MinRequests
}

// bakeFailure returns why live fails its bake, or nil. Only a person's word and evidence
// against the model count: a wrong answer, a container that ended by itself, a server that runs and says
// that it isn't ready. What the cluster does to its pods is none, nor is what somebody has
// made of its Deployment.
func bakeFailure(o *Observed, r *Record) *Rejection {
	live := o.exists(r.Live)
	if baking(r) && o.Steering.Reject == r.Live {
		rejection := newRejection(o, r.Live, v1alpha1.AbortedReason, abortedMessage, nil)
		return &rejection
	}
	if !baking(r) || live == nil || live.Edited {
		return nil // of a Deployment that is gone nothing tells whether it was edited before
	}
	fail := func(message string, checks []v1alpha1.CheckResult) *Rejection {
		rejection := newRejection(o, r.Live, v1alpha1.BakeFailedReason, message, checks)
		return &rejection
	}
	if job := o.newest(bakeID(r)); job != nil && job.State == JobFailed {
		return fail(job.Message, job.Checks)
	}
	if r.Ended == nil {
		return nil // what ended before the bake isn't known yet: note writes it down
	}
	if pod, end := live.ownEnd(r.Ended); end != nil && !live.Rolling {
		return fail(fmt.Sprintf("a container of pod %s ended while it had traffic: %s", pod, end), nil)
	}
	if unready := live.unready(); unready > 0 && o.lasting(r.UnreadySince) {
		return fail(fmt.Sprintf("%d of %d replicas have been running without being ready for %s: their logs say why", unready, live.Replicas, grace), nil)
	}
	return nil
}

// lost tells whether live has had no available replica for so long that its fallback
// is to take over, whatever the cause.
func lost(o *Observed, r *Record) bool {
	live := o.exists(r.Live)
	return baking(r) && live != nil && live.Available == 0 && o.lasting(r.LostSince)
}

// lasting tells whether the grace period since then is over. Both times are of the
// manager's clock: those in a pod's status are of other clocks, and aren't compared with it.
func (o *Observed) lasting(since metav1.Time) bool {
	return !since.IsZero() && o.Now.Sub(since.Time) >= grace
}

// note writes down what a bake has to know later and the cluster doesn't keep: which
// containers ended before it, and since when live isn't well.
func note(o *Observed, r *Record) (Actions, bool) {
	live := o.exists(r.Live)
	if !baking(r) || live == nil {
		return Actions{}, false
	}
	next := r.clone()
	if next.Ended == nil {
		next.Ended = Ends(live.Pods)
	}
	next.UnreadySince = since(live.unready() > 0, r.UnreadySince, o)
	next.LostSince = since(live.Available == 0, r.LostSince, o)
	changed := r.Ended == nil || !next.UnreadySince.Equal(&r.UnreadySince) || !next.LostSince.Equal(&r.LostSince)
	return Actions{Record: next}, changed
}

// since is when something began that holds now, or zero.
func since(holds bool, before metav1.Time, o *Observed) metav1.Time {
	switch {
	case !holds:
		return metav1.Time{}
	case before.IsZero() || o.Now.Before(before.Time): // another manager's clock was ahead
		return o.now()
	default:
		return before
	}
}

// untilGraceEnds is when [bakeFailure] and [lost] have to be asked again, because they
// depend on time.
func untilGraceEnds(o *Observed, r *Record) time.Duration {
	var next time.Duration
	for _, began := range []metav1.Time{r.UnreadySince, r.LostSince} {
		if left := grace - o.Now.Sub(began.Time); !began.IsZero() && left > 0 && (next == 0 || left < next) {
			next = left
		}
	}
	return next
}

// untilPromoted is how long a candidate that has passed waits for the traffic, because
// it has had it before and lost all its replicas: a minute, twice as long each time.
func untilPromoted(o *Observed, r *Record, candidate string) time.Duration {
	var delay time.Duration
	var last metav1.Time
	for _, entry := range r.History { // the newest first
		if entry.Revision != candidate || entry.Reason != v1alpha1.UnavailableReason {
			continue
		}
		if delay = min(2*delay, longestHold); delay == 0 {
			delay = firstHold
			last = ptrTime(entry.RetiredTime)
		}
	}
	if last.IsZero() || o.Now.Before(last.Time) {
		return 0
	}
	return max(0, delay-o.Now.Sub(last.Time))
}

const (
	firstHold   = time.Minute
	longestHold = time.Hour
)

func ptrTime(t *metav1.Time) metav1.Time {
	if t == nil {
		return metav1.Time{}
	}
	return *t
}

// modelRefused says which pod of a revision refused its model file, if one did.
func modelRefused(revision *Revision) string {
	for _, pod := range revision.staying() {
		if t := pod.Terminated; t != nil && t.ModelInvalid {
			return fmt.Sprintf("the server of pod %s refused the model file: %s", pod.Name, t)
		}
	}
	return ""
}

// String says how a container ended, in half a sentence.
func (t *Termination) String() string {
	s := fmt.Sprintf("exit code %d", t.ExitCode)
	if t.Reason != "" {
		s += ", " + t.Reason
	}
	if t.Message != "" {
		s += ": " + t.Message
	}
	return s
}

func newRejection(o *Observed, revision, reason, message string, checks []v1alpha1.CheckResult) Rejection {
	at := o.now()
	failing := slices.DeleteFunc(slices.Clone(checks), func(c v1alpha1.CheckResult) bool { return c.Result != v1alpha1.CheckFailed })
	return Rejection{
		Policy: o.Policy,
		Retry:  o.Steering.Retry,
		RejectedRevision: v1alpha1.RejectedRevision{
			Revision: revision,
			Model:    o.model(revision),
			Reason:   reason,
			Message:  message,
			Checks:   failing,
			Time:     &at,
		},
	}
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
