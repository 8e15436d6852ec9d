// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package repeat

import (
	"context"
	"math/rand/v2"
	"time"
)

// Patience says how often something is tried that may pass, and how long is waited in between.
type Patience struct {
	// Attempts is how often it is tried, 1 or more.
	Attempts int
	// First is waited after the first attempt, and twice as long after each further one, up to Longest; 0 is no bound.
	First, Longest time.Duration
	// Failed, if set, is told of each attempt but the last that has failed, before the pause. The first is 1.
	Failed func(attempt int, err error)
}

// Try calls do until it succeeds, until its error is final, or until patience or ctx is at its end. It returns the last
// error as do returned it, or the cause of ctx once that is over, and how often do was called.
//
// Pauses are of half to one and a half of their length, by chance: what failed together doesn't come back together.
func (p Patience) Try(ctx context.Context, do func() error, final func(error) bool) (attempts int, err error) {
	pause := p.First
	for attempt := 1; ; attempt++ {
		err := do()
		switch {
		case err == nil:
			return attempt, nil
		case ctx.Err() != nil:
			return attempt, context.Cause(ctx)
		case final(err) || attempt >= p.Attempts:
			return attempt, err
		}
		if p.Failed != nil {
			p.Failed(attempt, err)
		}
		if err := Sleep(ctx, pause/2+rand.N(pause+1)); err != nil {
			return attempt, err
		}
		if pause *= 2; p.Longest > 0 {
			pause = min(pause, p.Longest)
		}
	}
}

// Sleep waits for d, or until ctx is over, and then returns its cause.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 || ctx.Err() != nil {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
