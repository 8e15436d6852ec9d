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
	const runs, steps = 200, 150
	total, switches := 0, 0
	for seed := range uint64(runs) {
		s := newSimulation(seed)
		stale := s.observe()
		for range steps {
			if s.chance(10) {
				s.disturb()
			}
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
				t.Fatalf("seed %d: %s", seed, s.fault)
			}
		}
		if err := settle(s); err != nil {
			t.Errorf("seed %d, model %s: %v", seed, s.model, err)
		}
		total += s.writes
		switches += s.switches
	}
	t.Logf("%d steps, %d writes, %d switches", runs*steps, total, switches)
}

// settle leaves the cluster alone until nothing changes, and says what is wrong then.
// A new policy gives a second chance to a model that only bad luck had rejected.
func settle(s *simulation) error {
	s.calm, s.resolved = true, true
	s.heal()
	s.policy = "p3"
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
		if quiet++; s.writes != before || s.waits {
			quiet = 0
		}
		if quiet == 200 {
			return checkEnd(s)
		}
	}
	return errors.New("doesn't come to rest")
}

func checkEnd(s *simulation) error {
	o := s.observe()
	s.observePastCache(o)
	r, status := o.Service.Record, Describe(o)
	target := revisionOf(s.model)
	wantOutcome := map[string]Outcome{
		good: Serving, smokeBad: Stalled, bakeBad: Stalled, refused: Stalled, gated: Stalled, neverReady: Reconciling,
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
	if is(s.model, neverReady) {
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
