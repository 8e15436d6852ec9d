// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package rollout

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/api/v1alpha1"
)

// TestModel runs the planner against a simulated cluster: spec changes, failures,
// stale caches and deaths of the controller between any two writes, at random but
// reproducible, and weather: evictions, lost nodes, quotas, clocks that are off, tests
// without a verdict, none of which may get a good model rejected. The invariants are checked after every write; in the end the cluster
// is left alone and the rollout has to come to rest where the spec wants it.
func TestModel(t *testing.T) {
	const runs, steps = 80, 400
	total, switches, followed := 0, 0, map[string]int{}
	for seed := range uint64(runs) {
		s := newSimulation(seed)
		s.live(steps, func() {
			if s.chance(10) {
				s.disturb()
			}
		})
		if s.fault != "" {
			t.Fatalf("seed %d: %s", seed, s.fault)
		}
		if err := settle(s, checkEnd); err != nil {
			t.Errorf("seed %d, model %s: %v", seed, s.model, err)
		}
		total += s.writes
		switches += s.switches
		for rule, n := range s.followed {
			followed[rule] += n
		}
	}
	for _, rule := range append([]rule{recovery, atRest}, rules...) {
		if followed[rule.name] == 0 {
			t.Errorf("no sequence of events leads to rule %s", rule.name)
		}
	}
	t.Logf("%d sequences of %d steps: %d writes, %d switches; rules followed: %v", runs, steps, total, switches, followed)
}

// live takes the cluster through steps, until a fault: what happens first in each, passes of the controller on snapshots
// that may be stale, and deaths in the middle of them.
func (s *simulation) live(steps int, happens func()) {
	stale := s.observe()
	for range steps {
		happens()
		s.step()
		if s.chance(70) {
			stale = s.observe()
		}
		diesAfter := 1000
		if s.chance(20) {
			diesAfter = s.rng.IntN(3)
		}
		if err := s.reconcile(stale, diesAfter); err != nil && !errors.Is(err, errCrash) {
			stale = s.observe()
		}
		if s.fault != "" {
			return
		}
	}
}

// settle leaves the cluster alone until nothing changes, and says what is wrong then.
// A new policy, or another value of spec.retry, gives a second chance to a model that only bad luck had rejected.
func settle(s *simulation, check func(*simulation) error) error {
	s.calm, s.resolved, s.traffic = true, true, true
	s.heal()
	if s.chance(50) {
		s.policy = "p3"
	} else {
		s.steering.Retry = "at last"
	}
	s.steering.Paused = false
	s.steering.Promote, s.steering.Reject = revisionOf(s.model), ""
	quiet := 0
	for range 3000 {
		s.step()
		before := s.writes
		if err := s.reconcile(s.observe(), 1000); err != nil {
			continue
		}
		if s.fault != "" {
			return errors.New(s.fault)
		}
		if quiet++; s.writes != before || s.waits && !is(s.model, neverReady) { // which is tried again for ever
			quiet = 0
		}
		if quiet == 200 {
			return check(s)
		}
	}
	return errors.New("doesn't come to rest")
}

func checkEnd(s *simulation) error {
	o := s.observe()
	s.observePastCache(o)
	o.Now = o.Now.Add(s.skew)
	r, status := o.Service.Record, Describe(o)
	target := revisionOf(s.model)
	if status.Reason == v1alpha1.RollbackBlockedReason && is(modelOf(r.Fallback), hanging) {
		return nil // the fallback's servers have hung since it was baked, so there is nothing to go back to
	}
	wantOutcome := map[string]Outcome{
		good: Serving, smokeBad: Stalled, bakeBad: Stalled, refused: Stalled, gated: Stalled, neverReady: Reconciling,
		guessing: Stalled,
	}
	if is(s.model, guessing) && r.Live == target {
		wantOutcome[guessing] = Serving // it was promoted while that was allowed
	}
	if wantOutcome[worse] = Stalled; r.Live == target {
		wantOutcome[worse] = Serving // there was no good one to compare it with
	}
	for kind, want := range wantOutcome {
		if is(s.model, kind) && status.Outcome != want {
			return fmt.Errorf("outcome %d (%s: %s), want %d", status.Outcome, status.Reason, status.Message, want)
		}
	}
	deployments := map[string]bool{}
	for name := range s.deployments {
		deployments[name] = true
	}
	want := map[string]bool{}
	if r.Live != "" && (s.canServeAgain(r.Live) || s.isTarget(r.Live)) {
		want[r.Live] = true
	}
	if is(s.model, neverReady) && o.untilTried(r, target) == 0 {
		want[target] = true
	}
	if diff := cmp.Diff(want, deployments); diff != "" {
		return fmt.Errorf("deployments (-want +got):\n%s", diff)
	}
	switch {
	case is(s.model, good) && (r.Live != target || !r.Baked):
		return fmt.Errorf("live is %q, want %s, baked", r.Live, target)
	case r.Fallback != "" || len(r.Retiring) > 0:
		return fmt.Errorf("fallback %q, retiring %v, want none", r.Fallback, r.Retiring)
	case s.selected != r.Live:
		return fmt.Errorf("selected %q, live %q", s.selected, r.Live)
	case r.Live != "" && !r.Baked && status.Reason != v1alpha1.BakeFailedReason && r.Rejection(r.Live) == nil:
		return fmt.Errorf("%s is still baking", r.Live)
	}
	return nil
}
