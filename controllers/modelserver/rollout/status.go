// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// Outcome is what a person is to make of a state.
type Outcome int

const (
	// Reconciling is on its way, or heals by itself.
	Reconciling Outcome = iota
	// Stalled needs a person to act.
	Stalled
	// Serving has the spec's revision live, baked and available.
	Serving
)

// Status is what a plan means to a person.
type Status struct {
	Outcome Outcome
	// Reason and Message are those of the Ready condition.
	Reason, Message string
	// Candidate is what is started and tested, if there is something.
	Candidate *v1alpha1.CandidateRevision
	// Refused says which request of a person makes no sense, or is nil.
	Refused *Refusal
	// RolledBack is the rejection of the spec's revision while another is live.
	RolledBack *Rejection
	// Pods is the revision whose pods hold things up, Job the test that does; both may be empty.
	Pods, Job string
}

// Describe says how the rollout stands.
func Describe(o *Observed) Status {
	if o.Service == nil || o.Service.Record == nil {
		return reconciling(v1alpha1.PendingReason, "the Service is being created")
	}
	r := o.Service.Record
	s := describe(o, r)
	if s.Candidate == nil {
		s.Candidate = candidateStatus(o, r)
	}
	s.Refused = refusal(o, r)
	return s
}

func describe(o *Observed, r *Record) Status {
	failed := r.Rejection(r.Live)
	switch {
	case failed != nil && r.Fallback != "":
		happened := "failed its bake"
		if failed.Reason == v1alpha1.AbortedReason {
			happened = "was rejected"
		}
		s := reconciling(v1alpha1.RollbackBlockedReason,
			"revision %s %s (%s), and revision %s has no ready replica to switch back to: find out why its pods don't become ready", r.Live, happened, failed.Message, r.Fallback)
		s.Pods = r.Fallback
		return s
	case o.Target == nil && r.Live != "" && o.Unresolved.Served == r.Live:
		return describeServed(o, r)
	case o.Target == nil:
		return describeUnresolved(o)
	case o.rejected(r, o.Target.Name):
		return describeRejected(r, r.Rejection(o.Target.Name))
	case o.isTarget(r.Live):
		return describeLive(o, r)
	case !o.Steering.Paused && o.exists(o.Target.Name) == nil && o.untilTried(r, o.Target.Name) > 0,
		r.isRetiring(o.Target.Name) && o.untilTried(r, o.Target.Name) > 0:
		return describePostponed(o, r.Postponed, o.untilTried(r, o.Target.Name))
	case r.isRetiring(o.Target.Name):
		return reconciling(v1alpha1.WaitingForDeletionReason,
			"revision %s is asked for again and starts when its earlier Deployment is gone", o.Target.Name)
	case o.isTarget(r.Fallback):
		if o.Steering.Paused {
			return describePaused("revision %s, which the spec asks for, is the fallback, and has yet to get the traffic", r.Fallback)
		}
		s := reconciling(v1alpha1.StartingReason, "switching back to revision %s when enough of its replicas are available", r.Fallback)
		s.Pods = r.Fallback
		return s
	default:
		return describeCandidate(o)
	}
}

func describeUnresolved(o *Observed) Status {
	s := Status{Reason: o.Unresolved.Reason, Message: o.Unresolved.Message}
	if o.Unresolved.Stalled {
		s.Outcome = Stalled
	}
	return s
}

// describeServed describes live where it serves what the spec asks for, though the run
// that its model came from is gone.
func describeServed(o *Observed, r *Record) Status {
	if o.rejected(r, r.Live) {
		return describeRejected(r, r.Rejection(r.Live))
	}
	s := describeLive(o, r)
	s.Message += "; " + o.Unresolved.Message
	return s
}

func describeRejected(r *Record, rejection *Rejection) Status {
	s := Status{
		Outcome: Stalled,
		Reason:  rejection.Reason,
		Message: fmt.Sprintf("revision %s was rejected: %s", rejection.Revision, rejection.Message),
	}
	switch r.Live {
	case "":
		s.Message += "; nothing is served"
	case rejection.Revision:
		s.Message += "; it stays live because there is no revision to roll back to"
	default:
		s.Message += fmt.Sprintf("; revision %s stays live", r.Live)
		s.RolledBack = rejection
	}
	s.Message += ". To retry, " + retryAborted(rejection) + "set spec.retry to another value, or change the model, spec.image, spec.server, spec.podTemplate, spec.smoke, or spec.promotion"
	return s
}

func describeLive(o *Observed, r *Record) Status {
	var available int32
	live := o.exists(r.Live)
	if live != nil {
		available = live.Available
	}
	var s Status
	switch {
	case !Enough(available, o.Expected()):
		s = reconciling(v1alpha1.UnavailableReason, "%d of %d replicas of revision %s are available", available, o.Desired, r.Live)
	case r.Baked && live != nil && live.Elsewhere > 0:
		s = reconciling(v1alpha1.StartingReason, "the model of revision %s has moved to %s; pods that still load it from where it was: %d",
			r.Live, live.Model.URI, live.Elsewhere)
	case r.Baked && live != nil && live.Altered > 0:
		s = reconciling(v1alpha1.StartingReason, "replacing the pods of revision %s, because the images of some were edited outside Trainyard: %d", r.Live, live.Altered)
	case r.Baked:
		s = Status{
			Outcome: Serving,
			Reason:  v1alpha1.ServingReason,
			Message: fmt.Sprintf("revision %s is live with %d of %d replicas available", r.Live, available, o.Desired),
		}
		if o.Steering.Paused {
			s.Message += "; spec.rollout.paused holds back the next rollout"
		}
	case o.Steering.Paused && (!baking(r) || o.bakePassed(r)):
		s = describePaused("revision %s has the traffic, and its bake has yet to end", r.Live)
	default:
		s = reconciling(v1alpha1.BakingReason, "revision %s has the traffic and is watched", r.Live)
		if least := o.BakeRequests(); least > 0 {
			s.Message += fmt.Sprintf(" for spec.promotion.bakeTime, and until it has answered as many requests of users as spec.promotion.minRequests says, %d", least)
		}
		s.explainJob(o, bakeID(r))
	}
	s.Pods = r.Live
	return s
}

func describeCandidate(o *Observed) Status {
	name := o.Target.Name
	revision := o.exists(name)
	if s, ok := describeHalted(o, name, revision); ok {
		return s
	}
	if revision == nil {
		if len(o.Revisions) >= MaxDeployments {
			return reconciling(v1alpha1.WaitingForDeletionReason, "revision %s starts when an earlier revision is gone", name)
		}
		return reconciling(v1alpha1.StartingReason, "the Deployment of revision %s is being created", name)
	}
	id := smokeID(o.Policy, revision)
	if o.passed(revision) {
		if wait := untilPromoted(o, o.Service.Record, name); wait > 0 {
			return describeHeld(name, o, wait)
		}
		if o.awaitsPromotion(name) {
			return describeAwaiting(name)
		}
	}
	if job := o.newest(id); job == nil && !revision.allAvailable() || job != nil && job.State == JobPassed {
		s := reconciling(v1alpha1.StartingReason, "%d of %d replicas of revision %s are available", revision.Available, o.Desired, name)
		s.Pods = name
		return s
	}
	s := reconciling(v1alpha1.SmokingReason, "every replica of revision %s is being tested", name)
	s.Pods = name
	s.explainJob(o, id)
	return s
}

// describeHalted says what of a candidate a pause holds up; false if nothing, because a
// test that runs goes on.
func describeHalted(o *Observed, name string, revision *Revision) (Status, bool) {
	if !o.Steering.Paused {
		return Status{}, false
	}
	if revision == nil {
		return describePaused("revision %s has yet to be started", name), true
	}
	job := o.newest(smokeID(o.Policy, revision))
	switch {
	case job != nil && job.State == JobRunning:
		return Status{}, false
	case o.passed(revision):
		return describePaused("revision %s has passed its smoke test, and has yet to get the traffic", name), true
	default:
		return describePaused("revision %s has yet to be tested", name), true
	}
}

// describeHeld says that a candidate has passed and waits, because it lost all its
// replicas when it had the traffic last.
func describeHeld(name string, o *Observed, wait time.Duration) Status {
	return reconciling(v1alpha1.StartingReason,
		"revision %s has passed its smoke test and gets the traffic again at %s: the last time none of its replicas stayed available",
		name, o.Now.Add(wait).UTC().Format(time.RFC3339))
}

// explainJob says which Job is waited for, and why it is another attempt if it is one.
func (s *Status) explainJob(o *Observed, id JobID) {
	job := o.newest(id)
	if job == nil {
		return
	}
	s.Job = job.Name()
	if job.Skipped != "" {
		s.Message += fmt.Sprintf("; not compared with the revision before, because %s: its own samples decide", job.Skipped)
	}
	if job.State == JobVoid {
		s.Message += fmt.Sprintf("; Job %s ended without a verdict (%s) and is run again", s.Job, job.Message)
	} else if last := o.before(job); job.State == JobRunning && last != nil {
		s.Message += fmt.Sprintf("; attempt %d runs, because Job %s ended without a verdict (%s)", job.Attempt+1, last.Name(), last.Message)
	}
}

// candidateStatus describes the candidate; while the spec's model can't be resolved,
// that is a revision that was one before and stays.
func candidateStatus(o *Observed, r *Record) *v1alpha1.CandidateRevision {
	var revision *Revision
	if c := o.candidate(r); c != nil {
		if revision = o.exists(c.Name); revision == nil {
			return &v1alpha1.CandidateRevision{Revision: c.Name, Model: c.Model, Stage: v1alpha1.CandidateStarting}
		}
	} else if o.Target == nil {
		for _, name := range sortedKeys(o.Revisions) {
			if name != r.Live && name != r.Fallback && !r.isRetiring(name) && o.exists(name) != nil {
				revision = o.Revisions[name]
			}
		}
	}
	if revision == nil {
		return nil
	}
	status := &v1alpha1.CandidateRevision{Revision: revision.Name, Model: revision.Model, Stage: v1alpha1.CandidateStarting}
	if !revision.Created.IsZero() {
		status.StartTime = &metav1.Time{Time: revision.Created.Truncate(time.Second)}
	}
	if job := o.newest(smokeID(o.Policy, revision)); job != nil {
		status.Stage, status.Checks = v1alpha1.CandidateSmoking, job.Checks
	} else if revision.allAvailable() {
		status.Stage = v1alpha1.CandidateSmoking
	}
	if o.passed(revision) && o.awaitsPromotion(revision.Name) {
		status.Stage = v1alpha1.CandidateAwaitingPromotion
	}
	return status
}

// Expected is how many replicas live is to have available: as many as are asked for or,
// while it is scaled up, as many as it had. Scaling up that the API server refuses is none.
func (o *Observed) Expected() int32 {
	r := o.Service.Record
	live := o.exists(r.Live)
	if live == nil || live.Refused || r.Available == 0 {
		return o.Desired
	}
	return max(1, min(o.Desired, r.Available))
}

// Enough tells whether at least three quarters of the expected replicas are available,
// and at least one.
func Enough(available, expected int32) bool {
	return available >= 1 && int64(available)*4 >= int64(expected)*3
}

func reconciling(reason, format string, args ...any) Status {
	return Status{Outcome: Reconciling, Reason: reason, Message: fmt.Sprintf(format, args...)}
}
