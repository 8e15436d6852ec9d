// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"sync"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// fault turns a good handler bad some time after its first live prediction.
type fault struct {
	next  http.Handler
	after time.Duration
	// liveOnly fails live predictions alone, inside the server.
	liveOnly bool
	now      func() time.Time

	mu    sync.Mutex
	first time.Time // of the first live prediction; zero until there is one
}

func (f *fault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A pod that failed its probes would lose its traffic before the bake sees an answer of it.
	probe := r.URL.Path == contract.LivePath || r.URL.Path == contract.ReadyPath
	switch broken := f.broken(r); {
	case !broken || probe:
	case f.liveOnly:
		if isLive(r) {
			r.Body = unreadable{}
		}
	default:
		http.Error(w, "this server is broken on purpose", http.StatusInternalServerError)
		return
	}
	f.next.ServeHTTP(w, r)
}

// unreadable is a body that makes the server answer 500, and count it.
type unreadable struct{}

func (unreadable) Read([]byte) (int, error) { panic("this server is broken on purpose") }
func (unreadable) Close() error             { return nil }

// isLive tells whether a request is a prediction that isn't a test's.
func isLive(r *http.Request) bool {
	return r.Method == http.MethodPost && r.Header.Get(contract.SmokeHeader) == ""
}

func (f *fault) broken(r *http.Request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.first.IsZero() {
		if isLive(r) {
			f.first = f.now()
		}
		return false
	}
	return f.now().Sub(f.first) >= f.after
}
