// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// startingB has candidate b start, with one of its two replicas ready, since that long ago; not noted if negative.
func startingB(since time.Duration) *Observed {
	o := observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2))
	o.ProgressDeadline = 10 * time.Minute
	o.Last.Message = "no room"
	b := o.Revisions["b"]
	b.Available, b.Pods[0].Ready = 1, false
	if since >= 0 {
		o.Service.Record.Starting = &Starting{UID: "ub", Since: metav1.NewTime(now.Add(-since))}
	}
	return o
}

func postponedB(failures int32, ago time.Duration) *Postponement {
	return &Postponement{Revision: "b", Failures: failures, At: metav1.NewTime(now.Add(-ago)), Message: "no room"}
}

func TestPostpone(t *testing.T) {
	record := func(change func(*Record)) *Record {
		r := bakedRecord("a")
		change(r)
		return r
	}
	notedNow := record(func(r *Record) { r.Starting = &Starting{UID: "ub", Since: at1} })
	given := func(p *Postponement) *Record {
		return record(func(r *Record) { r.Postponed, r.Retiring = p, []Retiring{{"b", "ub"}} })
	}
	cases := map[string]struct {
		o    *Observed
		rule string
		want *Record
	}{
		"begins to start":                {rule: "noteStart", o: startingB(-1), want: notedNow},
		"another Deployment of the same": {rule: "noteStart", o: startingB(time.Hour).but(func(o *Observed) { o.Revisions["b"].UID = "new" }), want: record(func(r *Record) { r.Starting = &Starting{UID: "new", Since: at1} })},
		"noted by a clock that was ahead": {rule: "noteStart", o: startingB(0).but(func(o *Observed) {
			o.Service.Record.Starting.Since = metav1.NewTime(now.Add(time.Hour))
		}), want: notedNow},
		"has time left": {o: startingB(10*time.Minute - time.Second)},
		"has started": {rule: "noteStart", want: bakedRecord("a"), o: startingB(time.Hour).but(func(o *Observed) {
			o.Revisions["b"] = revision("b", 2)
		})},
		"no deadline":          {o: startingB(-1).but(func(o *Observed) { o.ProgressDeadline = 0 })},
		"paused: no time runs": {rule: "noteStart", want: bakedRecord("a"), o: startingB(time.Hour).but(paused)},
		"in vain":              {rule: "postpone", o: startingB(10 * time.Minute), want: given(postponedB(1, 0))},
		"in vain again": {rule: "postpone", want: given(postponedB(3, 0)), o: startingB(10 * time.Minute).but(func(o *Observed) {
			o.Service.Record.Postponed = postponedB(2, time.Hour)
		})},
		"in vain, under another value of spec.retry": {rule: "postpone", o: startingB(10 * time.Minute).but(func(o *Observed) {
			o.Service.Record.Postponed = postponedB(2, time.Hour)
			o.Steering.Retry = "again"
		}), want: given(&Postponement{Revision: "b", Retry: "again", Failures: 1, At: at1, Message: "no room"})},
		"promoted at last": {rule: "promote", o: observed("b", record(func(r *Record) { r.Postponed = postponedB(2, time.Hour) }), revision("a", 2), revision("b", 2)).smoke("b", JobPassed),
			want: &Record{Switch: 2, At: at1, Live: "b", Available: 2, Fallback: "a", History: []v1alpha1.RetiredRevision{left("a", ReasonReplaced)}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Plan(tc.o)
			if got.Rule != tc.rule {
				t.Errorf("rule = %q, want %q", got.Rule, tc.rule)
			}
			if got.Record != nil && got.Record.Ended != nil && len(got.Record.Ended) == 0 {
				got.Record.Ended = nil
			}
			if diff := cmp.Diff(tc.want, got.Record); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPostponedIsTriedAgain(t *testing.T) {
	waiting := func(failures int32, ago time.Duration) *Observed {
		o := observed("b", bakedRecord("a"), revision("a", 2))
		o.ProgressDeadline = 10 * time.Minute
		o.Service.Record.Postponed = postponedB(failures, ago)
		return o
	}
	create := Actions{Create: []Scale{{"b", 2}}}
	cases := map[string]struct {
		o    *Observed
		want Actions
	}{
		"too early":              {o: waiting(1, 4*time.Minute), want: Actions{RequeueAfter: 6 * time.Minute}},
		"in time":                {o: waiting(1, 10*time.Minute), want: create},
		"later the second time":  {o: waiting(2, 10*time.Minute), want: Actions{RequeueAfter: 10 * time.Minute}},
		"at most six hours":      {o: waiting(1000, 6*time.Hour), want: create},
		"spec.retry":             {o: waiting(5, 0).but(func(o *Observed) { o.Steering.Retry = "again" }), want: create},
		"another revision":       {o: waiting(5, 0).but(func(o *Observed) { o.Target.Name = "c" }), want: Actions{Create: []Scale{{"c", 2}}}},
		"a clock that was ahead": {o: waiting(5, -time.Hour), want: create},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Plan(tc.o)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
	s := Describe(waiting(2, 10*time.Minute))
	for _, want := range []string{"b didn't start within", "2 times", "tried again at 2026-01-01T12:11:00Z", "the last time: no room"} {
		if s.Reason != v1alpha1.ProgressDeadlineExceededReason || s.Outcome != Reconciling || !strings.Contains(s.Message, want) {
			t.Errorf("status = %+v, want %q", s, want)
		}
	}
	retiring := startingB(-1).but(func(o *Observed) {
		o.Service.Record.Postponed, o.Service.Record.Retiring = postponedB(1, 0), []Retiring{{"b", "ub"}}
	})
	if got := Describe(retiring).Reason; got != v1alpha1.ProgressDeadlineExceededReason {
		t.Errorf("reason while its Deployment goes = %s", got)
	}
}

func TestPostponement(t *testing.T) {
	for failures, want := range map[int32]time.Duration{1: 10 * time.Minute, 2: 20 * time.Minute, 6: 320 * time.Minute, 7: 6 * time.Hour, 1 << 30: 6 * time.Hour} {
		if got := postponement(failures); got != want {
			t.Errorf("postponement(%d) = %s, want %s", failures, got, want)
		}
	}
}
