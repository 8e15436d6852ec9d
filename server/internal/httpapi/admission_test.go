// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// blocking is a predictor that waits to be let go on.
type blocking struct {
	servingtest.Predictor
	entered chan int
	release chan struct{}
}

func newBlocking() *blocking {
	b := &blocking{entered: make(chan int, 100), release: make(chan struct{})}
	b.Before = func(n int) {
		b.entered <- n
		<-b.release
	}
	return b
}

// due is how many requests have been let in and have no answer.
func (s *Server) due() int {
	s.connections.mu.Lock()
	defer s.connections.mu.Unlock()
	n := 0
	for _, c := range s.connections.all {
		n += c.kept
	}
	return n
}

func TestOverload(t *testing.T) {
	config := testConfig()
	config.Limits.MaxBatch = 1
	b := newBlocking()
	r := start(t, config, &b.Predictor)
	image := servingtest.PNG(t, servingtest.Red)

	// More and more requests wait, until one is turned away.
	answers := make(chan answer)
	waiting := 0
	var refused answer
	for refused.status == 0 {
		go func() { answers <- r.predict(t, image) }()
		waiting++
		waitFor(t, func() bool {
			select {
			case refused = <-answers:
				waiting--
				return true
			default:
				return r.due() == waiting
			}
		})
	}
	if refused.status != http.StatusServiceUnavailable || waiting < 16 {
		t.Errorf("status %d with %d requests waiting, want 503 with 16", refused.status, waiting)
	}
	var p Problem
	refused.decode(t, &p)
	if p.Code != "overloaded" || refused.header.Get("Retry-After") != "1" {
		t.Errorf("problem = %+v, Retry-After %q", p, refused.header.Get("Retry-After"))
	}
	for _, path := range []string{"/v2/health/ready", "/v2/health/live", "/health", "/metrics"} {
		if a := r.get(t, path); a.status != http.StatusOK {
			t.Errorf("%s under overload: status %d, want 200", path, a.status)
		}
	}
	close(b.release)
	for range waiting {
		if a := <-answers; a.status != http.StatusOK {
			t.Errorf("a request that was let in: status %d, want 200", a.status)
		}
	}
}

func TestTimeout(t *testing.T) {
	config := testConfig()
	config.Limits.RequestTimeoutMillis = 100
	b := newBlocking()
	r := start(t, config, &b.Predictor)
	t.Cleanup(func() { close(b.release) })
	var p Problem
	a := r.predict(t, servingtest.PNG(t, servingtest.Red))
	a.decode(t, &p)
	if a.status != http.StatusGatewayTimeout || p.Code != "timeout" {
		t.Errorf("slow model: status %d, problem %+v, want 504", a.status, p)
	}
}

func TestSlowBody(t *testing.T) {
	config := testConfig()
	config.Limits.RequestTimeoutMillis = 100
	r := start(t, config, &servingtest.Predictor{})
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nbeginning"); err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(data, []byte("HTTP/1.1 408 ")) {
		t.Errorf("answer %q, error %v, want status 408", data, err)
	}
}
