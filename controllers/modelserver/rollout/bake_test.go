// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func TestBakeFailure(t *testing.T) {
	ended := func(id string, own bool) func(*Observed) {
		return func(o *Observed) {
			o.Revisions["b"].Pods[1].Terminated = &Termination{ID: id, Own: own, ExitCode: 137, Reason: "OOMKilled"}
		}
	}
	// One of two servers runs and hasn't been ready for as long.
	unready := func(lasts time.Duration) func(*Observed) {
		return func(o *Observed) {
			b := o.Revisions["b"]
			b.Available, b.Pods[1].Ready, b.Pods[1].Unready = 1, false, true
			o.Service.Record.UnreadySince = metav1.NewTime(now.Add(-lasts))
		}
	}
	all := func(changes ...func(*Observed)) func(*Observed) {
		return func(o *Observed) {
			for _, change := range changes {
				change(o)
			}
		}
	}
	const notReady = "1 of 2 replicas have been running without being ready for 30s: their logs say why"
	const oom = "a container of pod b1 ended while it had traffic: exit code 137, OOMKilled"
	cases := map[string]struct {
		change func(*Observed)
		want   string
	}{
		"nothing is wrong":            {change: func(*Observed) {}},
		"the smoke test failed":       {change: func(o *Observed) { o.bake(JobFailed) }, want: "said the job"},
		"the Job has no verdict":      {change: func(o *Observed) { o.bake(JobVoid) }},
		"a container ended by itself": {change: ended("1", true), want: oom},
		"a container was ended":       {change: ended("1", false)},
		"it had ended before": {
			change: all(ended("1", true), func(o *Observed) { o.Service.Record.Ended = map[types.UID]string{"b1": "1"} }),
		},
		"it had ended before, and again": {
			change: all(ended("2", true), func(o *Observed) { o.Service.Record.Ended = map[types.UID]string{"b1": "1"} }), want: oom,
		},
		"what ended before isn't known": {change: all(ended("1", true), func(o *Observed) { o.Service.Record.Ended = nil })},
		"a container of a leaving pod ended": {
			change: all(ended("1", true), func(o *Observed) { o.Revisions["b"].Pods[1].Leaving = true }),
		},
		"not ready for 30 s":    {change: unready(30 * time.Second), want: notReady},
		"not ready for less":    {change: unready(29 * time.Second)},
		"not ready since now":   {change: all(unready(0), func(o *Observed) { o.Service.Record.UnreadySince = metav1.Time{} })},
		"ready again":           {change: all(unready(time.Minute), func(o *Observed) { o.Revisions["b"].Pods[1].Unready = false })},
		"not ready and leaving": {change: all(unready(time.Minute), func(o *Observed) { o.Revisions["b"].Pods[1].Leaving = true })},
		"a pod is missing for long": {change: func(o *Observed) {
			b := o.Revisions["b"]
			b.Available, b.Refused, b.Pods = 1, true, b.Pods[:1]
		}},
		"all pods are missing for long": {change: func(o *Observed) {
			b := o.Revisions["b"]
			b.Available, b.Pods = 0, nil
			o.Service.Record.LostSince = metav1.NewTime(now.Add(-time.Hour))
		}},
		"live is baked":          {change: all(ended("1", true), func(o *Observed) { o.Service.Record = bakedRecord("b") })},
		"the Deployment is gone": {change: func(o *Observed) { delete(o.Revisions, "b") }},
		// Somebody may have edited it first: nothing tells.
		"the smoke test failed and the Deployment is gone": {change: func(o *Observed) {
			o.bake(JobFailed)
			delete(o.Revisions, "b")
		}},
		"the smoke test failed and the Deployment is being deleted": {change: func(o *Observed) {
			o.bake(JobFailed)
			o.Revisions["b"].Deleting = true
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2))
			tc.change(o)
			got := ""
			if failure := bakeFailure(o, o.Service.Record); failure != nil {
				got = failure.Message
				if failure.Reason != v1alpha1.BakeFailedReason || failure.Revision != "b" || failure.Policy != "p" {
					t.Errorf("rejection = %+v, want BakeFailed of b under p", failure)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

// A plan that waits for time alone must ask to be woken.
func TestBakeWakesForTheGracePeriod(t *testing.T) {
	o := observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobRunning)
	o.Revisions["b"].Pods[1].Unready = true
	o.Service.Record.UnreadySince = metav1.NewTime(now.Add(-10 * time.Second))
	if got := Plan(o).RequeueAfter; got != 20*time.Second {
		t.Errorf("RequeueAfter = %s, want 20s", got)
	}
}

// What lasts is measured by the manager's clock alone, from what it noted itself: how
// far the clocks of nodes are off doesn't matter.
func TestNote(t *testing.T) {
	unwell := func(o *Observed) {
		b := o.Revisions["b"]
		b.Available, b.Pods[0].Unready = 0, true
	}
	earlier := metav1.NewTime(t0.Add(time.Second))
	later := metav1.NewTime(now.Add(time.Hour))
	cases := map[string]struct {
		change func(*Observed)
		want   func(*Record) // nil: no write
	}{
		"well": {change: func(*Observed) {}},
		"a record of before": {
			change: func(o *Observed) {
				o.Service.Record.Ended = nil
				o.Revisions["b"].Pods[0].Terminated = &Termination{ID: "1", Own: true}
			},
			want: func(r *Record) { r.Ended = map[types.UID]string{"b0": "1"} },
		},
		"unwell": {change: unwell, want: func(r *Record) { r.UnreadySince, r.LostSince = at1, at1 }},
		"still unwell": {change: func(o *Observed) {
			unwell(o)
			o.Service.Record.UnreadySince, o.Service.Record.LostSince = earlier, at1
			o.Revisions["a"].Available = 0
		}},
		"unwell since a time to come": {
			change: func(o *Observed) {
				unwell(o)
				o.Service.Record.UnreadySince, o.Service.Record.LostSince = later, at1
			},
			want: func(r *Record) { r.UnreadySince, r.LostSince = at1, at1 },
		},
		"well again": {
			change: func(o *Observed) { o.Service.Record.UnreadySince, o.Service.Record.LostSince = at1, at1 },
			want:   func(*Record) {},
		},
		"baked": {change: func(o *Observed) {
			unwell(o)
			o.Service.Record = bakedRecord("b")
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2))
			tc.change(o)
			got, ok := note(o, o.Service.Record)
			if ok != (tc.want != nil) {
				t.Fatalf("writes: %t, want %t: %+v", ok, tc.want != nil, got.Record)
			}
			if !ok {
				return
			}
			want := bakingRecord("b", "a")
			tc.want(want)
			if diff := cmp.Diff(want, got.Record, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("record (-want +got):\n%s", diff)
			}
		})
	}
}

// A revision that lost all its replicas gives the traffic back and is a candidate again,
// which gets it later and later.
func TestLostTwice(t *testing.T) {
	o := observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).bake(JobRunning)
	o.Revisions["b"].Available, o.Revisions["b"].Pods = 0, nil
	o.Service.Record.LostSince = metav1.NewTime(now.Add(-grace))
	back := Plan(o).Record
	want := &Record{Switch: 3, At: at1, Live: "a", Available: 2, Baked: true,
		History: []v1alpha1.RetiredRevision{left("b", v1alpha1.UnavailableReason)}}
	if diff := cmp.Diff(want, back, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("record (-want +got):\n%s", diff)
	}
	again := observed("b", back, revision("a", 2), revision("b", 2)).smoke("b", JobPassed)
	for times, hold := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
		again.Now = now.Add(hold - time.Second)
		if got := Plan(again); got.Record != nil || got.RequeueAfter != time.Second {
			t.Errorf("after %d times: %+v, want a pass in 1s", times+1, got)
		}
		if s := Describe(again); s.Reason != v1alpha1.StartingReason || !strings.Contains(s.Message, "gets the traffic again at "+now.Add(hold).Format(time.RFC3339)) {
			t.Errorf("status = %+v", s)
		}
		again.Now = now.Add(hold)
		if got := Plan(again); got.Record == nil || got.Record.Live != "b" {
			t.Errorf("after %d times: %+v, want b promoted", times+1, got)
		}
		back.History = append(back.History, left("b", v1alpha1.UnavailableReason))
	}
}

func TestOnlyFailingChecksAreKept(t *testing.T) {
	o := observed("b", bakingRecord("b", "a"), revision("b", 2)).bake(JobFailed)
	failed := v1alpha1.CheckResult{Name: "quality", Result: v1alpha1.CheckFailed}
	o.Jobs[0].Checks = []v1alpha1.CheckResult{{Name: "health", Result: v1alpha1.CheckPassed}, failed}
	got := bakeFailure(o, o.Service.Record).Checks
	if diff := cmp.Diff([]v1alpha1.CheckResult{failed}, got); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
}

func TestModelRefused(t *testing.T) {
	o := observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2))
	o.Revisions["b"].Pods[0].Terminated = &Termination{ExitCode: 6, Message: "digest differs", ModelInvalid: true}
	got := Plan(o).Record
	want := rejection("b", "p", v1alpha1.ModelInvalidReason)
	want.Message = "the server of pod b0 refused the model file: exit code 6: digest differs"
	if got == nil || !cmp.Equal(got.Rejected, []Rejection{want}) {
		t.Errorf("record = %+v, want b rejected: %+v", got, want)
	}
}
