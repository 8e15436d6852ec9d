// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// A run that has published isn't failed by a deadline that it waits past.
func TestTheEndWaitsWithinTheDeadline(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for name, tc := range map[string]struct {
		deadline     int64
		began, first time.Duration // before now; first is the start of the first attempt, 0 without a record of it
		want         time.Duration
	}{
		"no deadline":                {began: time.Hour, first: time.Hour, want: endPatience.all},
		"a far one":                  {deadline: 86400, began: time.Hour, first: time.Hour, want: endPatience.all},
		"a near one":                 {deadline: 3600, began: 50 * time.Minute, first: 50 * time.Minute, want: 5 * time.Minute},
		"counted from the first pod": {deadline: 3600, began: 10 * time.Minute, first: 56 * time.Minute, want: 2 * time.Minute},
		"another Job than the first": {deadline: 3600, began: 50 * time.Minute, first: 30 * time.Hour, want: 5 * time.Minute},
		"no record of a start":       {deadline: 3600, began: 56 * time.Minute, want: 2 * time.Minute},
		"passed":                     {deadline: 60, began: time.Hour, first: time.Hour, want: 0},
	} {
		tracker := &Tracker{began: now.Add(-tc.began)}
		tracker.cfg.Tracking.DeadlineSeconds = tc.deadline
		if tc.first > 0 {
			tracker.marks.start = &start{Time: now.Add(-tc.first).UnixMilli()}
		}
		if got := tracker.patienceAt(now).all; got != tc.want {
			t.Errorf("%s: the end waits %s, want %s", name, got, tc.want)
		}
	}
}

// A server that takes all the time there is has the run end in time, and what is left waits.
func TestADeadlineEndsTheWaitForASlowServer(t *testing.T) {
	on := inMemory(t, true)
	on.setDisturb(hangs)
	s := newScene(t, on.uri)
	s.cfg.Tracking.DeadlineSeconds = 1
	s.process()
	s.start()
	s.publish()
	if result := s.close(); result.Reason != contract.ReasonTrackerUnavailable {
		t.Errorf("the result is %+v", result)
	}
}
