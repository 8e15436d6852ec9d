// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// liveHeader has a request fail inside the server, which counts it.
const liveHeader = "X-Test-Fail"

// faulty lets the real server fail requests that ask for it, and those alone.
func faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(liveHeader) != "" {
			r.Body = panicking{}
		}
		next.ServeHTTP(w, r)
	})
}

type panicking struct{ io.ReadCloser }

func (panicking) Read([]byte) (int, error) { panic("broken on purpose") }
func (panicking) Close() error             { return nil }

// users send n predictions to a server, which fails them or doesn't.
func users(t *testing.T, url string, n int, fail string) {
	t.Helper()
	image := servingtest.PNG(t, servingtest.Red)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range n / 4 {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+contract.PredictPath, bytes.NewReader(image))
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set(liveHeader, fail)
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
			}
		})
	}
	group.Wait()
}

// bakeWith runs a test of ten seconds, in the middle of which users do what they do, once.
func bakeWith(t *testing.T, config contract.SmokeConfig, meanwhile func(round int)) (contract.SmokeReport, time.Duration) {
	t.Helper()
	c := &clock{now: time.Unix(1000, 0)}
	config.ForSeconds, config.Revision = 10, revision
	s := newSuite(config, colors(t, 20, 0), nil)
	s.now = func() time.Time { return c.now }
	s.sleep = func(ctx context.Context, d time.Duration) error {
		meanwhile(s.rounds)
		return c.sleep(ctx, d)
	}
	report, err := s.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report, c.now.Sub(time.Unix(1000, 0))
}

// inRound returns what does something in one round alone.
func inRound(n int, do func()) func(int) {
	return func(round int) {
		if round == n {
			do()
		}
	}
}

func TestLiveErrors(t *testing.T) {
	cases := map[string]struct {
		good, bad int
		result    string
		message   string
	}{
		"no request":   {result: contract.CheckSkipped, message: "no live request was seen"},
		"too few":      {good: 40, bad: 40, result: contract.CheckSkipped, message: "40 of 80 live answers were 5xx; at least 100 answers are needed"},
		"one percent":  {good: 396, bad: 4, result: contract.CheckPassed, message: "4 of 400 live answers were 5xx"},
		"more":         {good: 192, bad: 8, result: contract.CheckFailed, message: "8 of 200 live answers were 5xx, more than 1 %"},
		"all of a few": {bad: 100, result: contract.CheckFailed, message: "100 of 100 live answers were 5xx, more than 1 %"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			url := serve(t, testModel(), faulty)
			users(t, url, 400, "fail") // before the test, which says nothing about it
			report, took := bakeWith(t, contract.SmokeConfig{Targets: []string{url}, Pods: []string{url}}, inRound(5, func() {
				users(t, url, tc.good, "")
				users(t, url, tc.bad, "fail")
			}))
			got := messageOf(t, report, checkLiveErrors)
			if got.Result != tc.result || got.Message != tc.message {
				t.Errorf("%s: %s, want %s: %s", got.Result, got.Message, tc.result, tc.message)
			}
			if failed := tc.result == contract.CheckFailed; report.Passed == failed || failed != (took < 10*time.Second) {
				t.Errorf("passed: %t after %s", report.Passed, took)
			}
			want := &contract.SmokeTraffic{Requests: int64(tc.good + tc.bad), Failures: int64(tc.bad)}
			if diff := cmp.Diff(want, report.Traffic); diff != "" {
				t.Errorf("traffic (-want +got):\n%s", diff)
			}
		})
	}
}

// A failing round isn't waited for, and what was broken off by that is no failure.
func TestLiveErrorsEndARound(t *testing.T) {
	var once sync.Once
	var url string
	url = serve(t, testModel(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get(contract.SmokeHeader) != "" && r.URL.Path == contract.V2ModelPath("pets") {
				once.Do(func() { users(t, url, 100, "fail") })
				<-r.Context().Done()
			}
			faulty(next).ServeHTTP(w, r)
		})
	})
	report, _ := bakeWith(t, contract.SmokeConfig{Targets: []string{url}}, func(int) {})
	if diff := cmp.Diff([]string{checkLiveErrors}, failures(report)); diff != "" {
		t.Errorf("failed checks (-want +got):\n%s", diff)
	}
}

// A pod that is there from the start is asked itself; one that comes later is found through the Service.
func TestTrafficOfSeveralPods(t *testing.T) {
	first, second := serve(t, testModel(), faulty), serve(t, testModel(), faulty)
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(contract.RevisionHeader, "pets-other")
		fmt.Fprint(w, `{"startTime":"x","requests":1000,"failures":1000}`)
	}))
	defer stranger.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	report, _ := bakeWith(t, contract.SmokeConfig{
		Targets: []string{second}, Pods: []string{first, stranger.URL, gone.URL},
	}, inRound(2, func() {
		users(t, first, 200, "")
		users(t, second, 100, "")
	}))
	if diff := cmp.Diff(&contract.SmokeTraffic{Requests: 300}, report.Traffic); diff != "" {
		t.Errorf("traffic (-want +got):\n%s", diff)
	}
}

func TestMinRequests(t *testing.T) {
	url := serve(t, testModel(), faulty)
	report, took := bakeWith(t, contract.SmokeConfig{Targets: []string{url}, MinRequests: 40}, func(round int) {
		if round == 20 {
			users(t, url, 40, "")
		}
	})
	if want := 20 * time.Second; !report.Passed || took != want || report.Traffic.Requests != 40 {
		t.Errorf("passed: %t after %s with %+v, want it passed after %s with 40", report.Passed, took, report.Traffic, want)
	}
}

// A server that doesn't count can't be waited for, and says so.
func TestServersThatDontCount(t *testing.T) {
	url := serve(t, testModel(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == contract.StatsPath {
				http.NotFound(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	report, took := bakeWith(t, contract.SmokeConfig{Targets: []string{url}, MinRequests: 40}, func(int) {})
	got := messageOf(t, report, checkLiveErrors)
	if !report.Passed || took != 10*time.Second || got.Result != contract.CheckSkipped || !strings.HasPrefix(got.Message, "the server doesn't say what it has answered: ") || report.Traffic != nil {
		t.Errorf("passed: %t after %s, %+v, traffic %+v", report.Passed, took, got, report.Traffic)
	}
}

// The revision before is one that says of itself how quick it was; how quick the real server is doesn't matter then.
func TestLiveLatency(t *testing.T) {
	const never, always = 1e-9, 1e9 // milliseconds that no answer takes less, or more, than
	cases := map[string]struct {
		before, after int
		millis        float64
		want          string
	}{
		"quicker": {before: 1000, after: 1000, millis: always, want: "Passed: the 99th percentile of 1000 live answers is "},
		"slower":  {before: 1000, after: 1000, millis: never, want: "Failed: the 99th percentile of 1000 live answers is "},
		"too few": {before: 600, after: 100, millis: never, want: "Skipped: can't be judged by 100 live answers, and 600 of the revision before: at least 1000 of each are needed"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(contract.RevisionHeader, "pets-before")
				record := fmt.Sprintf(`{"time":"2026-01-01T00:00:00Z","status":200,"latencyMillis":%g},`, tc.millis)
				fmt.Fprintf(w, `{"requests":[%s{"time":"2026-01-01T00:00:00Z","status":500,"latencyMillis":1}]}`, strings.Repeat(record, tc.before))
			}))
			defer before.Close()
			url := serve(t, testModel(), nil)
			users(t, url, 400, "") // before the test
			report, _ := bakeWith(t, contract.SmokeConfig{
				Targets: []string{url}, Pods: []string{url}, PodsBefore: []string{before.URL}, MaxP99IncreasePercent: 50,
			}, inRound(3, func() { users(t, url, tc.after, "") }))
			got := messageOf(t, report, checkLiveLatency)
			if !strings.HasPrefix(got.Result+": "+got.Message, tc.want) || report.Passed == (got.Result == contract.CheckFailed) {
				t.Errorf("passed: %t, %s: %s, want %s", report.Passed, got.Result, got.Message, tc.want)
			}
		})
	}
}

func TestCompareLatency(t *testing.T) {
	// n latencies of 10 ms, of which the slowest take longer.
	took := func(n, slow int, ms float64) []float64 {
		all := make([]float64, n)
		for i := range all {
			if all[i] = 10; i >= n-slow {
				all[i] = ms
			}
		}
		return all
	}
	cases := map[string]struct {
		after []float64
		want  string
	}{
		"within":     {after: took(1000, 500, 14.9), want: "Passed: the 99th percentile of 1000 live answers is 14.9 ms, at most 15.0 ms wanted (10.0 ms of the revision before, and 50 %)"},
		"above":      {after: took(1000, 11, 15.1), want: "Failed: the 99th percentile of 1000 live answers is 15.1 ms, more than 15.0 ms (10.0 ms of the revision before, and 50 %)"},
		"one in 100": {after: took(1000, 10, 99), want: "Passed: the 99th percentile of 1000 live answers is 10.0 ms, at most 15.0 ms wanted (10.0 ms of the revision before, and 50 %)"},
		"too few":    {after: took(999, 999, 99), want: "Skipped: can't be judged by 999 live answers, and 1000 of the revision before: at least 1000 of each are needed"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l := &latency{increase: 50, before: took(1000, 0, 0)}
			got := l.compare(tc.after)
			if diff := cmp.Diff(tc.want, got.result+": "+got.message); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
		})
	}
}
