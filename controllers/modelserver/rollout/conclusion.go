// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"reflect"
	"slices"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Result is how the rollout of a revision has ended.
type Result string

const (
	// Succeeded passed its bake.
	Succeeded Result = "Succeeded"
	// Rejected failed before it had traffic.
	Rejected Result = "Rejected"
	// RolledBack lost the traffic again to the revision before.
	RolledBack Result = "RolledBack"
	// Failed failed with the traffic, and with nothing to roll back to.
	Failed Result = "Failed"
	// Superseded made room for another revision before it was baked.
	Superseded Result = "Superseded"
	// Postponed didn't start in time, and is tried again.
	Postponed Result = "Postponed"
)

// ReasonBaked is that of a rollout that has succeeded.
const ReasonBaked = "Baked"

// ConclusionReasons are the reasons that each result may have.
var ConclusionReasons = map[Result][]string{
	Succeeded: {ReasonBaked},
	Rejected: {
		v1alpha1.AbortedReason, v1alpha1.GateNotMetReason, v1alpha1.ModelInvalidReason, v1alpha1.NoBetterThanChanceReason, v1alpha1.SmokeFailedReason,
	},
	RolledBack: {v1alpha1.AbortedReason, v1alpha1.BakeFailedReason, v1alpha1.UnavailableReason, ReasonGone},
	Failed:     {v1alpha1.AbortedReason, v1alpha1.BakeFailedReason},
	Superseded: {ReasonReplaced},
	Postponed:  {v1alpha1.ProgressDeadlineExceededReason},
}

// Conclusion is the end of a revision's rollout.
type Conclusion struct {
	Revision string
	Result   Result
	Reason   string
}

// Conclusions returns the rollouts that end by a change of the record; none where there was no
// record before.
func Conclusions(before, after *Record) []Conclusion {
	if before == nil {
		return nil
	}
	var ends []Conclusion
	add := func(revision string, result Result, reason string) {
		ends = append(ends, Conclusion{revision, result, reason})
	}
	moved := before.Live != after.Live
	rejected := newlyRejected(before, after)
	if rejected != nil && rejected.Revision != before.Live {
		add(rejected.Revision, Rejected, rejected.Reason)
	}
	switch {
	case moved && before.Live != "" && !before.Baked:
		endOfLive(before, after, add)
	case !moved && rejected != nil && rejected.Revision == before.Live && before.Fallback == "":
		add(before.Live, Failed, rejected.Reason) // where there is a fallback it is about to be switched back to
	case !moved && after.Baked && !before.Baked:
		add(after.Live, Succeeded, ReasonBaked)
	}
	postponed := newlyPostponed(before, after)
	if postponed != "" {
		add(postponed, Postponed, v1alpha1.ProgressDeadlineExceededReason)
	}
	for _, retiring := range after.Retiring {
		name := retiring.Name
		ended := name == before.Live || name == before.Fallback || name == postponed || rejected != nil && name == rejected.Revision
		if !ended && !slices.Contains(before.Retiring, retiring) {
			add(name, Superseded, ReasonReplaced)
		}
	}
	return ends
}

// endOfLive tells how the rollout of a live revision ends that loses the traffic before it
// is baked.
func endOfLive(before, after *Record, add func(string, Result, string)) {
	reason := ReasonGone // of a record whose history was edited
	if len(after.History) > 0 {
		reason = after.History[0].Reason
	}
	failed := before.Rejection(before.Live)
	switch {
	case reason != ReasonReplaced:
		add(before.Live, RolledBack, reason)
	case failed == nil:
		add(before.Live, Superseded, reason)
	case before.Fallback != "":
		add(before.Live, Failed, failed.Reason) // the fallback never became ready
	}
}

// newlyRejected returns the rejection that a change of the record adds, or nil.
func newlyRejected(before, after *Record) *Rejection {
	if len(after.Rejected) == 0 {
		return nil
	}
	newest := &after.Rejected[0]
	if known := before.Rejection(newest.Revision); known != nil && reflect.DeepEqual(known, newest) {
		return nil
	}
	return newest
}

// newlyPostponed returns the revision that a change of the record postpones, or nothing.
func newlyPostponed(before, after *Record) string {
	if after.Postponed == nil || before.Postponed != nil && reflect.DeepEqual(before.Postponed, after.Postponed) {
		return ""
	}
	return after.Postponed.Revision
}
