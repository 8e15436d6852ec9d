// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package repeat

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var (
	errPassing = errors.New("it may pass")
	errFinal   = errors.New("it won't pass")
	errStopped = errors.New("stopped")
)

func isFinal(err error) bool { return errors.Is(err, errFinal) }

func TestTry(t *testing.T) {
	cases := map[string]struct {
		errs     []error // of each call; nil after these
		stopAt   int     // the call in which the context ends
		attempts int
		want     error
	}{
		"at once":                  {attempts: 1},
		"after two failures":       {errs: []error{errPassing, errPassing}, attempts: 3},
		"never":                    {errs: []error{errPassing, errPassing, errPassing, errPassing}, attempts: 4, want: errPassing},
		"a final error":            {errs: []error{errPassing, errFinal}, attempts: 2, want: errFinal},
		"stopped in an attempt":    {errs: []error{errPassing, errPassing}, stopAt: 2, attempts: 2, want: errStopped},
		"done as it was stopped":   {errs: []error{errPassing}, stopAt: 2, attempts: 2},
		"final as it was stopped":  {errs: []error{errFinal}, stopAt: 1, attempts: 1, want: errStopped},
		"only one attempt allowed": {errs: []error{errPassing}, attempts: 1, want: errPassing},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancelCause(t.Context())
				defer stop(nil)
				patience := Patience{Attempts: 4, First: time.Minute}
				if len(tc.errs) == 1 && tc.want != nil {
					patience.Attempts = 1
				}
				calls := 0
				attempts, err := patience.Try(ctx, func() error {
					if calls++; calls == tc.stopAt {
						stop(errStopped)
					}
					if calls > len(tc.errs) {
						return nil
					}
					return tc.errs[calls-1]
				}, isFinal)
				if attempts != tc.attempts || calls != tc.attempts || !errors.Is(err, tc.want) {
					t.Errorf("%d calls, said to be %d, error %v; want %d and %v", calls, attempts, err, tc.attempts, tc.want)
				}
			})
		})
	}
}

func TestTryWaitsLongerEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pauses []time.Duration
		last, told := time.Now(), 0
		patience := Patience{Attempts: 5, First: time.Second, Longest: 3 * time.Second, Failed: func(attempt int, err error) {
			if told++; attempt != told || !errors.Is(err, errPassing) {
				t.Errorf("told of attempt %d and %v, want %d", attempt, err, told)
			}
		}}
		_, _ = patience.Try(t.Context(), func() error {
			pauses = append(pauses, time.Since(last))
			last = time.Now()
			return errPassing
		}, isFinal)
		if told != 4 {
			t.Errorf("told of %d failures, want 4: the last one is returned", told)
		}
		for i, mean := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second} {
			if got := pauses[i+1]; got < mean/2 || got > mean*3/2 {
				t.Errorf("pause %d is %v, want half to one and a half of %v", i+1, got, mean)
			}
		}
	})
}

func TestTryIsStoppedInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancelCause(t.Context())
		start := time.Now()
		time.AfterFunc(time.Second, func() { stop(errStopped) })
		attempts, err := Patience{Attempts: 2, First: time.Hour}.Try(ctx, func() error { return errPassing }, isFinal)
		if attempts != 1 || !errors.Is(err, errStopped) || time.Since(start) != time.Second {
			t.Errorf("%d attempts, error %v after %v", attempts, err, time.Since(start))
		}
	})
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := Sleep(t.Context(), time.Minute); err != nil || time.Since(start) != time.Minute {
			t.Errorf("error %v after %v, want none after a minute", err, time.Since(start))
		}
		if err := Sleep(t.Context(), 0); err != nil {
			t.Errorf("no time at all: %v", err)
		}
		stopped, stop := context.WithCancelCause(t.Context())
		stop(errStopped)
		for _, d := range []time.Duration{0, time.Hour} {
			if err := Sleep(stopped, d); !errors.Is(err, errStopped) {
				t.Errorf("Sleep(%v) of a context that is over: error %v", d, err)
			}
		}
	})
}
