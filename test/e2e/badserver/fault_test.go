// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

func TestFault(t *testing.T) {
	now := time.Unix(1000, 0)
	f := &fault{
		next:  http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		after: 5 * time.Second,
		now:   func() time.Time { return now },
	}
	steps := []struct {
		name         string
		wait         time.Duration
		method, path string
		smoke        bool
		want         int
	}{
		{name: "smoke prediction", method: "POST", path: "/predict", smoke: true, want: 200},
		{name: "probe", wait: time.Hour, method: "GET", path: contract.ReadyPath, want: 200},
		{name: "metrics are read", method: "GET", path: "/metrics", want: 200},
		{name: "still good for smoke", wait: time.Hour, method: "POST", path: "/predict", smoke: true, want: 200},
		{name: "first live prediction", method: "POST", path: "/predict", want: 200},
		{name: "just before", wait: 5*time.Second - 1, method: "POST", path: "/predict", want: 200},
		{name: "broken", wait: 1, method: "POST", path: "/predict", want: 500},
		{name: "broken for smoke too", method: "GET", path: "/health", smoke: true, want: 500},
		{name: "ready all the same", method: "GET", path: contract.ReadyPath, want: 200},
		{name: "live all the same", method: "GET", path: contract.LivePath, want: 200},
	}
	for _, step := range steps {
		now = now.Add(step.wait)
		r := httptest.NewRequest(step.method, step.path, nil)
		if step.smoke {
			r.Header.Set(contract.SmokeHeader, "1")
		}
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		if w.Code != step.want {
			t.Errorf("%s: status %d, want %d", step.name, w.Code, step.want)
		}
	}
}
