// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// fakeRunners answers for runners, told apart by the IP of their pod. One that nobody
// answers for can't be reached.
type fakeRunners struct {
	mu      sync.Mutex
	answers map[string][]byte
}

// answer has the runner at ip report this progress.
func (f *fakeRunners) answer(ip string, progress contract.Progress) {
	body, err := json.Marshal(progress)
	if err != nil {
		panic(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answers == nil {
		f.answers = map[string][]byte{}
	}
	f.answers[ip] = body
}

// RoundTrip implements http.RoundTripper.
func (f *fakeRunners) RoundTrip(request *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, ok := f.answers[request.URL.Hostname()]
	if !ok || request.URL.Path != contract.ProgressPath {
		return nil, errors.New("no route to host")
	}
	return &http.Response{
		StatusCode: http.StatusOK,
		Status:     "200 OK",
		Body:       io.NopCloser(bytes.NewReader(body)),
		Request:    request,
	}, nil
}
