// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// degradedGrace is how long live may have fewer replicas available than at the switch.
const degradedGrace = 30 * time.Second

// baking tells whether live is being watched: neither baked nor known to have failed.
func baking(r *Record) bool {
	return r.Live != "" && !r.Baked && r.Rejection(r.Live) == nil
}

// bakeFailure returns why live fails its bake, or nil.
func bakeFailure(o *Observed, r *Record) *Rejection {
	if !baking(r) {
		return nil
	}
	fail := func(message string, checks []v1alpha1.CheckResult) *Rejection {
		rejection := newRejection(o, r.Live, v1alpha1.BakeFailedReason, message, checks)
		return &rejection
	}
	if job := o.newest(bakeID(r)); job != nil && job.State == JobFailed {
		return fail(job.Message, job.Checks)
	}
	live := o.Revisions[r.Live]
	if live == nil {
		return nil
	}
	for _, pod := range live.staying() {
		// Both times are in whole seconds.
		if t := pod.Terminated; t != nil && !t.At.Before(r.bakeStart().Time) {
			return fail(fmt.Sprintf("a container of pod %s ended while it had traffic: %s", pod.Name, t), nil)
		}
	}
	if since, short := degraded(o, r, live); short > 0 && o.Now.Sub(since) >= degradedGrace {
		return fail(fmt.Sprintf("%d of %d replicas have been unavailable for %s",
			short, min(r.Available, live.Replicas), degradedGrace), nil)
	}
	return nil
}

// degraded tells how many replicas fewer are available than at the switch, and since
// when. Replicas that were scaled away or that no node has room for don't count, nor
// do pods that have been unready, or there, for less than the grace period.
func degraded(o *Observed, r *Record, live *Revision) (since time.Time, short int32) {
	if live.UnavailableSince.IsZero() {
		return time.Time{}, 0
	}
	want := min(r.Available, live.Replicas)
	var excused int32
	for _, pod := range live.staying() {
		young := o.Now.Sub(pod.Since) < degradedGrace
		if pod.Ready || pod.Unschedulable || young {
			excused++
		}
	}
	return live.UnavailableSince, max(0, want-excused)
}

// untilDegraded is when [bakeFailure] has to be asked again, because it depends on
// time: when the youngest pod that isn't ready has used up its grace.
func untilDegraded(o *Observed, r *Record) time.Duration {
	live := o.Revisions[r.Live]
	if live == nil || live.UnavailableSince.IsZero() {
		return 0
	}
	var next time.Duration
	wake := func(since time.Time) {
		if left := degradedGrace - o.Now.Sub(since); left > 0 && (next == 0 || left < next) {
			next = left
		}
	}
	wake(live.UnavailableSince)
	for _, pod := range live.staying() {
		if !pod.Ready {
			wake(pod.Since)
		}
	}
	return next
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
