// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// runs makes Complete runs, the newest first, whose models have their names for digests and revisions.
func runs(names ...string) []Run {
	var all []Run
	for i, name := range names {
		all = append(all, Run{Name: name, SHA256: name, Completed: t0.Add(-time.Duration(i) * time.Minute), Created: t0.Add(-time.Hour)})
	}
	return all
}

// judgedBy has a gate be missed by these runs.
func judgedBy(gated ...string) func(Run) (Judgement, error) {
	return func(run Run) (Judgement, error) {
		if slices.Contains(gated, run.Name) {
			return Judgement{Revision: run.SHA256, Reason: v1alpha1.GateNotMetReason, Message: "too low"}, nil
		}
		return Judgement{Revision: run.SHA256}, nil
	}
}

// says sums a choice up: the run, then those passed over with their reasons.
func (c Choice) says() string {
	said := []string{"none"}
	if c.Run != nil {
		said[0] = c.Run.Name
	}
	for _, over := range c.PassedOver {
		said = append(said, fmt.Sprintf("not %s: %s", over.Name, over.Reason))
	}
	return strings.Join(said, ", ")
}

func TestChoose(t *testing.T) {
	rejected := func(live string, names ...string) *Record {
		r := &Record{Live: live, Baked: live != ""}
		for _, name := range names {
			r.Rejected = append(r.Rejected, rejection(name, "p", v1alpha1.SmokeFailedReason))
		}
		return r
	}
	many := func(prefix string, n int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprintf("%s%02d", prefix, i))
		}
		return names
	}
	longAgo := t0.Add(-24 * time.Hour)
	for name, tc := range map[string]struct {
		record *Record
		policy string // empty: p, by which runs were rejected
		runs   []Run
		live   LiveModel
		gated  []string
		want   string
	}{
		"the first":                       {runs: runs("c", "b", "a"), want: "c"},
		"the first, with an empty record": {record: &Record{}, runs: runs("c", "b"), want: "c"},
		"live is the newest":              {record: rejected("c"), runs: runs("c", "b"), live: LiveModel{SHA256: "c"}, want: "c"},
		"a newer one":                     {record: rejected("a"), runs: runs("c", "b", "a"), live: LiveModel{SHA256: "a"}, want: "c"},
		"a newer one misses a gate":       {record: rejected("a"), runs: runs("b", "a"), live: LiveModel{SHA256: "a"}, gated: []string{"b"}, want: "a, not b: GateNotMet"},
		"live misses a gate":              {record: rejected("a"), runs: runs("a"), live: LiveModel{SHA256: "a"}, gated: []string{"a"}, want: "a"},
		"a newer one was rejected":        {record: rejected("a", "b"), runs: runs("b", "a"), live: LiveModel{SHA256: "a"}, want: "a, not b: SmokeFailed"},
		"one between them is left":        {record: rejected("a", "c"), runs: runs("c", "b", "a"), live: LiveModel{SHA256: "a"}, want: "b, not c: SmokeFailed"},
		"it was rejected by another policy": {
			record: rejected("a", "b"), policy: "q", runs: runs("b", "a"), live: LiveModel{SHA256: "a"}, want: "b",
		},
		"the first was rejected, an older one is left": {record: rejected("", "b"), runs: runs("b", "a"), want: "a, not b: SmokeFailed"},
		"the first were all rejected":                  {record: rejected("", "b", "a"), runs: runs("b", "a"), want: "b"},
		"the first all miss a gate":                    {record: rejected(""), runs: runs("b", "a"), gated: []string{"a", "b"}, want: "b"},
		"live was rejected, with no fallback":          {record: rejected("b", "b"), runs: runs("b", "a"), live: LiveModel{SHA256: "b"}, want: "a, not b: SmokeFailed"},
		"live was rejected, and is all there is":       {record: rejected("b", "b"), runs: runs("b"), live: LiveModel{SHA256: "b"}, want: "b"},
		"the run of live is gone":                      {record: rejected("c"), runs: runs("b", "a"), live: LiveModel{SHA256: "c", RunGone: true, Completed: t0}, want: "none"},
		"the run of live is gone, and there is none":   {record: rejected("c"), live: LiveModel{SHA256: "c", RunGone: true, Completed: t0}, want: "none"},
		"the run of live is gone, and a newer came":    {record: rejected("c"), runs: runs("d", "b"), live: LiveModel{SHA256: "c", RunGone: true, Completed: t0.Add(-30 * time.Second)}, want: "d"},
		"the run of live is gone, and a newer was rejected": {
			record: rejected("c", "d"), runs: runs("d", "b"), live: LiveModel{SHA256: "c", RunGone: true, Completed: t0.Add(-30 * time.Second)}, want: "none, not d: SmokeFailed",
		},
		"there is none":                                             {record: rejected("c", "c"), live: LiveModel{SHA256: "c", RunGone: true}, want: "none"},
		"the run of live doesn't match any more":                    {record: rejected("c"), runs: runs("b", "a"), live: LiveModel{SHA256: "c", Completed: t0}, want: "b"},
		"the run of live doesn't match, and the rest were rejected": {record: rejected("c", "b"), runs: runs("b"), live: LiveModel{SHA256: "c"}, want: "b"},
		"live is of no run":                                         {record: rejected("x"), runs: runs("b", "a"), live: LiveModel{SHA256: "x"}, want: "b"},
		"another run of the same model":                             {record: rejected("b"), runs: []Run{{Name: "c", SHA256: "b", Completed: t0}, {Name: "b", SHA256: "b", Completed: longAgo}}, live: LiveModel{SHA256: "b"}, want: "c"},
		"no model":                                                  {record: &Record{}, runs: []Run{{Name: "b", Completed: t0}, {Name: "a", SHA256: "a", Completed: longAgo}}, gated: []string{"b"}, want: "a, not b: GateNotMet"},
		"ended in the same second": {
			runs: []Run{{Name: "b", Completed: t0, Created: longAgo}, {Name: "c", Completed: t0, Created: longAgo}, {Name: "a", Completed: t0, Created: t0}}, want: "a",
		},
		"ended and created in the same second": {
			runs: []Run{{Name: "b", Completed: t0}, {Name: "c", Completed: t0}, {Name: "a", Completed: t0}}, want: "c",
		},
		"more miss a gate than are remembered": {
			record: rejected(""), runs: runs(append(many("g", 12), "a")...), gated: many("g", 12), want: "a, not " + strings.Join(many("g", 12), ": GateNotMet, not ") + ": GateNotMet",
		},
		"as many were rejected as are remembered": {
			record: rejected("a", many("s", 10)...), runs: runs(append(many("s", 10), "forgotten", "a")...), live: LiveModel{SHA256: "a"},
			want: "a, not " + strings.Join(many("s", 10), ": SmokeFailed, not ") + ": SmokeFailed",
		},
		"as many were rejected as are remembered, and nothing is live": {record: rejected("", many("s", 10)...), runs: runs(append(many("s", 10), "forgotten")...), want: "s00"},
	} {
		t.Run(name, func(t *testing.T) {
			o := &Observed{Policy: "p"}
			if tc.policy != "" {
				o.Policy = tc.policy
			}
			if tc.record != nil {
				o.Service = &Service{Record: tc.record}
			}
			slices.Reverse(tc.runs) // their order is none
			choice, err := o.Choose(tc.runs, tc.live, judgedBy(tc.gated...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, choice.says()); diff != "" {
				t.Errorf("choice (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChooseFailsAsItsJudge(t *testing.T) {
	broken := errors.New("no name")
	_, err := (&Observed{}).Choose(runs("a"), LiveModel{}, func(Run) (Judgement, error) { return Judgement{}, broken })
	if !errors.Is(err, broken) {
		t.Errorf("error = %v, want %v", err, broken)
	}
}
