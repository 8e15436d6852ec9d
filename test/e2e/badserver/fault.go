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
	now   func() time.Time

	mu    sync.Mutex
	first time.Time // of the first live prediction; zero until there is one
}

func (f *fault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A pod that failed its probes would lose its traffic before the bake sees an answer of it.
	probe := r.URL.Path == contract.LivePath || r.URL.Path == contract.ReadyPath
	if !probe && f.broken(r) {
		http.Error(w, "this server is broken on purpose", http.StatusInternalServerError)
		return
	}
	f.next.ServeHTTP(w, r)
}

func (f *fault) broken(r *http.Request) bool {
	live := r.Method == http.MethodPost && r.Header.Get(contract.SmokeHeader) == ""
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.first.IsZero() {
		if live {
			f.first = f.now()
		}
		return false
	}
	return f.now().Sub(f.first) >= f.after
}
