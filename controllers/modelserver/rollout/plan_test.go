// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

var (
	t0  = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at0 = metav1.NewTime(t0)
	now = t0.Add(time.Minute)
	at1 = metav1.NewTime(now)
)

// revision makes a Deployment with n replicas, all ready; its UID is u<name>, its
// pods' are <name>0, <name>1 and so on.
func revision(name string, n int32) *Revision {
	r := &Revision{Name: name, UID: types.UID("u" + name), Replicas: n, Available: n, Model: v1alpha1.RevisionModel{SHA256: name}}
	for i := range n {
		id := fmt.Sprintf("%s%d", name, i)
		r.Pods = append(r.Pods, Pod{Name: id, UID: types.UID(id), URL: "http://" + id, Ready: true})
	}
	return r
}

// observed makes an observation with these revisions, their templates, two replicas asked
// for, and the selector as the record has it.
func observed(target string, record *Record, revisions ...*Revision) *Observed {
	o := &Observed{Now: now, Policy: "p", Desired: 2, Revisions: map[string]*Revision{}, Templates: map[string]bool{}}
	if target != "" {
		o.Target = &Target{Name: target, Model: v1alpha1.RevisionModel{SHA256: target}}
	}
	if record != nil {
		o.Service = &Service{Selected: record.Live, Record: record}
		o.Endpoints = []Endpoint{{Revision: record.Live, Ready: true}}
	}
	for _, r := range revisions {
		o.Revisions[r.Name] = r
		o.Templates[r.Name] = true
	}
	return o
}

// with adds a Job for a test to an observation.
func (o *Observed) with(id JobID, state JobState) *Observed {
	o.Jobs = append(o.Jobs, Job{JobID: id, State: state, Started: now, Message: "said the job"})
	return o
}

func (o *Observed) smoke(name string, state JobState) *Observed {
	return o.with(smokeID("p", o.Revisions[name]), state)
}

func (o *Observed) bake(state JobState) *Observed { return o.with(bakeID(o.Service.Record), state) }

func (o *Observed) but(change func(*Observed)) *Observed {
	change(o)
	return o
}

func rejection(name, policy, reason string) Rejection {
	return Rejection{Policy: policy, RejectedRevision: v1alpha1.RejectedRevision{Revision: name, Reason: reason, Message: "said the job",
		Model: v1alpha1.RevisionModel{SHA256: name}, Time: &at1}}
}

func paused(o *Observed) { o.Steering.Paused = true }

func aborted(name string) Rejection {
	r := rejection(name, "p", v1alpha1.AbortedReason)
	r.Message = "the annotation trainyard.dev/reject names it"
	return r
}

// left is the history of a revision that lost the traffic by what a reason mostly is by.
func left(name, reason string) v1alpha1.RetiredRevision {
	by := map[string]string{ReasonReplaced: "spec", v1alpha1.AbortedReason: "trainyard.dev/reject"}[reason]
	if by == "" {
		by = "Trainyard"
	}
	return v1alpha1.RetiredRevision{Revision: name, Model: v1alpha1.RevisionModel{SHA256: name}, PromotedTime: &at0, RetiredTime: &at1, Reason: reason, MovedBy: by}
}

func leftBy(by, name, reason string) v1alpha1.RetiredRevision {
	entry := left(name, reason)
	entry.MovedBy = by
	return entry
}

func bakedRecord(live string) *Record {
	return &Record{Switch: 1, At: at0, Live: live, Available: 2, Baked: true}
}
func bakingRecord(live, fallback string) *Record {
	return &Record{Switch: 2, At: at0, Live: live, Available: 2, Fallback: fallback, Ended: map[types.UID]string{}}
}

// TestRecordWrites has, for each rule, what it writes; nil is no write of the record.
func TestRecordWrites(t *testing.T) {
	retireB := []Retiring{{"b", "ub"}}
	editedB := func(o *Observed) { o.Revisions["b"].Edited = true }
	cases := map[string]struct {
		o    *Observed
		rule string // that asks for the write; empty where there is none
		want *Record
	}{
		"recover: the first pass": {rule: "recover", o: observed("a", nil), want: &Record{At: at1}},
		"recover: the record is lost": {
			rule: "recover",
			o: observed("a", nil, revision("a", 2), revision("b", 2)).but(func(o *Observed) {
				o.Service = &Service{Selected: "a", RecordProblem: "the record is unreadable"}
				o.Last = Last{Live: "a", LiveSince: at0, Fallback: "b", Rejected: []v1alpha1.RejectedRevision{{Revision: "c"}}}
			}).with(JobID{Check: Bake, Revision: "a", Key: "6"}, JobPassed),
			want: &Record{Switch: 7, At: at0, BakedSince: at1, Live: "a", Available: 2, Fallback: "b",
				Rejected: []Rejection{{RejectedRevision: v1alpha1.RejectedRevision{Revision: "c"}, Policy: "p"}}},
		},
		"recover: the Service is gone, and when it moved isn't known": {
			rule: "recover",
			o:    observed("a", nil, revision("a", 2)).but(func(o *Observed) { o.Last = Last{Live: "a"} }),
			want: &Record{At: at1, Live: "a", Available: 2},
		},
		"recover: only the fallback exists": {
			rule: "recover",
			o:    observed("a", nil, revision("b", 2)).but(func(o *Observed) { o.Last = Last{Live: "a", LiveSince: at0, Fallback: "b"} }),
			want: &Record{At: at1, Live: "b", Available: 2, Baked: true},
		},
		"recover: only the template of live exists": {
			rule: "recover",
			o: observed("b", nil).but(func(o *Observed) {
				o.Templates["a"] = true
				o.Last = Last{Live: "a", LiveSince: at0, Rejected: []v1alpha1.RejectedRevision{{Revision: "b"}}}
			}),
			want: &Record{At: at0, BakedSince: at1, Live: "a",
				Rejected: []Rejection{{RejectedRevision: v1alpha1.RejectedRevision{Revision: "b"}, Policy: "p"}}},
		},
		"recover: a fallback that exists goes before a template": {
			rule: "recover",
			o: observed("a", nil, revision("b", 2)).but(func(o *Observed) {
				o.Templates["a"] = true
				o.Last = Last{Live: "a", LiveSince: at0, Fallback: "b"}
			}),
			want: &Record{At: at1, Live: "b", Available: 2, Baked: true},
		},
		"reselect": {
			rule: "reselect",
			o:    observed("a", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) { o.Service.Selected = "x" }),
			want: bakedRecord("a"),
		},
		"promote: the first": {
			rule: "promote",
			o:    observed("a", &Record{}, revision("a", 2)).smoke("a", JobPassed),
			want: &Record{Switch: 1, At: at1, Live: "a", Available: 2},
		},
		"promote: the baked one becomes the fallback": {
			rule: "promote",
			o:    observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed),
			want: &Record{Switch: 2, At: at1, Live: "b", Available: 2, Fallback: "a",
				History: []v1alpha1.RetiredRevision{left("a", ReasonReplaced)}},
		},
		"promote during a bake: the baking one is retired, the fallback stays": {
			rule: "promote",
			o:    observed("c", bakingRecord("b", "a"), revision("a", 2), revision("b", 2), revision("c", 2)).smoke("c", JobPassed),
			want: &Record{Switch: 3, At: at1, Live: "c", Available: 2, Fallback: "a", Retiring: retireB,
				History: []v1alpha1.RetiredRevision{left("b", ReasonReplaced)}},
		},
		"no promotion while the test runs": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobRunning),
		},
		"no promotion by a test of other pods": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).
				but(func(o *Observed) { o.Revisions["b"].Pods[0].UID = "another" }),
		},
		"no promotion by a test under another policy": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).
				but(func(o *Observed) { o.Policy = "q" }),
		},
		"no promotion with fewer replicas than asked for": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).
				but(func(o *Observed) { o.Desired = 3 }),
		},
		"no promotion while a pod isn't ready": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).
				but(func(o *Observed) { o.Revisions["b"].Pods[1].Ready = false }),
		},
		"no promotion while retiring": {
			o: observed("b", &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Retiring: retireB}, revision("a", 2), revision("b", 2)).
				smoke("b", JobPassed),
		},
		"reject: smoke failed": {
			rule: "reject",
			o:    observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobFailed),
			want: &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				Rejected: []Rejection{rejection("b", "p", v1alpha1.SmokeFailedReason)}},
		},
		"reject: a gate, before anything is started": {
			rule: "reject",
			o:    observed("b", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) { o.Target.GateFailure = "said the job" }),
			want: &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true,
				Rejected: []Rejection{rejection("b", "p", v1alpha1.GateNotMetReason)}},
		},
		"reject: a gate against what has become live meanwhile, though its smoke test has passed": {
			rule: "reject",
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).
				but(func(o *Observed) { o.Target.GateFailure = "said the job" }),
			want: &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				Rejected: []Rejection{rejection("b", "p", v1alpha1.GateNotMetReason)}},
		},
		"reject: no better than guessing, before anything is started": {
			rule: "reject",
			o:    observed("b", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) { o.Target.ChanceFailure = "said the job" }),
			want: &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true,
				Rejected: []Rejection{rejection("b", "p", v1alpha1.NoBetterThanChanceReason)}},
		},
		"reject: no better than guessing, though its smoke test has passed": {
			rule: "reject",
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).
				but(func(o *Observed) { o.Target.ChanceFailure = "said the job" }),
			want: &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				Rejected: []Rejection{rejection("b", "p", v1alpha1.NoBetterThanChanceReason)}},
		},
		"what is live stays, though no better than guessing": {
			o: observed("a", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) { o.Target.ChanceFailure = "said the job" }),
		},
		"no promotion before a person has approved": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).
				but(func(o *Observed) { o.Steering = Steering{Manual: true, Promote: "a"} }),
		},
		"promote: a person has approved": {
			rule: "promote",
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).
				but(func(o *Observed) { o.Steering = Steering{Manual: true, Promote: "b"} }),
			want: &Record{Switch: 2, At: at1, Live: "b", Available: 2, Fallback: "a",
				History: []v1alpha1.RetiredRevision{leftBy("trainyard.dev/promote", "a", ReasonReplaced)}},
		},
		"a person's approval doesn't stand for the test": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobRunning).
				but(func(o *Observed) { o.Steering = Steering{Manual: true, Promote: "b"} }),
		},
		"back to the fallback's needs no approval: it has been baked": {
			rule: "returnBack",
			o: observed("a", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).
				but(func(o *Observed) { o.Steering.Manual = true }),
			want: &Record{Switch: 3, At: at1, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				History: []v1alpha1.RetiredRevision{left("b", ReasonReplaced)}},
		},
		"reject: a person says so, and goes before the approval": {
			rule: "reject",
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).
				but(func(o *Observed) { o.Steering = Steering{Manual: true, Promote: "b", Reject: "b"} }),
			want: &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Retiring: retireB, Rejected: []Rejection{aborted("b")}},
		},
		"reject: a person says so before anything is started": {
			rule: "reject",
			o:    observed("b", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) { o.Steering.Reject = "b" }),
			want: &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Rejected: []Rejection{aborted("b")}},
		},
		"rejected by a person: no further write": {
			o: observed("b", &Record{Live: "a", Available: 2, Baked: true, Rejected: []Rejection{aborted("b")}}, revision("a", 2)).
				but(func(o *Observed) { o.Steering.Reject = "b" }),
		},
		"switchBack: a person rejects live during its bake": {
			rule: "switchBack",
			o:    observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobPassed).but(func(o *Observed) { o.Steering.Reject = "b" }),
			want: &Record{Switch: 3, At: at1, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				Rejected: []Rejection{aborted("b")},
				History:  []v1alpha1.RetiredRevision{left("b", v1alpha1.AbortedReason)}},
		},
		"switchBack, not blocked any more, after a person's rejection": {
			rule: "switchBack",
			o: observed("b", &Record{Switch: 2, At: at0, Live: "b", Fallback: "a", Rejected: []Rejection{aborted("b")}},
				revision("a", 2), revision("b", 2)),
			want: &Record{Switch: 3, At: at1, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				Rejected: []Rejection{aborted("b")},
				History:  []v1alpha1.RetiredRevision{left("b", v1alpha1.AbortedReason)}},
		},
		"a person rejects the first revision: it stays selected": {
			rule: "switchBack",
			o:    observed("a", bakingRecord("a", ""), revision("a", 2)).but(func(o *Observed) { o.Steering.Reject = "a" }),
			want: &Record{Switch: 2, At: at0, Live: "a", Available: 2, Rejected: []Rejection{aborted("a")}},
		},
		"a person can't reject what was baked": {
			o: observed("a", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) { o.Steering.Reject = "a" }),
		},
		"a person can't reject the fallback": {
			o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).but(func(o *Observed) { o.Steering.Reject = "a" }),
		},
		"rejected under another value of spec.retry: tried again, and its rejection kept until it passes": {
			rule: "promote",
			o: observed("b", &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Rejected: []Rejection{rejection("b", "p", "SmokeFailed")}}, revision("a", 2), revision("b", 2)).
				smoke("b", JobPassed).but(func(o *Observed) { o.Steering.Retry = "again" }),
			want: &Record{Switch: 2, At: at1, Live: "b", Available: 2, Fallback: "a", History: []v1alpha1.RetiredRevision{left("a", ReasonReplaced)}},
		},
		"reject: under the value of spec.retry": {
			rule: "reject",
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobFailed).
				but(func(o *Observed) { o.Steering.Retry = "again" }),
			want: &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				Rejected: []Rejection{func() Rejection {
					r := rejection("b", "p", v1alpha1.SmokeFailedReason)
					r.Retry = "again"
					return r
				}()}},
		},
		"rebake under another value of spec.retry": {
			rule: "rebake",
			o: observed("a", &Record{Switch: 1, At: at0, Live: "a", Rejected: []Rejection{rejection("a", "p", "BakeFailed")}}, revision("a", 2)).
				but(func(o *Observed) { o.Steering.Retry = "again" }),
			want: &Record{Switch: 2, At: at0, BakedSince: at1, Live: "a", Available: 2},
		},
		"paused: no promotion": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).but(paused),
		},
		"paused: no return to the fallback": {
			o: observed("a", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).but(paused),
		},
		"paused: no end of a bake": {
			o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobPassed).but(paused),
		},
		"paused: no other bake": {
			o: observed("a", &Record{Switch: 1, At: at0, Live: "a", Available: 2, Rejected: []Rejection{rejection("a", "old", "BakeFailed")}}, revision("a", 2)).but(paused),
		},
		"paused: what the spec doesn't ask for any more is retired": {
			rule: "retire",
			o:    observed("c", bakedRecord("a"), revision("a", 2), revision("b", 2)).but(paused),
			want: &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Retiring: retireB},
		},
		"paused: a bake that fails is switched back from": {
			rule: "switchBack",
			o:    observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobFailed).but(paused),
			want: &Record{Switch: 3, At: at1, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				Rejected: []Rejection{rejection("b", "p", v1alpha1.BakeFailedReason)},
				History:  []v1alpha1.RetiredRevision{left("b", v1alpha1.BakeFailedReason)}},
		},
		"paused: a test that fails counts": {
			rule: "reject",
			o:    observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobFailed).but(paused),
			want: &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				Rejected: []Rejection{rejection("b", "p", v1alpha1.SmokeFailedReason)}},
		},
		"a Job that failed by itself is no rejection": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobVoid),
		},
		"reject: a container ended by itself under its test, which reached nobody then": {
			rule: "reject",
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobVoid).but(func(o *Observed) {
				o.Jobs[0].Ended = map[types.UID]string{"b0": "1"}
				o.Revisions["b"].Pods[0].Terminated = &Termination{ID: "2", Own: true, ExitCode: 137, Reason: "OOMKilled"}
			}),
			want: &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				Rejected: []Rejection{func() Rejection {
					r := rejection("b", "p", v1alpha1.SmokeFailedReason)
					r.Message = "a container of pod b0 ended while it was tested: exit code 137, OOMKilled"
					return r
				}()}},
		},
		"a container that ended before its test is no rejection": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobVoid).but(func(o *Observed) {
				o.Jobs[0].Ended = map[types.UID]string{"b0": "1"}
				o.Revisions["b"].Pods[0].Terminated = &Termination{ID: "1", Own: true, ExitCode: 1}
			}),
		},
		"a container that was killed under its test is no rejection": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobVoid).but(func(o *Observed) {
				o.Jobs[0].Ended = map[types.UID]string{}
				o.Revisions["b"].Pods[0].Terminated = &Termination{ID: "1", ExitCode: 137}
			}),
		},
		"rejected: not tried again": {
			o: observed("b", &Record{Live: "a", Available: 2, Baked: true, Rejected: []Rejection{rejection("b", "p", "SmokeFailed")}}, revision("a", 2)),
		},
		"a newer spec: the candidate is retired": {
			rule: "retire",
			o:    observed("c", bakedRecord("a"), revision("a", 2), revision("b", 2)),
			want: &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Retiring: retireB},
		},
		"back to live's: the candidate is retired": {
			rule: "retire",
			o:    observed("a", bakedRecord("a"), revision("a", 2), revision("b", 2)),
			want: &Record{Switch: 1, At: at0, Live: "a", Available: 2, Baked: true, Retiring: retireB},
		},
		"back to the fallback's: at once": {
			rule: "returnBack",
			o:    observed("a", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)),
			want: &Record{Switch: 3, At: at1, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				History: []v1alpha1.RetiredRevision{left("b", ReasonReplaced)}},
		},
		"back to the fallback's: not before it carries as much as live": {
			o: observed("a", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).but(func(o *Observed) { o.Revisions["a"].Available = 1 }),
		},
		"unresolved: a candidate stays, and isn't promoted": {
			o: observed("", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed),
		},
		"unresolved: a bake ends": {
			rule: "finishBake",
			o:    observed("", bakingRecord("a", "b"), revision("a", 2), revision("b", 2)).bake(JobPassed),
			want: &Record{Switch: 2, At: at0, Live: "a", Available: 2, Baked: true, Retiring: retireB},
		},
		"finishBake": {
			rule: "finishBake",
			o:    observed("a", bakingRecord("a", "b"), revision("a", 2), revision("b", 2)).bake(JobPassed),
			want: &Record{Switch: 2, At: at0, Live: "a", Available: 2, Baked: true, Retiring: retireB},
		},
		"finishBake: what it has seen is noted": {
			rule: "finishBake",
			o: observed("a", bakingRecord("a", "b"), revision("a", 2), revision("b", 2)).bake(JobPassed).
				but(func(o *Observed) { o.Jobs[0].Requests = ptr.To[int64](0) }),
			want: &Record{Switch: 2, At: at0, Live: "a", Available: 2, Baked: true, Requests: ptr.To[int64](0), Retiring: retireB},
		},
		"no end of a bake by the Job of an earlier switch": {
			o: observed("a", bakingRecord("a", "b"), revision("a", 2), revision("b", 2)).with(JobID{Bake, "a", "1", 0}, JobPassed),
		},
		"switchBack": {
			rule: "switchBack",
			o:    observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobFailed),
			want: &Record{Switch: 3, At: at1, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				Rejected: []Rejection{rejection("b", "p", v1alpha1.BakeFailedReason)},
				History:  []v1alpha1.RetiredRevision{left("b", v1alpha1.BakeFailedReason)}},
		},
		"switchBack goes before a candidate that has passed": {
			rule: "switchBack",
			o:    observed("c", bakingRecord("b", "a"), revision("a", 2), revision("b", 2), revision("c", 2)).smoke("c", JobPassed).bake(JobFailed),
			want: &Record{Switch: 3, At: at1, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				Rejected: []Rejection{rejection("b", "p", v1alpha1.BakeFailedReason)},
				History:  []v1alpha1.RetiredRevision{left("b", v1alpha1.BakeFailedReason)}},
		},
		"switchBack blocked: the fallback isn't ready, live is only rejected": {
			rule: "switchBack",
			o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobFailed).
				but(func(o *Observed) { o.Revisions["a"].Available = 0 }),
			want: &Record{Switch: 2, At: at0, Live: "b", Available: 2, Fallback: "a",
				Rejected: []Rejection{rejection("b", "p", v1alpha1.BakeFailedReason)}},
		},
		"switchBack, not blocked any more": {
			rule: "switchBack",
			o: observed("b", &Record{Switch: 2, At: at0, Live: "b", Fallback: "a", Rejected: []Rejection{rejection("b", "p", v1alpha1.BakeFailedReason)}},
				revision("a", 2), revision("b", 2)),
			want: &Record{Switch: 3, At: at1, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				Rejected: []Rejection{rejection("b", "p", v1alpha1.BakeFailedReason)},
				History:  []v1alpha1.RetiredRevision{left("b", v1alpha1.BakeFailedReason)}},
		},
		"the first rollout's bake fails: live stays selected": {
			rule: "switchBack",
			o:    observed("a", bakingRecord("a", ""), revision("a", 2)).bake(JobFailed),
			want: &Record{Switch: 2, At: at0, Live: "a", Available: 2, Rejected: []Rejection{rejection("a", "p", v1alpha1.BakeFailedReason)}},
		},
		"live and rejected: no further write": {
			o: observed("a", &Record{Live: "a", Available: 2, Rejected: []Rejection{rejection("a", "p", "BakeFailed")}}, revision("a", 2)),
		},
		"live and rejected: the next spec's candidate takes over": {
			rule: "promote",
			o: observed("b", &Record{Switch: 1, At: at0, Live: "a", Rejected: []Rejection{rejection("a", "p", "BakeFailed")}},
				revision("a", 2), revision("b", 2)).smoke("b", JobPassed),
			want: &Record{Switch: 2, At: at1, Live: "b", Available: 2, Retiring: []Retiring{{"a", "ua"}},
				Rejected: []Rejection{rejection("a", "p", "BakeFailed")},
				History:  []v1alpha1.RetiredRevision{left("a", ReasonReplaced)}},
		},
		"rebake under another policy": {
			rule: "rebake",
			o:    observed("a", &Record{Switch: 1, At: at0, Live: "a", Rejected: []Rejection{rejection("a", "old", "BakeFailed")}}, revision("a", 2)),
			want: &Record{Switch: 2, At: at0, BakedSince: at1, Live: "a", Available: 2},
		},
		"live was deleted, the spec asks for another: back to the fallback": {
			rule: "switchBack",
			o:    observed("c", bakingRecord("b", "a"), revision("a", 2)).but(func(o *Observed) { o.Templates["b"] = true }),
			want: &Record{Switch: 3, At: at1, Live: "a", Available: 2, Baked: true,
				History: []v1alpha1.RetiredRevision{{Revision: "b", PromotedTime: &at0, RetiredTime: &at1, Reason: ReasonGone, MovedBy: "Trainyard"}}},
		},
		"live was deleted during its bake: back to the fallback, which serves at once": {
			rule: "switchBack",
			o:    observed("b", bakingRecord("b", "a"), revision("a", 2)).but(func(o *Observed) { o.Templates["b"] = true }),
			want: &Record{Switch: 3, At: at1, Live: "a", Available: 2, Baked: true,
				History: []v1alpha1.RetiredRevision{{Revision: "b", Model: v1alpha1.RevisionModel{SHA256: "b"}, PromotedTime: &at0, RetiredTime: &at1, Reason: ReasonGone, MovedBy: "Trainyard"}}},
		},
		"live is being deleted during its bake: back to the fallback": {
			rule: "switchBack",
			o:    observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).but(func(o *Observed) { o.Revisions["b"].Deleting = true }),
			want: &Record{Switch: 3, At: at1, Live: "a", Available: 2, Baked: true, Retiring: retireB,
				History: []v1alpha1.RetiredRevision{left("b", ReasonGone)}},
		},
		"live was deleted during its bake, the fallback isn't ready: live is recreated": {
			o: observed("b", bakingRecord("b", "a"), revision("a", 2)).but(func(o *Observed) { o.Revisions["a"].Available = 0 }),
		},
		"a bake that failed on what somebody made of live": {
			o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobFailed).but(editedB),
		},
		"a bake that passed on what somebody made of live": {
			o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobPassed).but(editedB),
		},
		"a smoke test that failed on what somebody made of the candidate": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobFailed).but(editedB),
		},
		"a smoke test that passed on what somebody made of the candidate": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).but(editedB),
		},
		"a smoke test that passed, but a pod is of an earlier template": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).but(func(o *Observed) { o.Revisions["b"].Rolling = true }),
		},
		"the fallback was deleted, and its template": {
			rule: "dropFallback",
			o:    observed("b", bakingRecord("b", "a"), revision("b", 2)),
			want: &Record{Switch: 2, At: at0, Live: "b", Available: 2},
		},
		"the fallback was taken over": {
			rule: "dropFallback",
			o: observed("b", bakingRecord("b", "a"), revision("b", 2)).but(func(o *Observed) {
				o.Templates["a"], o.Taken = true, map[string]bool{"a": true}
			}),
			want: &Record{Switch: 2, At: at0, Live: "b", Available: 2},
		},
		"the fallback was deleted, it is recreated": {
			o: observed("b", bakingRecord("b", "a"), revision("b", 2)).but(func(o *Observed) { o.Templates["a"] = true }),
		},
		"promote: live was deleted, it becomes the fallback all the same": {
			rule: "promote",
			o:    observed("b", bakedRecord("a"), revision("b", 2)).smoke("b", JobPassed).but(func(o *Observed) { o.Templates["a"] = true }),
			want: &Record{Switch: 2, At: at1, Live: "b", Available: 2, Fallback: "a",
				History: []v1alpha1.RetiredRevision{{Revision: "a", PromotedTime: &at0, RetiredTime: &at1, Reason: ReasonReplaced, MovedBy: "spec"}}},
		},
		"promote: live was taken over, there is no fallback": {
			rule: "promote",
			o: observed("b", bakedRecord("a"), revision("b", 2)).smoke("b", JobPassed).but(func(o *Observed) {
				o.Templates["a"], o.Taken = true, map[string]bool{"a": true}
			}),
			want: &Record{Switch: 2, At: at1, Live: "b", Available: 2,
				History: []v1alpha1.RetiredRevision{{Revision: "a", PromotedTime: &at0, RetiredTime: &at1, Reason: ReasonReplaced, MovedBy: "spec"}}},
		},
		"forget": {
			rule: "forget",
			o:    observed("a", &Record{Live: "a", Available: 2, Baked: true, Retiring: retireB}, revision("a", 2)),
			want: &Record{Live: "a", Available: 2, Baked: true},
		},
		"forget: another of the same name": {
			rule: "forget",
			o:    observed("a", &Record{Live: "a", Available: 2, Baked: true, Retiring: []Retiring{{"b", "old"}}}, revision("a", 2), revision("b", 2)),
			want: &Record{Live: "a", Available: 2, Baked: true}, // the next pass retires the other
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Plan(tc.o)
			if got.Rule != tc.rule || (got.Rule == "") != (got.Record == nil) {
				t.Errorf("rule = %q, want %q, and one if and only if the record is written", got.Rule, tc.rule)
			}
			if diff := cmp.Diff(tc.want, got.Record, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
			if got.Record != nil && got.Record.validate() != nil {
				t.Errorf("the record is invalid: %v", got.Record.validate())
			}
			others := got
			others.Record, others.Rule, others.Repaired, others.Gone = nil, "", "", nil
			if got.Record != nil && !cmp.Equal(others, Actions{}) {
				t.Errorf("a pass that writes the record does something else too: %+v", others)
			}
		})
	}
}

func TestRepairs(t *testing.T) {
	last := func(o *Observed) { o.Last = Last{Live: "a"} }
	cases := map[string]struct {
		o    *Observed
		want string
	}{
		"the first pass": {o: observed("a", nil)},
		"Service deleted": {
			o:    observed("a", nil, revision("a", 2)).but(last),
			want: "the Service was deleted outside Trainyard; recreated it, with its rollout record, from status",
		},
		"record unreadable": {
			o: observed("a", nil, revision("a", 2)).but(last).but(func(o *Observed) {
				o.Service = &Service{Selected: "a", RecordProblem: "the Service's rollout record is unreadable: EOF"}
			}),
			want: "the Service's rollout record is unreadable: EOF; recreated it from status",
		},
		"selector changed": {
			o:    observed("a", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) { o.Service.Selected = "x" }),
			want: "the Service's selector was changed outside Trainyard; set it back to the live revision",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Plan(tc.o).Repaired; got != tc.want {
				t.Errorf("Repaired = %q, want %q", got, tc.want)
			}
		})
	}
}

// A live revision that the cache alone believes gone must not cost it the traffic.
func TestSwitchFromGoneLiveIsChecked(t *testing.T) {
	o := observed("c", bakingRecord("b", "a"), revision("a", 2))
	if diff := cmp.Diff([]string{"b"}, Plan(o).Gone); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
}

func TestChildren(t *testing.T) {
	smokeB := smokeID("p", revision("b", 2))
	nextSmokeB := smokeB
	nextSmokeB.Attempt = 1
	bakeB := JobID{Bake, "b", "2", 0}
	rejectedB := bakedRecord("a")
	rejectedB.Rejected = []Rejection{rejection("b", "p", v1alpha1.SmokeFailedReason)}
	lostA := func(o *Observed) { o.Templates["a"] = true }
	const deletedA = "Deployment a of the live revision was deleted outside Trainyard; recreated it"
	cases := map[string]struct {
		o    *Observed
		want Actions
	}{
		"the first candidate": {o: observed("a", &Record{}), want: Actions{Create: []Scale{{"a", 2}}}},
		"a candidate as large as live is": {
			o:    observed("b", bakedRecord("a"), revision("a", 4)).but(func(o *Observed) { o.Desired = 3 }),
			want: Actions{Create: []Scale{{"b", 4}}, Scale: []Scale{{"a", 3}}},
		},
		"a candidate waits while three Deployments exist": {
			o: observed("d", &Record{Live: "b", Available: 2, Fallback: "a", Ended: map[types.UID]string{}, Retiring: []Retiring{{"c", "uc"}}},
				revision("a", 2), revision("b", 2), revision("c", 2)).but(func(o *Observed) { o.Revisions["c"].Deleting = true; o.Endpoints = nil }),
		},
		"a candidate waits for its own Deployment to go": {
			o: observed("b", &Record{Live: "a", Available: 2, Baked: true, Retiring: []Retiring{{"b", "ub"}}}, revision("a", 2), revision("b", 2)).
				but(func(o *Observed) { o.Revisions["b"].Deleting = true }),
		},
		"live was deleted: recreated, the same revision": {
			o: observed("a", bakedRecord("a")), want: Actions{Create: []Scale{{"a", 2}}, Repaired: deletedA},
		},
		"live was deleted, the spec's revision is rejected: recreated from its template": {
			o: observed("b", rejectedB).but(lostA), want: Actions{Create: []Scale{{"a", 2}}, Repaired: deletedA},
		},
		"live was deleted, the spec's model isn't resolved: recreated from its template": {
			o: observed("", bakedRecord("a")).but(lostA), want: Actions{Create: []Scale{{"a", 2}}, Repaired: deletedA},
		},
		"live was deleted and nothing says what it was made from": {
			o: observed("b", rejectedB),
		},
		"live is being deleted": {
			o: observed("b", rejectedB, revision("a", 2)).but(func(o *Observed) { o.Revisions["a"].Deleting = true }),
		},
		"live was deleted, a candidate is to be made": {
			o: observed("b", bakedRecord("a")).but(lostA), want: Actions{Create: []Scale{{"a", 2}, {"b", 2}}, Repaired: deletedA},
		},
		"live was deleted, there is room for one": {
			o: observed("b", &Record{Live: "a", Available: 2, Baked: true, Retiring: []Retiring{{"c", "uc"}, {"d", "ud"}}}, revision("c", 2), revision("d", 2)).but(lostA).
				but(func(o *Observed) { o.Revisions["c"].Deleting, o.Revisions["d"].Deleting = true, true }),
			want: Actions{Create: []Scale{{"a", 2}}, Repaired: deletedA},
		},
		"the fallback was deleted: recreated before the candidate": {
			o: observed("c", bakingRecord("b", "a"), revision("b", 2)).bake(JobRunning).but(lostA),
			want: Actions{Create: []Scale{{"a", 2}, {"c", 2}},
				Repaired: "Deployment a of the fallback was deleted outside Trainyard; recreated it"},
		},
		"a test that couldn't reach the samples of live is tried without them": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobVoid).but(func(o *Observed) {
				o.Jobs[0].Unreachable, o.Jobs[0].Started = "no volume", now.Add(-time.Hour)
			}),
			want: Actions{Start: []Start{{JobID: nextSmokeB, Pods: revision("b", 2).Pods, Unreachable: "no volume"}}},
		},
		"and so it is the next time": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobVoid).but(func(o *Observed) {
				o.Jobs[0].Skipped, o.Jobs[0].Started = "no volume", now.Add(-time.Hour)
			}),
			want: Actions{Start: []Start{{JobID: nextSmokeB, Pods: revision("b", 2).Pods, Unreachable: "no volume"}}},
		},
		"what was edited isn't tested, and its bake is deleted": {
			o:    observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobRunning).but(func(o *Observed) { o.Revisions["b"].Edited = true }),
			want: Actions{DeleteJobs: []string{"b-b-2-0"}},
		},
		"no bake while a pod of live is of an earlier template": {
			o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).but(func(o *Observed) { o.Revisions["b"].Rolling = true }),
		},
		"templates of revisions that exist are kept": {
			o:    observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobRunning).but(func(o *Observed) { o.Templates = nil }),
			want: Actions{KeepTemplates: []string{"a", "b"}},
		},
		"templates of revisions that go aren't": {
			o: observed("a", &Record{Live: "a", Available: 2, Baked: true, Retiring: []Retiring{{"b", "ub"}}}, revision("a", 2), revision("b", 2), revision("c", 2)).
				but(func(o *Observed) {
					o.Templates = nil
					o.Revisions["b"].Deleting, o.Revisions["c"].Deleting = true, true
				}),
			want: Actions{KeepTemplates: []string{"a"}},
		},
		"templates of what is neither there nor wanted are deleted": {
			o: observed("c", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobRunning).
				but(func(o *Observed) { o.Templates["c"], o.Templates["d"], o.Templates["e"] = true, true, true }),
			want: Actions{Create: []Scale{{"c", 2}}, DeleteTemplates: []string{"d", "e"}},
		},
		"the template of a rejected revision is deleted": {
			o:    observed("b", rejectedB, revision("a", 2)).but(func(o *Observed) { o.Templates["b"] = true }),
			want: Actions{DeleteTemplates: []string{"b"}},
		},
		"paused: no candidate, but what is live is recreated": {
			o:    observed("b", bakedRecord("a")).but(lostA).but(paused),
			want: Actions{Create: []Scale{{"a", 2}}, Repaired: deletedA},
		},
		"paused: no smoke": {o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).but(paused)},
		"paused: the bake starts": {
			o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).but(paused), want: Actions{Start: []Start{{JobID: bakeB}}},
		},
		"paused: live and the candidate are scaled": {
			o:    observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).but(paused).but(func(o *Observed) { o.Desired = 3 }),
			want: Actions{Scale: []Scale{{"a", 3}, {"b", 3}}},
		},
		"smoke when all replicas are available": {
			o:    observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)),
			want: Actions{Start: []Start{{JobID: smokeB, Pods: revision("b", 2).Pods}}},
		},
		"no smoke before": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).but(func(o *Observed) { o.Revisions["b"].Available = 1 }),
		},
		"no smoke while a pod of an earlier ReplicaSet is there": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 3)).but(func(o *Observed) {
				o.Revisions["b"].Replicas, o.Revisions["b"].Available = 2, 2
			}),
		},
		"replicas of a candidate are held while its smoke runs": {
			o:    observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobRunning).but(func(o *Observed) { o.Desired = 4 }),
			want: Actions{Scale: []Scale{{"a", 4}}},
		},
		"replicas of a candidate follow before": {
			o:    observed("b", bakedRecord("a"), revision("a", 4), revision("b", 2)).but(func(o *Observed) { o.Desired = 4 }),
			want: Actions{Scale: []Scale{{"b", 4}}},
		},
		"live and fallback follow; live's scaling isn't a failure of the bake": {
			o:    observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobRunning).but(func(o *Observed) { o.Desired = 1 }),
			want: Actions{Scale: []Scale{{"b", 1}, {"a", 1}}},
		},
		"unresolved: live follows, the candidate stays, with its test": {
			o:    observed("", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).but(func(o *Observed) { o.Desired = 1 }),
			want: Actions{Scale: []Scale{{"a", 1}}},
		},
		"a test that failed by itself: not at once": {
			o:    observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobVoid),
			want: Actions{RequeueAfter: 10 * time.Second},
		},
		"a test that failed by itself: again after a while": {
			o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobVoid).
				but(func(o *Observed) { o.Now = now.Add(10 * time.Second) }),
			want: Actions{Start: []Start{{JobID: JobID{Smoke, "b", smokeB.Key, 1}, Pods: revision("b", 2).Pods}}},
		},
		"the bake starts when the endpoints have followed": {
			o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)), want: Actions{Start: []Start{{JobID: bakeB}}},
		},
		"the bake waits for users": {
			o:    observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).but(func(o *Observed) { o.MinRequests = 100 }),
			want: Actions{Start: []Start{{JobID: bakeB, MinRequests: 100}}},
		},
		"no bake waits for users where there is no way back": {
			o:    observed("b", bakingRecord("b", ""), revision("b", 2)).but(func(o *Observed) { o.MinRequests = 100 }),
			want: Actions{Start: []Start{{JobID: bakeB}}},
		},
		"no bake while an endpoint is another revision's": {
			o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).but(func(o *Observed) {
				o.Endpoints = append(o.Endpoints, Endpoint{Revision: "a"})
			}),
		},
		"no bake without a ready endpoint": {
			o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).but(func(o *Observed) { o.Endpoints[0].Ready = false }),
		},
		"Jobs of no interest go, attempts but the newest two too": {
			o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).
				with(smokeB, JobPassed).with(bakeB, JobVoid).with(JobID{Bake, "b", "2", 1}, JobVoid).with(JobID{Bake, "b", "2", 2}, JobRunning).with(JobID{Bake, "b", "1", 0}, JobFailed),
			want: Actions{DeleteJobs: []string{smokeB.Name(), "b-b-2-0", "b-b-1-0"}},
		},
		"retired Deployments are deleted": {
			o:    observed("a", &Record{Live: "a", Available: 2, Baked: true, Retiring: []Retiring{{"b", "ub"}}}, revision("a", 2), revision("b", 2)),
			want: Actions{DeleteRevisions: []Retiring{{"b", "ub"}}},
		},
		"rest": {o: observed("a", bakedRecord("a"), revision("a", 2))},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Plan(tc.o)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRetryDelay(t *testing.T) {
	for attempt, want := range map[int]time.Duration{1: 10 * time.Second, 2: 20 * time.Second, 5: 160 * time.Second, 6: 5 * time.Minute, 1000: 5 * time.Minute} {
		if got := retryDelay(attempt); got != want {
			t.Errorf("retryDelay(%d) = %s, want %s", attempt, got, want)
		}
	}
}

func TestJobNamesFit(t *testing.T) {
	revision := "a23456789012345678901234567890123456789o-12345678"
	for _, id := range []JobID{{Bake, revision, "99999", 99999}, {Smoke, revision, "12345678", 99999}} {
		if got := id.Name(); len(got) > 63 {
			t.Errorf("%s has %d characters", got, len(got))
		}
	}
}

// The log and the metrics name the rule that decided: its name is the one in the
// package's documentation, and stands there in its place.
func TestDocumentationHasEveryRule(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var documented, want []string
	for _, match := range regexp.MustCompile(`(?m)^//\t([a-zA-Z]+) {2,}`).FindAllStringSubmatch(string(doc), -1) {
		documented = append(documented, match[1])
	}
	for _, rule := range append([]rule{recovery}, rules...) {
		want = append(want, rule.name)
	}
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("rules in doc.go (-want +got):\n%s", diff)
	}
	if !strings.Contains(string(doc), "("+atRest.name+")") {
		t.Errorf("doc.go doesn't tell of %s", atRest.name)
	}
}
