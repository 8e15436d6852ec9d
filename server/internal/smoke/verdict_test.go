// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// aborting closes the connection of requests for one path without an answer.
func aborting(path string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TestVerdicts: only a server's own wrong answers, or its silence while it says that it is ready, are
// held against it.
func TestVerdicts(t *testing.T) {
	hanging := func(path string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == path {
					<-r.Context().Done()
					return
				}
				next.ServeHTTP(w, r)
			})
		}
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	cases := map[string]struct {
		lie      func(http.Handler) http.Handler
		also     []string // further targets
		revision string
		verdict  bool
		says     string
	}{
		"nobody listens":                      {also: []string{closed.URL}, says: "connection refused"},
		"nobody listens, and one answers 500": {lie: answering("/health", 500, "oops"), also: []string{closed.URL}, verdict: true, says: "answered 500: oops"},
		"no such host":                        {also: []string{"http://pets.invalid"}, says: "availability failed: "},
		"an answer is cut off":                {lie: aborting("/predict"), says: "EOF"},
		"loading":                             {lie: answering("/predict", 503, `{"code":"loading","detail":"wait"}`), says: "answered 503: wait"},
		"overloaded":                          {lie: answering("/predict", 503, `{"code":"overloaded","detail":"busy"}`), verdict: true, says: "answered 503: busy"},
		"a proxy without a server":            {lie: answering("/predict", 502, "no upstream"), says: "answered 502: no upstream"},
		"too slow for the server itself":      {lie: answering("/predict", 504, `{"code":"timeout","detail":"slow"}`), verdict: true, says: "answered 504: slow"},
		"another revision answers, as by a proxy that is behind": {
			lie: answering("/health", 500, "oops"), revision: "pets-2", says: "revision pets-12345678 answers, not pets-2",
		},
		"a request hangs, the server is ready": {
			lie: hanging("/predict"), verdict: true, says: "2 times, while the server says that it is ready",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			targets := append([]string{serve(t, testModel(), tc.lie)}, tc.also...)
			s := newSuite(contract.SmokeConfig{Targets: targets, Revision: tc.revision}, nil, nil)
			s.patience = time.Second
			report, err := s.run(t.Context())
			if tc.verdict && err != nil || !tc.verdict && !errors.Is(err, ErrNoVerdict) {
				t.Errorf("run() error = %v, want a verdict: %t", err, tc.verdict)
			}
			if report.Passed || !strings.Contains(report.Message, tc.says) {
				t.Errorf("report = %+v, want it failed with %q", report, tc.says)
			}
		})
	}
}

// Whatever a check asks, a server that doesn't answer says nothing about its model.
func TestNoAnswerIsNoVerdict(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	s := newSuite(contract.SmokeConfig{}, colors(t, 20, 0), nil)
	for _, check := range s.allChecks() {
		v := &visit{client: &client{base: closed.URL, http: s.http, patience: s.patience}, full: true, answers: answers{byID: map[sampleID]prediction{}}}
		if o := check.run(t.Context(), v); o.result != contract.CheckFailed || !o.silent {
			t.Errorf("%s: %+v, want it failed in silence: give the error of a request to failedBy", check.name, o)
		}
	}
}

// failing answers 500 to the first n requests of each path.
func failing(n int) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		left := map[string]*atomic.Int32{}
		for _, path := range []string{"/health", "/predict"} {
			left[path] = &atomic.Int32{}
			left[path].Store(int32(n))
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if counter := left[r.URL.Path]; counter != nil && counter.Add(-1) >= 0 {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func TestAttempts(t *testing.T) {
	cases := map[string]struct {
		attempts, failing int
		want              []string
		wantPauses        []time.Duration
	}{
		"as many as needed": {
			attempts: 3, failing: 2,
			wantPauses: []time.Duration{0, firstPause, 2 * firstPause, firstPause, 2 * firstPause},
		},
		"one too few, and the next check is tried once": {
			attempts: 2, failing: 2, want: []string{"health", "predict", "latency"},
			wantPauses: []time.Duration{0, firstPause},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			config := contract.SmokeConfig{Targets: []string{serve(t, testModel(), failing(tc.failing))}, Attempts: tc.attempts}
			var pauses []time.Duration
			s := newSuite(config, nil, nil)
			s.sleep = func(_ context.Context, d time.Duration) error {
				pauses = append(pauses, d)
				return nil
			}
			report, err := s.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, failures(report)); diff != "" {
				t.Errorf("failed checks (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantPauses, pauses); diff != "" {
				t.Errorf("pauses (-want +got):\n%s", diff)
			}
		})
	}
}
