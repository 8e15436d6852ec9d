// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/trainyard-dev/trainyard/server/internal/serving"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// Every code of the service has a status in HTTP, which says whose fault it is.
func TestEveryCodeHasAnAnswer(t *testing.T) {
	serversFault := map[serving.Code]bool{
		serving.CodeLoading: true, serving.CodeOverloaded: true, serving.CodeTimeout: true, serving.CodeInternal: true,
	}
	for _, code := range serving.Codes {
		p := problemFrom(&serving.Error{Code: code, Detail: "detail"})
		if p.Status < 400 || p.Status >= 500 != serversFault[code] || p.Code == "" || p.Detail != "detail" {
			t.Errorf("%s is answered %+v", code, p)
		}
	}
	if len(answers) != len(serving.Codes) {
		t.Errorf("%d codes have an answer, the service has %d", len(answers), len(serving.Codes))
	}
	if p := problemFrom(serving.ErrLoading); p.GetHeaders().Get("Retry-After") != "1" || p.Status != http.StatusServiceUnavailable {
		t.Errorf("while loading: %+v, headers %v", p, p.GetHeaders())
	}
}

// syncBuffer is a log that can be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestModelFails(t *testing.T) {
	cases := map[string]*servingtest.Predictor{
		"error": {Err: errors.New("secret detail")},
		"panic": {Before: func(int) { panic("secret detail") }},
	}
	for name, predictor := range cases {
		t.Run(name, func(t *testing.T) {
			var log syncBuffer
			config := testConfig()
			config.Logger = slog.New(slog.NewJSONHandler(&log, nil))
			r := start(t, config, predictor)
			a := r.predict(t, servingtest.PNG(t, servingtest.Red))
			if a.status != http.StatusInternalServerError || bytes.Contains(a.body, []byte("secret")) {
				t.Errorf("status %d, body %s, want 500 without the cause", a.status, a.body)
			}
			var p Problem
			a.decode(t, &p)
			_, id, _ := strings.Cut(p.Detail, "at request ")
			if id == "" || !strings.Contains(log.String(), "secret detail") || !strings.Contains(log.String(), `"request":"`+id+`"`) {
				t.Errorf("the client is told %q, the log has %s, want the cause at the same request", p.Detail, log.String())
			}
			if a := r.get(t, healthPath); a.status != http.StatusOK {
				t.Errorf("/health afterwards: status %d", a.status)
			}
		})
	}
}
