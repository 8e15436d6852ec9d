// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"reflect"
	"slices"
	"time"
)

// MaxDeployments bounds the Deployments of a server: live, fallback and candidate.
const MaxDeployments = 3

// Actions is what a pass is to do. If Record is set, the pass writes it and does
// nothing else; the other fields are empty then.
type Actions struct {
	// Record is to be written, with the Service's selector set to its Live.
	Record *Record
	// Rule is the name of the rule that asks for that, as in the package's documentation.
	Rule string
	// Repaired says what was changed outside Trainyard, if that is put right.
	Repaired string
	// Gone are Deployments whose absence the new record relies on.
	Gone []string

	// Create are the revisions whose Deployment is to be made: from the template that is
	// kept or, where there is none, from the spec, whose revision it is then.
	Create []Scale
	// Scale are Deployments whose number of replicas is to change.
	Scale []Scale
	// Start are the tests to start.
	Start []Start
	// DeleteJobs are names of Jobs that are of no interest any more.
	DeleteJobs []string
	// DeleteRevisions are Deployments to delete, with their UID as precondition.
	DeleteRevisions []Retiring
	// KeepTemplates are revisions whose template is to be kept, as their Deployment has it.
	KeepTemplates []string
	// DeleteTemplates are revisions whose template is of no interest any more.
	DeleteTemplates []string

	// RequeueAfter is when time alone changes the plan; zero if it doesn't.
	RequeueAfter time.Duration
}

// Scale is a number of replicas for a revision.
type Scale struct {
	Revision string
	Replicas int32
}

// Start is a test to start.
type Start struct {
	JobID
	// Pods are those that a smoke test tests.
	Pods []Pod
	// MinRequests is how many requests of users a bake waits for.
	MinRequests int32
	// Unreachable says why an attempt before couldn't reach the samples of the revision
	// that it compares with; empty if none tells.
	Unreachable string
}

// rule asks for one kind of change of the record, if it applies. Its name is that in the
// package's documentation.
type rule struct {
	name  string
	apply func(*Observed, *Record) (Actions, bool)
	// waits says that the rule takes the rollout further, so that it isn't followed while the rollout is paused.
	waits bool
}

// by returns what a rule asks for, with its name.
func (r rule) by(o *Observed, record *Record) (Actions, bool) {
	actions, ok := r.apply(o, record)
	if ok {
		actions.Rule = r.name
	}
	return actions, ok
}

// The rules. The first that applies is followed: recovery where there is no record, atRest
// where there is nothing at all to do.
var (
	recovery = rule{name: "recover", apply: recoverRecord}
	rules    = []rule{
		{name: "reselect", apply: reselect},
		{name: "switchBack", apply: switchBack},
		{name: "dropFallback", apply: dropFallback},
		{name: "rebake", apply: rebake, waits: true},
		{name: "finishBake", apply: finishBake, waits: true},
		{name: "returnBack", apply: returnBack, waits: true},
		{name: "retire", apply: retire},
		{name: "reject", apply: reject},
		{name: "promote", apply: promote, waits: true},
		{name: "postpone", apply: postpone, waits: true},
		{name: "noteStart", apply: noteStart},
		{name: "note", apply: note},
		{name: "forget", apply: forget},
	}
	atRest = rule{name: "count", apply: count}
)

// Plan decides what the next pass does.
func Plan(o *Observed) Actions {
	if o.Service == nil || o.Service.Record == nil {
		actions, _ := recovery.by(o, nil)
		return actions
	}
	record := o.Service.Record
	for _, rule := range rules {
		if rule.waits && o.Steering.Paused {
			continue
		}
		if actions, ok := rule.by(o, record); ok {
			return actions
		}
	}
	actions := children(o, record)
	if actions.idle() {
		if counted, ok := atRest.by(o, record); ok {
			return counted
		}
	}
	return actions
}

// idle tells whether there is nothing to do now.
func (a *Actions) idle() bool {
	rest := *a
	rest.RequeueAfter = 0
	return reflect.DeepEqual(rest, Actions{})
}

// children brings Deployments and Jobs in line with the record.
func children(o *Observed, r *Record) Actions {
	var a Actions
	create(o, r, &a)
	scale(o, r, &a)
	startSmoke(o, r, &a)
	startBake(o, r, &a)
	deleteJobs(o, r, &a)
	templates(o, r, &a)
	for _, retiring := range r.Retiring {
		if d := o.exists(retiring.Name); d != nil && d.UID == retiring.UID {
			a.DeleteRevisions = append(a.DeleteRevisions, retiring)
		}
	}
	if left, ok := o.untilDeadline(r); ok {
		a.wakeAfter(max(left, time.Second))
	}
	if !r.Baked {
		a.wakeAfter(untilGraceEnds(o, r))
	}
	return a
}

// create makes the candidate's Deployment, and that of live or of the fallback if it was
// deleted outside Trainyard: it is the same revision, so what was tested about it still
// holds.
func create(o *Observed, r *Record, a *Actions) {
	add := func(name string, replicas int32) {
		if o.Revisions[name] == nil && len(o.Revisions)+len(a.Create) < MaxDeployments {
			a.Create = append(a.Create, Scale{name, replicas})
		}
	}
	if o.Templates[r.Live] || o.isTarget(r.Live) {
		if add(r.Live, o.Desired); len(a.Create) > 0 {
			a.Repaired = "Deployment " + r.Live + " of the live revision was deleted outside Trainyard; recreated it"
		}
	}
	if before := len(a.Create); o.canServeAgain(r.Fallback) {
		if add(r.Fallback, o.Desired); len(a.Create) > before {
			a.repaired("Deployment " + r.Fallback + " of the fallback was deleted outside Trainyard; recreated it")
		}
	}
	c := o.candidate(r)
	if c == nil || o.Steering.Paused {
		return
	}
	if wait := o.untilTried(r, c.Name); wait > 0 && o.Revisions[c.Name] == nil {
		a.wakeAfter(wait)
		return
	}
	add(c.Name, candidateReplicas(o, r))
}

// repaired adds to what was changed outside Trainyard and is put right.
func (a *Actions) repaired(message string) {
	if a.Repaired != "" {
		message = a.Repaired + "; " + message
	}
	a.Repaired = message
}

// candidateReplicas is enough to take over what live carries now.
func candidateReplicas(o *Observed, r *Record) int32 {
	replicas := max(1, o.Desired)
	if live := o.exists(r.Live); live != nil {
		replicas = max(replicas, live.Available)
	}
	return replicas
}

func scale(o *Observed, r *Record, a *Actions) {
	to := func(revision *Revision, replicas int32) {
		if revision != nil && revision.Replicas != replicas {
			a.Scale = append(a.Scale, Scale{revision.Name, replicas})
		}
	}
	to(o.exists(r.Live), o.Desired)
	to(o.exists(r.Fallback), o.Desired)
	c := o.candidate(r)
	if c == nil {
		return
	}
	revision := o.exists(c.Name)
	if revision == nil {
		return
	}
	if job := o.newest(smokeID(o.Policy, revision)); job != nil && job.State == JobRunning {
		return // held: the test is about these very pods
	}
	to(revision, candidateReplicas(o, r))
}

func startSmoke(o *Observed, r *Record, a *Actions) {
	c := o.candidate(r)
	if c == nil || o.Steering.Paused {
		return
	}
	revision := o.exists(c.Name)
	if revision == nil || revision.Replicas != candidateReplicas(o, r) || !revision.allAvailable() {
		return
	}
	id, after, ok := o.nextAttempt(smokeID(o.Policy, revision))
	if ok {
		a.Start = append(a.Start, Start{JobID: id, Pods: revision.staying(), Unreachable: o.unreachable(id)})
	}
	a.wakeAfter(after)
	a.wakeAfter(untilPromoted(o, r, c.Name))
}

func startBake(o *Observed, r *Record, a *Actions) {
	if live := o.exists(r.Live); !baking(r) || live == nil || live.Edited || live.Rolling || !endpointsFollowed(o, r) {
		return
	}
	id, after, ok := o.nextAttempt(bakeID(r))
	if ok {
		a.Start = append(a.Start, Start{JobID: id, MinRequests: o.BakeRequests(), Unreachable: o.unreachable(id)})
	}
	a.wakeAfter(after)
}

// endpointsFollowed tells whether the Service's endpoints are those of live alone,
// and one of them is ready.
func endpointsFollowed(o *Observed, r *Record) bool {
	ready := false
	for _, endpoint := range o.Endpoints {
		if endpoint.Revision != r.Live {
			return false
		}
		ready = ready || endpoint.Ready
	}
	return ready
}

// deleteJobs deletes every Job but the newest attempt at what is to be tested now, and
// the one before it, which says why there is another. What a test says of a revision that
// was edited meanwhile is no use: it is begun anew.
func deleteJobs(o *Observed, r *Record, a *Actions) {
	var wanted []JobID
	if o.Target == nil {
		// A candidate stays as it is, and so do its results.
		for _, job := range o.Jobs {
			if job.Check == Smoke && job.Revision != r.Live && o.exists(job.Revision) != nil && !r.isRetiring(job.Revision) {
				wanted = append(wanted, job.JobID)
			}
		}
	} else if c := o.candidate(r); c != nil && o.exists(c.Name) != nil {
		wanted = append(wanted, smokeID(o.Policy, o.exists(c.Name)))
	}
	if baking(r) {
		wanted = append(wanted, bakeID(r))
	}
	for _, job := range o.Jobs {
		revision := o.Revisions[job.Revision]
		current := (revision == nil || !revision.Edited) && slices.ContainsFunc(wanted, func(id JobID) bool {
			return job.same(id) && job.Attempt >= o.newest(id).Attempt-1
		})
		if !current && !job.Deleting {
			a.DeleteJobs = append(a.DeleteJobs, job.Name())
		}
	}
}

// templates keeps the template of each revision that has a Deployment or may be given
// one again, and of no other.
func templates(o *Observed, r *Record, a *Actions) {
	for _, name := range sortedKeys(o.Revisions) {
		if !o.Templates[name] && o.exists(name) != nil && !r.isRetiring(name) {
			a.KeepTemplates = append(a.KeepTemplates, name)
		}
	}
	c := o.candidate(r)
	for _, name := range sortedKeys(o.Templates) {
		wanted := name == r.Live || name == r.Fallback || c != nil && name == c.Name
		if !wanted && o.Revisions[name] == nil {
			a.DeleteTemplates = append(a.DeleteTemplates, name)
		}
	}
}

// wakeAfter asks for a pass in that time at the latest.
func (a *Actions) wakeAfter(after time.Duration) {
	if after > 0 && (a.RequeueAfter == 0 || after < a.RequeueAfter) {
		a.RequeueAfter = after
	}
}
