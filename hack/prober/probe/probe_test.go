// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// Every request is counted once, under what became of it, and none is sent twice.
func TestProberCounts(t *testing.T) {
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := served.Add(1)
		if r.Method != http.MethodPost || r.URL.Path != "/predict" {
			t.Errorf("got %s %s, want POST /predict", r.Method, r.URL.Path)
		}
		w.Header().Set(contract.RevisionHeader, "pets-1")
		switch {
		case n%5 == 0:
			w.WriteHeader(http.StatusInternalServerError)
		case n%7 == 0:
			panic(http.ErrAbortHandler) // drops the connection without an answer
		}
	}))
	defer server.Close()

	ctx, cancel := context.WithCancel(context.Background())
	p, err := Start(ctx, Config{URL: server.URL, Interval: time.Millisecond, Timeout: time.Second, Pooled: 3})
	if err != nil {
		t.Fatal(err)
	}
	for served.Load() < 100 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	p.Wait()
	report, err := p.Report()
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Stats{"fresh": report.Fresh, "pooled": report.Pooled} {
		if s.Requests == 0 || s.Statuses[500] == 0 || s.Refused == 0 {
			t.Errorf("%s: %+v, want answers, 500s and refusals", name, s)
		}
		if s.Failed != s.Statuses[500]+s.Refused {
			t.Errorf("%s: %d failed, want %d with status 500 and %d refused", name, s.Failed, s.Statuses[500], s.Refused)
		}
		if s.Requests != s.Statuses[200]+s.Failed {
			t.Errorf("%s: %d requests, want %d with status 200 and %d failed", name, s.Requests, s.Statuses[200], s.Failed)
		}
		if latest := s.Answers["pets-1"].Latest; len(latest) == 0 || latest[0].Port == 0 || latest[0].Status == 0 || latest[0].Connected.Before(latest[0].Sent) {
			t.Errorf("%s: the latest answers are %+v, want their ports, statuses and times", name, latest)
		}
		if got := s.Answers["pets-1"].Count; got != s.Statuses[200]+s.Statuses[500] {
			t.Errorf("%s: %d answers of the revision, want %d", name, got, s.Statuses[200]+s.Statuses[500])
		}
	}
	if fresh, pooled := len(report.Fresh.Answers["pets-1"].Clients), len(report.Pooled.Answers["pets-1"].Clients); fresh != 1 || pooled != 3 {
		t.Errorf("the revision has answered %d fresh and %d pooled clients, want 1 and 3", fresh, pooled)
	}
	// What was under way when the context ended was served and is not counted.
	if sent := report.Fresh.Requests + report.Pooled.Requests; int64(sent) > served.Load() || int64(sent) < served.Load()-4 {
		t.Errorf("%d requests counted, %d served", sent, served.Load())
	}
}

// A fresh connection comes from a port of its own, and one that is taken is passed over.
func TestPortsInTurn(t *testing.T) {
	taken, err := net.Listen("tcp", fmt.Sprintf(":%d", firstPort+1))
	if err != nil {
		t.Skipf("port %d is in use: %v", firstPort+1, err)
	}
	defer taken.Close()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	var dialer turns
	seen := map[int]bool{}
	for range 5 {
		conn, err := dialer.dial(t.Context(), "tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		seen[conn.LocalAddr().(*net.TCPAddr).Port] = true
		conn.Close()
	}
	if len(seen) != 5 || seen[firstPort+1] {
		t.Errorf("5 connections came from ports %v, want 5 without %d", slices.Sorted(maps.Keys(seen)), firstPort+1)
	}
}
