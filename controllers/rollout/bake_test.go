// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func TestBakeFailure(t *testing.T) {
	ended := func(after time.Duration) func(*Observed) {
		return func(o *Observed) {
			o.Revisions["b"].Pods[1].Terminated = &Termination{At: t0.Add(after), ExitCode: 137, Reason: "OOMKilled"}
		}
	}
	// One of two replicas isn't ready for as long.
	short := func(unready time.Duration) func(*Observed) {
		return func(o *Observed) {
			b := o.Revisions["b"]
			b.Available, b.UnavailableSince = 1, now.Add(-unready)
			b.Pods[1].Ready, b.Pods[1].Since = false, now.Add(-unready)
		}
	}
	all := func(changes ...func(*Observed)) func(*Observed) {
		return func(o *Observed) {
			for _, change := range changes {
				change(o)
			}
		}
	}
	const unavailable = "1 of 2 replicas have been unavailable for 30s"
	const oom = "a container of pod b1 ended while it had traffic: exit code 137, OOMKilled"
	cases := map[string]struct {
		change func(*Observed)
		want   string
	}{
		"nothing is wrong":                 {change: func(*Observed) {}},
		"the smoke test failed":            {change: func(o *Observed) { o.bake(JobFailed) }, want: "said the job"},
		"the Job failed by itself":         {change: func(o *Observed) { o.bake(JobVoid) }},
		"a container ended after":          {change: ended(time.Second), want: oom},
		"a container ended in that second": {change: ended(0), want: oom},
		"a container ended before":         {change: ended(-time.Second)},
		"a container of a leaving pod ended": {
			change: all(ended(time.Second), func(o *Observed) { o.Revisions["b"].Pods[1].Leaving = true }),
		},
		"short for 30 s":    {change: short(30 * time.Second), want: unavailable},
		"short for less":    {change: short(29 * time.Second)},
		"scaled down since": {change: all(short(time.Minute), func(o *Observed) { o.Revisions["b"].Replicas = 1 })},
		"scaled up since: the new ones don't count": {
			change: func(o *Observed) {
				b := o.Revisions["b"]
				b.Replicas, b.UnavailableSince = 3, t0
				b.Pods = append(b.Pods, Pod{UID: "b2", Since: t0})
			},
		},
		"no node has room": {change: all(short(time.Minute), func(o *Observed) { o.Revisions["b"].Pods[1].Unschedulable = true })},
		"the Deployment is full again": {
			change: all(short(time.Minute), func(o *Observed) { o.Revisions["b"].UnavailableSince = time.Time{} }),
		},
		"an evicted pod's successor is young": {
			change: all(short(time.Minute), func(o *Observed) {
				o.Revisions["b"].Pods[1].Leaving = true
				o.Revisions["b"].Pods = append(o.Revisions["b"].Pods, Pod{UID: "b2", Since: now.Add(-time.Second)})
			}),
		},
		"a pod is missing for long": {
			change: all(short(time.Minute), func(o *Observed) { o.Revisions["b"].Pods = o.Revisions["b"].Pods[:1] }), want: unavailable,
		},
		"live is baked":          {change: all(ended(time.Second), func(o *Observed) { o.Service.Record = bakedRecord("b") })},
		"the Deployment is gone": {change: func(o *Observed) { delete(o.Revisions, "b") }},
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
	b := o.Revisions["b"]
	b.Available, b.UnavailableSince = 1, now.Add(-40*time.Second)
	b.Pods[1].Ready, b.Pods[1].Since = false, now.Add(-10*time.Second)
	if got := Plan(o).RequeueAfter; got != 20*time.Second {
		t.Errorf("RequeueAfter = %s, want 20s", got)
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
	o.Revisions["b"].Pods[0].Terminated = &Termination{At: t0, ExitCode: 6, Message: "digest differs", ModelInvalid: true}
	got := Plan(o).Record
	want := rejection("b", "p", v1alpha1.ModelInvalidReason)
	want.Message = "the server of pod b0 refused the model file: exit code 6: digest differs"
	if got == nil || !cmp.Equal(got.Rejected, []Rejection{want}) {
		t.Errorf("record = %+v, want b rejected: %+v", got, want)
	}
}
