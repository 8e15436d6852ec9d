// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// simSelection are the runs of a simulated cluster. Of those that match the model of one is served, as the controller
// chooses it from the record.
type simSelection struct {
	runs []simRun
	made int
}

type simRun struct {
	Run
	matches, deleted bool
}

// kindsOfRuns are what becomes of the models of runs; most are good.
var kindsOfRuns = []string{good, good, good, good, smokeBad, smokeBad, bakeBad, crashing, refused, gated, guessing, worse}

// change has a run end, go, or be labeled otherwise.
func (c *simSelection) change(s *simulation) {
	switch n := s.rng.IntN(8); {
	case n < 5:
		kind := kindsOfRuns[s.rng.IntN(len(kindsOfRuns))]
		c.made++
		name := fmt.Sprintf("%s-%03d", kind, c.made)
		c.runs = append(c.runs, simRun{Run: Run{Name: name, SHA256: name, Completed: s.now.Truncate(time.Second), Created: s.now}, matches: true})
	case len(c.runs) == 0:
	case n < 7:
		c.runs[s.rng.IntN(len(c.runs))].deleted = true
	default:
		run := &c.runs[s.rng.IntN(len(c.runs))]
		run.matches = !run.matches
	}
}

func (c *simSelection) find(model string) *simRun {
	if i := slices.IndexFunc(c.runs, func(r simRun) bool { return r.SHA256 == model }); i >= 0 {
		return &c.runs[i]
	}
	return nil
}

// choose has the spec ask for the model of the run that is chosen now.
func (c *simSelection) choose(s *simulation) {
	o := &Observed{Policy: s.policy, Steering: s.steering}
	var live LiveModel
	if record, err := DecodeRecord(s.record); err == nil {
		o.Service = &Service{Record: record}
		if run := c.find(modelOf(record.Live)); run != nil {
			live = LiveModel{SHA256: run.SHA256, RunGone: run.deleted, Completed: run.Completed}
		}
	}
	var matching []Run
	for _, run := range c.runs {
		if run.matches && !run.deleted {
			matching = append(matching, run.Run)
		}
	}
	choice, err := o.Choose(matching, live, func(run Run) (Judgement, error) {
		switch {
		case is(run.Name, gated), s.missesLive(run.SHA256):
			return Judgement{Revision: revisionOf(run.SHA256), Reason: v1alpha1.GateNotMetReason}, nil
		case is(run.Name, guessing) && s.policy != allows:
			return Judgement{Revision: revisionOf(run.SHA256), Reason: v1alpha1.NoBetterThanChanceReason}, nil
		}
		return Judgement{Revision: revisionOf(run.SHA256)}, nil
	})
	if err != nil {
		s.broken("choose: %v", err)
	}
	if s.resolved = choice.Run != nil; s.resolved {
		s.model = choice.Run.SHA256
	}
}

// checkMove holds at every write of the record: the traffic never goes back to an older run unless the newer one was withdrawn, or failed.
func (c *simSelection) checkMove(s *simulation, a Actions) {
	before, err := DecodeRecord(s.record)
	if err != nil || a.Rule != "promote" && a.Rule != "returnBack" {
		return
	}
	from, to := c.find(modelOf(before.Live)), c.find(modelOf(a.Record.Live))
	if from == nil || to == nil || newestFirst(from.Run, to.Run) > 0 {
		return
	}
	if from.matches && a.Record.Rejection(before.Live) == nil {
		s.broken("%s from %s back to the older %s, which nobody has asked for", a.Rule, from.Name, to.Name)
	}
}

// checkSelection holds once the cluster is left alone.
func checkSelection(s *simulation) error {
	record, err := DecodeRecord(s.record)
	if err != nil {
		return err
	}
	c := s.selection
	live := c.find(modelOf(record.Live))
	untested := 0
	for _, run := range c.sorted() {
		if live != nil && newestFirst(live.Run, run.Run) <= 0 && (live.matches || live.deleted) {
			break
		}
		if !run.matches || run.deleted {
			continue
		}
		if is(run.Name, good) && untested < maxRemembered {
			return fmt.Errorf("%s is good and isn't live: %q is", run.Name, record.Live)
		}
		if !is(run.Name, gated) && !is(run.Name, guessing) {
			untested++
		}
	}
	switch {
	case record.Fallback != "" || len(record.Retiring) > 0:
		return fmt.Errorf("fallback %q, retiring %v, want none", record.Fallback, record.Retiring)
	case s.selected != record.Live:
		return fmt.Errorf("selected %q, live %q", s.selected, record.Live)
	}
	return nil
}

func (c *simSelection) sorted() []simRun {
	sorted := slices.Clone(c.runs)
	slices.SortFunc(sorted, func(a, b simRun) int { return newestFirst(a.Run, b.Run) })
	return sorted
}

// TestModelSelected is [TestModel] with a spec that selects runs: they end, go and are labeled otherwise at random, also
// between two passes of one rollout. The rollout comes to rest, so no run is tried over and over, and the newest good one is live.
func TestModelSelected(t *testing.T) {
	const seeds, steps = 50, 150
	total, switches, tried := 0, 0, 0
	for seed := range uint64(seeds) {
		s := newSimulation(1000 + seed)
		s.selection = &simSelection{}
		s.live(steps, func() {
			if s.chance(8) {
				s.selection.change(s)
			}
			if s.chance(5) {
				s.disturb()
			}
		})
		if s.fault != "" {
			t.Fatalf("seed %d: %s", seed, s.fault)
		}
		s.steering.Manual = false
		if err := settle(s, checkSelection); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		total += s.writes
		switches += s.switches
		tried += s.selection.made
	}
	t.Logf("%d sequences of %d steps: %d writes, %d switches, %d runs", seeds, steps, total, switches, tried)
}
