// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// TestConclusions has the planner decide, and tells what each decision ends.
func TestConclusions(t *testing.T) {
	bakingA := func() *Record {
		return &Record{Switch: 2, At: at0, Live: "a", Fallback: "o", Available: 2, Ended: Ends(nil)}
	}
	first := func() *Record { return &Record{Switch: 1, At: at0, Live: "a", Available: 2, Ended: Ends(nil)} }
	baked := func() *Record { return &Record{Switch: 2, At: at0, Live: "a", Available: 2, Baked: true} }
	cases := map[string]struct {
		o    *Observed
		rule string
		want []Conclusion
	}{
		"a first bake passes":  {observed("a", first(), revision("a", 2)).bake(JobPassed), "finishBake", []Conclusion{{"a", Succeeded, ReasonBaked}}},
		"a bake passes":        {observed("a", bakingA(), revision("a", 2), revision("o", 2)).bake(JobPassed), "finishBake", []Conclusion{{"a", Succeeded, ReasonBaked}}},
		"a bake fails":         {observed("a", bakingA(), revision("a", 2), revision("o", 2)).bake(JobFailed), "switchBack", []Conclusion{{"a", RolledBack, v1alpha1.BakeFailedReason}}},
		"a first bake fails":   {observed("a", first(), revision("a", 2)).bake(JobFailed), "switchBack", []Conclusion{{"a", Failed, v1alpha1.BakeFailedReason}}},
		"a smoke test fails":   {observed("b", baked(), revision("a", 2), revision("b", 2)).smoke("b", JobFailed), "reject", []Conclusion{{"b", Rejected, v1alpha1.SmokeFailedReason}}},
		"a smoke test passes":  {observed("b", baked(), revision("a", 2), revision("b", 2)).smoke("b", JobPassed), "promote", nil},
		"another is asked for": {observed("c", baked(), revision("a", 2), revision("b", 2)), "retire", []Conclusion{{"b", Superseded, ReasonReplaced}}},
		"another is promoted over a bake": {
			observed("b", bakingA(), revision("a", 2), revision("b", 2), revision("o", 2)).smoke("b", JobPassed), "promote",
			[]Conclusion{{"a", Superseded, ReasonReplaced}},
		},
		"the fallback is asked for": {observed("o", bakingA(), revision("a", 2), revision("o", 2)), "returnBack", []Conclusion{{"a", Superseded, ReasonReplaced}}},
		"a person rejects": {
			observed("a", bakingA(), revision("a", 2), revision("o", 2)).but(func(o *Observed) { o.Steering.Reject = "a" }), "switchBack",
			[]Conclusion{{"a", RolledBack, v1alpha1.AbortedReason}},
		},
		"live is deleted": {observed("a", bakingA(), revision("o", 2)), "switchBack", []Conclusion{{"a", RolledBack, ReasonGone}}},
		"a bake fails with no ready fallback": {
			observed("a", bakingA(), revision("a", 2), revision("o", 0)).bake(JobFailed), "switchBack", nil,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			actions := Plan(tc.o)
			if actions.Rule != tc.rule {
				t.Fatalf("rule %q decides, want %q", actions.Rule, tc.rule)
			}
			if diff := cmp.Diff(tc.want, Conclusions(tc.o.Service.Record, actions.Record)); diff != "" {
				t.Errorf("ends (-want +got):\n%s", diff)
			}
		})
	}
}

// A revision that failed and stays, because there is nothing to go back to, isn't told again when another takes over.
func TestConclusionsOfARevisionThatFailedBefore(t *testing.T) {
	promoted := func(fallback string) (before, after *Record) {
		before = &Record{Switch: 2, Live: "a", Fallback: fallback, Rejected: []Rejection{rejection("a", "p", v1alpha1.BakeFailedReason)}}
		after = before.clone()
		after.leave(v1alpha1.RevisionModel{}, at1, ReasonReplaced, MovedBySpec)
		after.Live = "b"
		return before, after
	}
	if got := Conclusions(promoted("")); got != nil {
		t.Errorf("told again: %v", got)
	}
	want := []Conclusion{{"a", Failed, v1alpha1.BakeFailedReason}} // the fallback never became ready
	if diff := cmp.Diff(want, Conclusions(promoted("o"))); diff != "" {
		t.Errorf("ends (-want +got):\n%s", diff)
	}
}

func TestConclusionsOfARevisionThatDoesNotStart(t *testing.T) {
	before := &Record{Switch: 2, Live: "a", Baked: true}
	after := before.clone()
	after.Postponed = &Postponement{Revision: "b", Failures: 1, At: at1}
	after.retire(revision("b", 2))
	want := []Conclusion{{"b", Postponed, v1alpha1.ProgressDeadlineExceededReason}}
	if diff := cmp.Diff(want, Conclusions(before, after)); diff != "" {
		t.Errorf("ends (-want +got):\n%s", diff)
	}
	if got := Conclusions(after, after.clone()); got != nil {
		t.Errorf("told again: %v", got)
	}
	if got := Conclusions(nil, after); got != nil {
		t.Errorf("told of a record that was recreated: %v", got)
	}
}

// checkConclusions finds ends that nobody expects, for [TestModel].
func checkConclusions(before, after *Record) string {
	seen := map[string]bool{}
	for _, end := range Conclusions(before, after) {
		switch {
		case !slices.Contains(ConclusionReasons[end.Result], end.Reason):
			return "unexpected end " + string(end.Result) + " " + end.Reason
		case seen[end.Revision]:
			return "two ends of " + end.Revision
		}
		seen[end.Revision] = true
	}
	return ""
}
