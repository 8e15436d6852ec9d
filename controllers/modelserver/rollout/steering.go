// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Steering is what a person asks for beside the spec's revision. It holds as long as it is
// said, not once: so it means the same however often it is applied, and needs no memory.
type Steering struct {
	// Paused stops the rollout where it is.
	Paused bool
	// Retry has revisions tried again that were rejected under another value.
	Retry string
	// Manual says that a candidate gets the traffic only by Promote.
	Manual bool
	// Promote and Reject name revisions; they may be empty, or no revision's name.
	Promote, Reject string
}

// Refusal says why a request of a person is ignored.
type Refusal struct{ Reason, Message string }

// abortedMessage is that of a rejection by a person.
const abortedMessage = "the annotation " + v1alpha1.RejectAnnotation + " names it"

// awaitsPromotion tells whether a candidate has to be promoted by a person who hasn't yet.
func (o *Observed) awaitsPromotion(candidate string) bool {
	return o.Steering.Manual && o.Steering.Promote != candidate
}

// rejected tells whether the revision failed under what the spec says now.
func (o *Observed) rejected(r *Record, revision string) bool {
	return r.rejectedUnder(revision, o.Policy, o.Steering.Retry)
}

// describePaused says what a pause holds up.
func describePaused(format string, args ...any) Status {
	return reconciling(v1alpha1.PausedReason, format+"; it goes on when spec.rollout.paused is false", args...)
}

func describeAwaiting(name string) Status {
	return reconciling(v1alpha1.AwaitingPromotionReason,
		"revision %s has passed its smoke test and waits, because spec.promotion.mode is Manual: to give it the traffic, set the annotation %s to its name; to take it back, the annotation %s",
		name, v1alpha1.PromoteAnnotation, v1alpha1.RejectAnnotation)
}

// retryAborted is what has to be done first to retry a revision that a person has rejected.
func retryAborted(rejection *Rejection) string {
	if rejection.Reason != v1alpha1.AbortedReason {
		return ""
	}
	return "remove the annotation " + v1alpha1.RejectAnnotation + ", and "
}

// refusal returns what a person asks for that makes no sense, the rejection first, or nil.
func refusal(o *Observed, r *Record) *Refusal {
	if why := whyNotReject(o, r, o.Steering.Reject); why != "" {
		return &Refusal{Reason: v1alpha1.RejectionRefusedReason, Message: fmt.Sprintf("the annotation %s is %q, %s", v1alpha1.RejectAnnotation, o.Steering.Reject, why)}
	}
	if why := whyNotPromote(o, r, o.Steering.Promote); why != "" {
		return &Refusal{Reason: v1alpha1.PromotionRefusedReason, Message: fmt.Sprintf("the annotation %s is %q, %s", v1alpha1.PromoteAnnotation, o.Steering.Promote, why)}
	}
	return nil
}

// whyNotReject says why a revision can't be rejected; empty if it can, or is already, or
// has gone another way.
func whyNotReject(o *Observed, r *Record, name string) string {
	switch {
	case name == "" || r.Rejection(name) != nil:
		return ""
	case name == r.Live && r.Baked:
		return "which is live and has passed its bake, so that there is no revision to roll back to: change spec.model, and remove the annotation"
	case name == r.Fallback:
		return fmt.Sprintf("which is what revision %s is rolled back to: to have the traffic there, name %s; else remove the annotation", r.Live, r.Live)
	case name == r.Live || o.knows(r, name):
		return ""
	default:
		return "which is no revision of this server: name one of its status, or remove the annotation"
	}
}

// whyNotPromote says why a revision can't be promoted; empty if it can, or has been.
func whyNotPromote(o *Observed, r *Record, name string) string {
	rejection := r.Rejection(name)
	switch {
	case name == "" || name == r.Live:
		return ""
	case name == o.Steering.Reject:
		return "which the annotation " + v1alpha1.RejectAnnotation + " names too: remove one of the two"
	case name == r.Fallback && o.Steering.Manual && !o.isTarget(name):
		return fmt.Sprintf("which is what revision %s is rolled back to: to have the traffic there, set the annotation %s to %s", r.Live, v1alpha1.RejectAnnotation, r.Live)
	case slices.ContainsFunc(r.History, func(x v1alpha1.RetiredRevision) bool { return x.Revision == name }):
		return "" // done
	case o.rejected(r, name):
		return fmt.Sprintf("which was rejected (%s): to have it tested again, set spec.retry to another value", rejection.Reason)
	case o.isTarget(name) || o.Target == nil && o.exists(name) != nil:
		return ""
	case o.Target != nil:
		return fmt.Sprintf("which isn't the revision that the spec asks for: name %s, or remove the annotation", o.Target.Name)
	default:
		return "which is no revision of this server: remove the annotation"
	}
}

// knows tells whether a revision is, or was, the server's.
func (o *Observed) knows(r *Record, name string) bool {
	return o.isTarget(name) || o.Revisions[name] != nil || r.isRetiring(name) ||
		slices.ContainsFunc(r.History, func(x v1alpha1.RetiredRevision) bool { return x.Revision == name })
}
