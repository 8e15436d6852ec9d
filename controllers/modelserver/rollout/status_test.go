// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func TestDescribe(t *testing.T) {
	rejected := func(live string, names ...string) *Record {
		r := bakedRecord(live)
		for _, name := range names {
			r.Rejected = append(r.Rejected, rejection(name, "p", v1alpha1.SmokeFailedReason))
		}
		return r
	}
	firstFailed := &Record{Live: "a", Rejected: []Rejection{rejection("a", "p", v1alpha1.BakeFailedReason)}}
	blocked := &Record{Live: "b", Fallback: "a", Rejected: []Rejection{rejection("b", "p", v1alpha1.BakeFailedReason)}}
	type want struct {
		Outcome    Outcome
		Reason     string
		Stage      v1alpha1.CandidateStage // of the candidate; empty: none
		RolledBack bool
		Pods, Job  string
	}
	cases := map[string]struct {
		o    *Observed
		want want
	}{
		"no Service":            {o: observed("a", nil), want: want{Reason: "Pending"}},
		"nothing made yet":      {o: observed("a", &Record{}), want: want{Reason: "Starting", Stage: "Starting"}},
		"starting":              {o: observed("a", &Record{}, revision("a", 2)).but(func(o *Observed) { o.Revisions["a"].Available = 1; o.Revisions["a"].Pods[0].Ready = false }), want: want{Reason: "Starting", Stage: "Starting", Pods: "a"}},
		"to be tested":          {o: observed("a", &Record{}, revision("a", 2)), want: want{Reason: "Smoking", Stage: "Smoking", Pods: "a"}},
		"tested":                {o: observed("a", &Record{}, revision("a", 2)).smoke("a", JobRunning), want: want{Reason: "Smoking", Stage: "Smoking", Pods: "a", Job: smokeID("p", revision("a", 2)).Name()}},
		"passed, too few":       {o: observed("a", &Record{}, revision("a", 2)).smoke("a", JobPassed).but(func(o *Observed) { o.Desired = 3 }), want: want{Reason: "Starting", Stage: "Smoking", Pods: "a"}},
		"baking":                {o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobRunning), want: want{Reason: "Baking", Pods: "b", Job: "b-b-2-0"}},
		"serving":               {o: observed("a", bakedRecord("a"), revision("a", 2)), want: want{Outcome: Serving, Reason: "Serving", Pods: "a"}},
		"unavailable":           {o: observed("a", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) { o.Revisions["a"].Available = 1 }), want: want{Reason: "Unavailable", Pods: "a"}},
		"its model has moved":   {o: observed("a", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) { o.Revisions["a"].Elsewhere = 1 }), want: want{Reason: "Starting", Pods: "a"}},
		"a pod was edited":      {o: observed("a", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) { o.Revisions["a"].Altered = 1 }), want: want{Reason: "Starting", Pods: "a"}},
		"live is gone":          {o: observed("a", bakedRecord("a")), want: want{Reason: "Unavailable", Pods: "a"}},
		"rejected, rolled back": {o: observed("b", rejected("a", "b"), revision("a", 2)), want: want{Outcome: Stalled, Reason: "SmokeFailed", RolledBack: true}},
		"rejected, none live":   {o: observed("b", &Record{Rejected: []Rejection{rejection("b", "p", "SmokeFailed")}}), want: want{Outcome: Stalled, Reason: "SmokeFailed"}},
		"rejected by another policy: on its way again": {o: observed("b", rejected("a", "b"), revision("a", 2)).but(func(o *Observed) { o.Policy = "q" }), want: want{Reason: "Starting", Stage: "Starting"}},
		"first bake failed":                            {o: observed("a", firstFailed, revision("a", 2)), want: want{Outcome: Stalled, Reason: "BakeFailed"}},
		"rollback blocked":                             {o: observed("b", blocked, revision("a", 2), revision("b", 2)), want: want{Reason: "RollbackBlocked", Pods: "a"}},
		"back to the fallback":                         {o: observed("a", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)), want: want{Reason: "Starting", Pods: "a"}},
		"asked for while retiring":                     {o: observed("b", &Record{Live: "a", Baked: true, Retiring: []Retiring{{"b", "ub"}}}, revision("a", 2), revision("b", 2)), want: want{Reason: "WaitingForDeletion"}},
		"three exist":                                  {o: observed("d", bakingRecord("b", "a"), revision("a", 2), revision("b", 2), revision("c", 2)), want: want{Reason: "WaitingForDeletion", Stage: "Starting"}},
		"paused, serving":                              {o: observed("a", bakedRecord("a"), revision("a", 2)).but(paused), want: want{Outcome: Serving, Reason: "Serving", Pods: "a"}},
		"paused, nothing made yet":                     {o: observed("b", bakedRecord("a"), revision("a", 2)).but(paused), want: want{Reason: "Paused", Stage: "Starting"}},
		"paused, to be tested":                         {o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).but(paused), want: want{Reason: "Paused", Stage: "Smoking"}},
		"paused, tested":                               {o: observed("a", &Record{}, revision("a", 2)).smoke("a", JobRunning).but(paused), want: want{Reason: "Smoking", Stage: "Smoking", Pods: "a", Job: smokeID("p", revision("a", 2)).Name()}},
		"paused, passed":                               {o: observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).but(paused), want: want{Reason: "Paused", Stage: "Smoking"}},
		"paused, baking":                               {o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobRunning).but(paused), want: want{Reason: "Baking", Pods: "b", Job: "b-b-2-0"}},
		"paused, baked":                                {o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobPassed).but(paused), want: want{Reason: "Paused", Pods: "b"}},
		"paused, to bake anew":                         {o: observed("a", &Record{Live: "a", Rejected: []Rejection{rejection("a", "old", "BakeFailed")}}, revision("a", 2)).but(paused), want: want{Reason: "Paused", Pods: "a"}},
		"paused, back to the fallback":                 {o: observed("a", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).but(paused), want: want{Reason: "Paused"}},
		"paused, rejected":                             {o: observed("b", rejected("a", "b"), revision("a", 2)).but(paused), want: want{Outcome: Stalled, Reason: "SmokeFailed", RolledBack: true}},
		"unresolved, heals": {o: observed("", bakedRecord("a"), revision("a", 2), revision("b", 2)).but(func(o *Observed) {
			o.Unresolved = Unresolved{Reason: "TrainingRunNotFound"}
		}), want: want{Reason: "TrainingRunNotFound", Stage: "Smoking"}},
		"its run is gone, it serves": {o: observed("", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) {
			o.Unresolved = Unresolved{Reason: "TrainingRunNotFound", Served: "a"}
		}), want: want{Outcome: Serving, Reason: "Serving", Pods: "a"}},
		"its run is gone, it bakes": {o: observed("", bakingRecord("a", "b"), revision("a", 2), revision("b", 2)).but(func(o *Observed) {
			o.Unresolved = Unresolved{Reason: "TrainingRunNotFound", Served: "a"}
		}), want: want{Reason: "Baking", Pods: "a"}},
		"its run is gone, it failed its bake": {o: observed("", firstFailed, revision("a", 2)).but(func(o *Observed) {
			o.Unresolved = Unresolved{Reason: "TrainingRunNotFound", Served: "a"}
		}), want: want{Outcome: Stalled, Reason: "BakeFailed"}},
		"its run is gone, another is live": {o: observed("", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) {
			o.Unresolved = Unresolved{Reason: "TrainingRunNotFound", Served: "b"}
		}), want: want{Reason: "TrainingRunNotFound"}},
		"scaled up": {o: observed("a", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) {
			o.Desired, o.Revisions["a"].Replicas = 9, 9
		}), want: want{Outcome: Serving, Reason: "Serving", Pods: "a"}},
		"scaled up, and one of those before is missing": {o: observed("a", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) {
			o.Desired, o.Revisions["a"].Replicas, o.Revisions["a"].Available = 9, 9, 1
		}), want: want{Reason: "Unavailable", Pods: "a"}},
		"scaled up, the pods are refused": {o: observed("a", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) {
			o.Desired, o.Revisions["a"].Replicas, o.Revisions["a"].Refused = 9, 9, true
		}), want: want{Reason: "Unavailable", Pods: "a"}},
		"unresolved, for good": {o: observed("", bakedRecord("a"), revision("a", 2)).but(func(o *Observed) {
			o.Unresolved = Unresolved{Reason: "TrainingRunFailed", Stalled: true}
		}), want: want{Outcome: Stalled, Reason: "TrainingRunFailed"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := Describe(tc.o)
			got := want{Outcome: s.Outcome, Reason: s.Reason, RolledBack: s.RolledBack != nil, Pods: s.Pods, Job: s.Job}
			if s.Candidate != nil {
				got.Stage = s.Candidate.Stage
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("status (-want +got):\n%s\nmessage: %s", diff, s.Message)
			}
		})
	}
}

func TestDescribeSaysWhy(t *testing.T) {
	cases := map[string]struct {
		o    *Observed
		want []string
	}{
		"rejected": {
			o:    observed("b", &Record{Live: "a", Baked: true, Rejected: []Rejection{rejection("b", "p", "SmokeFailed")}}, revision("a", 2)),
			want: []string{"b was rejected", "said the job", "a stays live", "spec.smoke"},
		},
		"it waits for users": {
			o:    observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobRunning).but(func(o *Observed) { o.MinRequests = 100 }),
			want: []string{"has the traffic and is watched for spec.promotion.bakeTime, and until it has answered as many requests of users as spec.promotion.minRequests says, 100"},
		},
		"rejected by a person": {
			o:    observed("b", &Record{Live: "a", Baked: true, Rejected: []Rejection{aborted("b")}}, revision("a", 2)),
			want: []string{"the annotation trainyard.dev/reject names it", "a stays live", "To retry, remove the annotation trainyard.dev/reject, and set spec.retry to another value, or change"},
		},
		"waits for a person": {
			o:    observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobPassed).but(func(o *Observed) { o.Steering.Manual = true }),
			want: []string{"b has passed its smoke test and waits", "trainyard.dev/promote to its name"},
		},
		"a person's rollback is blocked": {
			o:    observed("b", &Record{Live: "b", Fallback: "a", Rejected: []Rejection{aborted("b")}}, revision("a", 2), revision("b", 2)),
			want: []string{"b was rejected (the annotation", "a has no ready replica"},
		},
		"a test without a verdict, under its next attempt": {
			o: observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobVoid).
				with(JobID{Bake, "b", "2", 1}, JobRunning),
			want: []string{"attempt 2 runs", "b-b-2-0 ended without a verdict", "said the job"},
		},
		"a test without a verdict": {
			o:    observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).smoke("b", JobVoid),
			want: []string{"ended without a verdict", "said the job", "run again"},
		},
		"blocked": {
			o:    observed("b", &Record{Live: "b", Fallback: "a", Rejected: []Rejection{rejection("b", "p", "BakeFailed")}}, revision("a", 2), revision("b", 2)),
			want: []string{"b failed its bake", "said the job", "a has no ready replica"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Describe(tc.o).Message
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("message %q lacks %q", got, want)
				}
			}
		})
	}
}

func TestEnough(t *testing.T) {
	for _, tc := range []struct {
		available, desired int32
		want               bool
	}{{0, 0, false}, {0, 1, false}, {1, 1, true}, {1, 2, false}, {2, 3, false}, {3, 4, true}, {74, 100, false}, {75, 100, true}} {
		if got := Enough(tc.available, tc.desired); got != tc.want {
			t.Errorf("Enough(%d, %d) = %t, want %t", tc.available, tc.desired, got, tc.want)
		}
	}
}
