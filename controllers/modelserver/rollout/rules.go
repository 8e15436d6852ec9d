// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// now is the time in whole seconds, as the API keeps it.
func (o *Observed) now() metav1.Time {
	return metav1.NewTime(o.Now).Rfc3339Copy()
}

// model is what is known of a revision's model.
func (o *Observed) model(name string) v1alpha1.RevisionModel {
	if revision := o.Revisions[name]; revision != nil {
		return revision.Model
	}
	if o.isTarget(name) {
		return o.Target.Model
	}
	return v1alpha1.RevisionModel{}
}

// moveTo returns a copy of the record in which another revision has the traffic.
func moveTo(o *Observed, r *Record, to *Revision, reason, by string) *Record {
	next := r.clone()
	next.leave(o.model(r.Live), o.now(), reason, by)
	next.pardon(to.Name)
	next.Starting = nil
	if next.Postponed != nil && next.Postponed.Revision == to.Name {
		next.Postponed = nil
	}
	next.Switch++
	next.At, next.BakedSince = o.now(), metav1.Time{}
	next.Live = to.Name
	next.Available = to.Available
	next.Requests = nil
	next.watch(nil)
	return next
}

// recoverRecord makes the record again from the status, where the revisions that it
// names still exist, or live's template does. Whether live had been baked isn't known,
// so it is baked again.
func recoverRecord(o *Observed, _ *Record) (Actions, bool) {
	r := &Record{At: o.now(), History: o.Last.History}
	for _, job := range o.Jobs {
		// A bake of a record that is lost must not be taken for one of this record.
		if n, err := strconv.ParseInt(job.Key, 10, 64); job.Check == Bake && err == nil {
			r.Switch = max(r.Switch, n+1)
		}
	}
	for _, rejected := range o.Last.Rejected {
		r.Rejected = append(r.Rejected, Rejection{RejectedRevision: rejected, Policy: o.Policy, Retry: o.Steering.Retry})
	}
	live, fallback := o.exists(o.Last.Live), o.exists(o.Last.Fallback)
	switch {
	case live == nil && fallback != nil:
		r.Live, r.Available, r.Baked = fallback.Name, fallback.Available, true
	case live != nil || o.Templates[o.Last.Live]:
		r.Live = o.Last.Live
		if live != nil {
			r.Available = live.Available
		}
		if !o.Last.LiveSince.IsZero() {
			r.At, r.BakedSince = o.Last.LiveSince, o.now()
		}
		if o.canServeAgain(o.Last.Fallback) && o.Last.Fallback != r.Live {
			r.Fallback = o.Last.Fallback
		}
	}
	a := Actions{Record: r}
	switch {
	case o.Service != nil:
		a.Repaired = o.Service.RecordProblem + "; recreated it from status"
	case r.Live != "":
		a.Repaired = "the Service was deleted outside Trainyard; recreated it, with its rollout record, from status"
	}
	return a, true
}

// reselect: the selector isn't the record's live revision. The record wins.
func reselect(o *Observed, r *Record) (Actions, bool) {
	if o.Service.Selected == r.Live {
		return Actions{}, false
	}
	return Actions{
		Record:   r.clone(),
		Repaired: "the Service's selector was changed outside Trainyard; set it back to the live revision",
	}, true
}

// switchBack (B): live failed its bake, or a person rejected it; or it lost all its replicas, or was deleted
// outside Trainyard, and is then a candidate again if the spec asks for it.
func switchBack(o *Observed, r *Record) (Actions, bool) {
	if r.Live == "" || r.Baked {
		return Actions{}, false
	}
	failure := bakeFailure(o, r)
	rejected := r.Rejection(r.Live) != nil
	gone := o.exists(r.Live) == nil
	if failure == nil && !rejected && !gone && !lost(o, r) {
		return Actions{}, false
	}
	a := Actions{}
	if gone {
		a.Gone = []string{r.Live}
	}
	if fallback := o.exists(r.Fallback); fallback != nil && fallback.Available > 0 {
		var reason string
		switch {
		case failure != nil:
			reason = failure.Reason
		case rejected:
			reason = r.Rejection(r.Live).Reason
		case gone:
			reason = ReasonGone
		default:
			reason = v1alpha1.UnavailableReason
		}
		by := MovedByTrainyard
		if reason == v1alpha1.AbortedReason {
			by = v1alpha1.RejectAnnotation
		}
		a.Record = moveTo(o, r, fallback, reason, by)
		a.Record.Baked, a.Record.Fallback = true, ""
		if reason != v1alpha1.UnavailableReason {
			a.Record.retire(o.Revisions[r.Live])
		}
	} else if failure != nil && !rejected {
		// Selected all the same: there is nothing better.
		a.Record = r.clone()
	}
	if a.Record == nil {
		return Actions{}, false
	}
	if failure != nil && !rejected {
		a.Record.reject(*failure)
	}
	return a, true
}

// dropFallback: the fallback was deleted or taken over outside Trainyard, and nothing can
// bring it back. While that goes on, it stays the fallback.
func dropFallback(o *Observed, r *Record) (Actions, bool) {
	if r.Fallback == "" || o.canServeAgain(r.Fallback) {
		return Actions{}, false
	}
	next := r.clone()
	next.Fallback = ""
	return Actions{
		Record:   next,
		Repaired: "Deployment " + r.Fallback + " of the fallback was deleted outside Trainyard and can't be recreated; there is no revision to roll back to",
		Gone:     []string{r.Fallback},
	}, true
}

// rebake: live failed its bake, with nothing to switch back to, and the policy or
// spec.retry has changed since.
func rebake(o *Observed, r *Record) (Actions, bool) {
	live := o.exists(r.Live)
	if r.Baked || live == nil || live.Available == 0 || !o.isTarget(r.Live) ||
		r.Rejection(r.Live) == nil || o.rejected(r, r.Live) {
		return Actions{}, false
	}
	next := r.clone()
	next.pardon(r.Live)
	next.Switch++
	next.BakedSince = o.now()
	next.Available = live.Available
	next.watch(Ends(live.Pods))
	return Actions{Record: next}, true
}

// finishBake (step 5): the bake passed.
func finishBake(o *Observed, r *Record) (Actions, bool) {
	if live := o.exists(r.Live); !baking(r) || live == nil || live.Edited {
		return Actions{}, false
	}
	if !o.bakePassed(r) {
		return Actions{}, false
	}
	next := r.clone()
	next.Baked, next.Fallback, next.BakedSince = true, "", metav1.Time{}
	next.Requests = o.newest(bakeID(r)).Requests
	next.watch(nil)
	next.retire(o.Revisions[r.Fallback])
	return Actions{Record: next}, true
}

// bakePassed tells whether the test of live's bake has passed.
func (o *Observed) bakePassed(r *Record) bool {
	job := o.newest(bakeID(r))
	return job != nil && job.State == JobPassed
}

// returnBack: the spec asks for the fallback again. It has been baked, so there is
// nothing to test; it takes over as soon as it carries as much as live.
func returnBack(o *Observed, r *Record) (Actions, bool) {
	if !o.isTarget(r.Fallback) {
		return Actions{}, false
	}
	fallback := o.exists(r.Fallback)
	enough := o.Desired
	if live := o.exists(r.Live); live != nil {
		enough = min(enough, live.Available)
	}
	if fallback == nil || fallback.Available < max(1, enough) {
		return Actions{}, false
	}
	next := moveTo(o, r, fallback, ReasonReplaced, o.Target.movedBy())
	next.Baked, next.Fallback = true, ""
	next.retire(o.Revisions[r.Live])
	return Actions{Record: next}, true
}

// reject (R): the candidate failed before it had traffic.
func reject(o *Observed, r *Record) (Actions, bool) {
	c := o.candidate(r)
	if c == nil {
		return Actions{}, false
	}
	revision := o.Revisions[c.Name]
	reason, message, checks := candidateFailure(o, c, revision)
	if reason == "" {
		return Actions{}, false
	}
	next := r.clone()
	next.reject(newRejection(o, c.Name, reason, message, checks))
	next.retire(revision)
	return Actions{Record: next}, true
}

func candidateFailure(o *Observed, c *Target, revision *Revision) (reason, message string, checks []v1alpha1.CheckResult) {
	if o.Steering.Reject == c.Name {
		return v1alpha1.AbortedReason, abortedMessage, nil
	}
	if c.GateFailure != "" {
		return v1alpha1.GateNotMetReason, c.GateFailure, nil
	}
	if c.ChanceFailure != "" {
		return v1alpha1.NoBetterThanChanceReason, c.ChanceFailure, nil
	}
	if revision == nil || revision.Edited {
		return "", "", nil
	}
	if message := modelRefused(revision); message != "" {
		return v1alpha1.ModelInvalidReason, message, nil
	}
	job := o.newest(smokeID(o.Policy, revision))
	switch {
	case job == nil:
	case job.State == JobFailed:
		return v1alpha1.SmokeFailedReason, job.Message, job.Checks
	case job.State == JobVoid && job.Ended != nil:
		// The test didn't reach a server, and that is why.
		if pod, end := revision.ownEnd(job.Ended); end != nil {
			return v1alpha1.SmokeFailedReason, fmt.Sprintf("a container of pod %s ended while it was tested: %s", pod, end), job.Checks
		}
	}
	return "", "", nil
}

// promote (step 3): every pod of the candidate passed, there are enough of them, and a
// person has approved it where that is asked for.
func promote(o *Observed, r *Record) (Actions, bool) {
	c := o.candidate(r)
	if c == nil {
		return Actions{}, false
	}
	revision := o.exists(c.Name)
	if !o.passed(revision) || revision.Available < o.Desired || untilPromoted(o, r, c.Name) > 0 || o.awaitsPromotion(c.Name) {
		return Actions{}, false
	}
	by := c.movedBy()
	if o.Steering.Manual {
		by = v1alpha1.PromoteAnnotation
	}
	next := moveTo(o, r, revision, ReasonReplaced, by)
	next.watch(Ends(revision.Pods))
	if r.Baked {
		next.Fallback = r.Live
	} else {
		next.retire(o.Revisions[r.Live])
	}
	next.Baked = false
	if !o.canServeAgain(next.Fallback) {
		next.Fallback = "" // nothing can bring it back
	}
	return Actions{Record: next}, true
}

// passed tells whether every pod that a candidate has now has passed its smoke test.
func (o *Observed) passed(revision *Revision) bool {
	if revision == nil || !revision.allAvailable() {
		return false
	}
	job := o.newest(smokeID(o.Policy, revision))
	return job != nil && job.State == JobPassed
}

// retire: a revision that is neither live, nor fallback, nor to be tried. Nothing is
// retired while the spec's revision isn't known.
func retire(o *Observed, r *Record) (Actions, bool) {
	if o.Target == nil {
		return Actions{}, false
	}
	next := r.clone()
	for _, name := range sortedKeys(o.Revisions) {
		revision := o.Revisions[name]
		wanted := name == r.Live || name == r.Fallback || o.candidate(r) != nil && o.isTarget(name)
		if !wanted && !revision.Deleting {
			next.retire(revision)
		}
	}
	return Actions{Record: next}, len(next.Retiring) > len(r.Retiring)
}

// forget: a retired Deployment is gone.
func forget(o *Observed, r *Record) (Actions, bool) {
	next := r.clone()
	next.Retiring = nil
	var gone []string
	for _, retiring := range r.Retiring {
		if revision := o.Revisions[retiring.Name]; revision != nil && revision.UID == retiring.UID {
			next.Retiring = append(next.Retiring, retiring)
		} else {
			gone = append(gone, retiring.Name)
		}
	}
	return Actions{Record: next, Gone: gone}, len(gone) > 0
}

// count: live has as many replicas as are asked for. While it is scaled up later, it is
// as available as it was with these.
func count(o *Observed, r *Record) (Actions, bool) {
	live := o.exists(r.Live)
	if live == nil || live.Replicas != o.Desired || live.Available != o.Desired || r.Available == o.Desired {
		return Actions{}, false
	}
	next := r.clone()
	next.Available = o.Desired
	return Actions{Record: next}, true
}
