// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

func TestRefusals(t *testing.T) {
	baked := func(s Steering) *Observed {
		return observed("b", bakedRecord("a"), revision("a", 2), revision("b", 2)).but(func(o *Observed) { o.Steering = s })
	}
	baking := func(s Steering) *Observed {
		return observed("b", bakingRecord("b", "a"), revision("a", 2), revision("b", 2)).but(func(o *Observed) { o.Steering = s })
	}
	with := func(o *Observed, change func(*Record)) *Observed {
		change(o.Service.Record)
		return o
	}
	rejectedB := func(r *Record) { r.Rejected = []Rejection{rejection("b", "p", "SmokeFailed")} }
	wasLiveC := func(r *Record) { r.History = []v1alpha1.RetiredRevision{left("c", "Replaced")} }
	cases := map[string]struct {
		o            *Observed
		reason, says string // empty where nothing is refused
	}{
		"nothing asked":                                {o: baked(Steering{})},
		"promote the candidate":                        {o: baked(Steering{Manual: true, Promote: "b"})},
		"promote the candidate, though it's by itself": {o: baked(Steering{Promote: "b"})},
		"promote what is live":                         {o: baking(Steering{Manual: true, Promote: "b"})},
		"promote what was live":                        {o: with(baked(Steering{Manual: true, Promote: "c"}), wasLiveC)},
		"promote what was rejected":                    {o: with(baked(Steering{Manual: true, Promote: "b"}), rejectedB), reason: "PromotionRefused", says: "was rejected (SmokeFailed)"},
		"promote what was rejected once, by another policy": {
			o: with(baked(Steering{Manual: true, Promote: "b"}), rejectedB).but(func(o *Observed) { o.Policy = "q" }),
		},
		"promote what the spec doesn't ask for": {o: baked(Steering{Manual: true, Promote: "x"}), reason: "PromotionRefused", says: `"x", which isn't the revision that the spec asks for: name b`},
		"promote the fallback":                  {o: baking(Steering{Manual: true, Promote: "a"}), reason: "PromotionRefused", says: "set the annotation trainyard.dev/reject to b"},
		"the fallback was promoted once, and now it goes by itself": {
			o: with(baking(Steering{Promote: "a"}), func(r *Record) { r.History = []v1alpha1.RetiredRevision{left("a", "Replaced")} }),
		},
		"promote and reject the same": {o: baked(Steering{Manual: true, Promote: "b", Reject: "b"}), reason: "PromotionRefused", says: "remove one of the two"},
		"promote while the model isn't resolved": {
			o: baked(Steering{Manual: true, Promote: "b"}).but(func(o *Observed) { o.Target = nil }),
		},
		"promote an unknown one while the model isn't resolved": {
			o: baked(Steering{Manual: true, Promote: "x"}).but(func(o *Observed) { o.Target = nil }), reason: "PromotionRefused", says: "no revision of this server",
		},
		"reject the candidate":         {o: baked(Steering{Reject: "b"})},
		"reject live during its bake":  {o: baking(Steering{Reject: "b"})},
		"reject what was rejected":     {o: with(baked(Steering{Reject: "b"}), rejectedB)},
		"reject what was live":         {o: with(baked(Steering{Reject: "c"}), wasLiveC)},
		"reject what retires":          {o: with(baked(Steering{Reject: "c"}), func(r *Record) { r.Retiring = []Retiring{{"c", "uc"}} })},
		"reject live after its bake":   {o: baked(Steering{Reject: "a"}), reason: "RejectionRefused", says: "no revision to roll back to: change spec.model"},
		"reject the fallback":          {o: baking(Steering{Reject: "a"}), reason: "RejectionRefused", says: "what revision b is rolled back to"},
		"reject an unknown one":        {o: baked(Steering{Reject: "x"}), reason: "RejectionRefused", says: "no revision of this server"},
		"both in vain: one is told of": {o: baked(Steering{Promote: "y", Reject: "x"}), reason: "RejectionRefused", says: `"x"`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Describe(tc.o).Refused
			if tc.reason == "" {
				if got != nil {
					t.Errorf("refused: %+v, want nothing", *got)
				}
				return
			}
			if got == nil || got.Reason != tc.reason || !strings.Contains(got.Message, tc.says) {
				t.Errorf("refused = %+v, want %s with %q", got, tc.reason, tc.says)
			}
		})
	}
}
