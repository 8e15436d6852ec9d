// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// clock is a clock that moves only while somebody sleeps.
type clock struct{ now time.Time }

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return ctx.Err()
}

func TestRepeatsForATime(t *testing.T) {
	var predictions, metrics atomic.Int32
	url := serve(t, testModel(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/predict":
				predictions.Add(1)
			case "/metrics":
				metrics.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	})
	c := &clock{now: time.Unix(1000, 0)}
	s := newSuite(contract.SmokeConfig{Targets: []string{url}, DelaySeconds: 5, ForSeconds: 90}, colors(t, 20, 0), nil)
	s.now, s.sleep = func() time.Time { return c.now }, c.sleep
	report, err := s.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !report.Passed || report.Rounds != 91 {
		t.Errorf("report = %+v, want passed in 91 rounds", report)
	}
	if took := c.now.Sub(time.Unix(1000, 0)); took != 95*time.Second {
		t.Errorf("it took %s, want 95s", took)
	}
	// Two full rounds of a dummy, the latency's and 20 samples; 89 of a dummy and one sample.
	if got, want := predictions.Load(), int32(2*(1+latencyRequests+20)+89*2); got != want || metrics.Load() != 2 {
		t.Errorf("%d predictions and %d looks at the metrics, want %d and 2", got, metrics.Load(), want)
	}
}

func TestAFailureEndsTheBake(t *testing.T) {
	var broken atomic.Bool
	url := serve(t, testModel(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if broken.Load() {
				http.Error(w, "broken on purpose", http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	c := &clock{now: time.Unix(1000, 0)}
	s := newSuite(contract.SmokeConfig{Targets: []string{url}, ForSeconds: 3600}, colors(t, 20, 0), nil)
	s.now = func() time.Time { return c.now }
	s.sleep = func(ctx context.Context, d time.Duration) error {
		broken.Store(c.now.Sub(time.Unix(1000, 0)) >= 10*time.Second)
		return c.sleep(ctx, d)
	}
	report, err := s.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.Passed || report.Rounds != 12 || messageOf(t, report, "availability").Result != contract.CheckFailed {
		t.Errorf("report = %+v, want availability failed in round 12", report)
	}
	if messageOf(t, report, "quality").Result != contract.CheckPassed {
		t.Error("a check that was not made in the last round lost its result")
	}
}

func TestARoundIsBounded(t *testing.T) {
	url := serve(t, testModel(), func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	})
	s := newSuite(contract.SmokeConfig{Targets: []string{url}}, nil, nil)
	s.config.TimeoutSeconds = 1
	report, err := s.run(t.Context())
	if !errors.Is(err, ErrNoVerdict) {
		t.Errorf("run() error = %v, want ErrNoVerdict", err)
	}
	if got := messageOf(t, report, "availability"); !strings.Contains(got.Message, "not done within the 1s") {
		t.Errorf("availability says %q", got.Message)
	}
}

// TestTheTimeoutIsOfOneTarget: a round of many targets takes longer than that of one, which is no fault
// of theirs.
func TestTheTimeoutIsOfOneTarget(t *testing.T) {
	slow := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == contract.ReadyPath && r.Header.Get(contract.SmokeHeader) != "" {
				time.Sleep(time.Second)
			}
			next.ServeHTTP(w, r)
		})
	}
	url := serve(t, testModel(), slow)
	var targets []string
	for range 4 * contract.SmokeTargetsAtATime {
		targets = append(targets, url)
	}
	s := newSuite(contract.SmokeConfig{Targets: targets}, nil, nil)
	s.config.TimeoutSeconds = 3
	report, err := s.run(t.Context())
	if err != nil || !report.Passed {
		t.Errorf("run() = %+v, error %v, want it passed", report, err)
	}
}

func TestStopped(t *testing.T) {
	url := serve(t, testModel(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	s := newSuite(contract.SmokeConfig{Targets: []string{url}, ForSeconds: 60}, nil, nil)
	rounds := 0
	s.sleep = func(ctx context.Context, _ time.Duration) error {
		if rounds++; rounds > 1 {
			cancel()
		}
		return ctx.Err()
	}
	if _, err := s.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("run() error = %v, want Canceled: what was stopped is no report", err)
	}
}
