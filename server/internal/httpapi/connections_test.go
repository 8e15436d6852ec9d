// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// Only a client whose connection is old is asked to connect anew.
func TestOldConnections(t *testing.T) {
	image := servingtest.PNG(t, servingtest.Red)
	for name, tc := range map[string]struct {
		age  time.Duration
		want bool
	}{
		"new": {age: time.Hour},
		"old": {age: 2, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			config := testConfig()
			config.ConnectionAge = tc.age
			if got := dial(t, start(t, config, &servingtest.Predictor{})).post(t, image); got != tc.want {
				t.Errorf("the response asks to close the connection: %t, want %t", got, tc.want)
			}
		})
	}
}

// Connections that were made together don't become old together.
func TestConnectionsAgeApart(t *testing.T) {
	cs := newConnections(1, time.Hour)
	began := time.Now()
	seen := map[time.Duration]bool{}
	for range 100 {
		old := cs.context(t.Context(), nil).Value(connectionKey{}).(accepted).old.Sub(began)
		if old < time.Hour/2 {
			t.Fatalf("a connection is old after %s, want half an hour at least", old)
		}
		seen[old.Round(time.Minute)] = true
	}
	if len(seen) < 10 {
		t.Errorf("100 connections become old in %d of 30 minutes", len(seen))
	}
}

// Clients of pooled connections that leave in the middle of their requests, again and again, see every request answered.
func TestLeavingFailsNoRequest(t *testing.T) {
	config := testConfig()
	config.ConnectionAge = 10 * time.Millisecond
	config.Limits.MaxBatch = 16
	r := start(t, config, &servingtest.Predictor{})
	image := servingtest.PNG(t, servingtest.Red)
	var connections atomic.Int64
	dialer := &net.Dialer{}
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connections.Add(1)
		return dialer.DialContext(ctx, network, address)
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for connections.Load() < 200 && !t.Failed() {
				// A body that can't be read twice is never sent again by net/http.
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+predictPath, io.NopCloser(bytes.NewReader(image)))
				if err != nil {
					t.Error(err)
					return
				}
				request.ContentLength = int64(len(image))
				response, err := client.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
					t.Errorf("status %d, error %v", response.StatusCode, err)
				}
				response.Body.Close()
			}
		})
	}
	group.Wait()
}

// A client that has asked for its connection to be closed reads its answer to the end, whatever of its body nobody wanted.
func TestUnreadBodiesResetNoConnection(t *testing.T) {
	const bodyBytes = 100_000
	cases := map[string]struct {
		head string
		want int
	}{
		"unknown path":     {head: "POST /nowhere HTTP/1.1\r\n", want: http.StatusNotFound},
		"unknown encoding": {head: "POST /predict HTTP/1.1\r\nContent-Encoding: br\r\n", want: http.StatusUnsupportedMediaType},
		"broken handler":   {head: "POST /broken HTTP/1.1\r\n", want: http.StatusInternalServerError},
	}
	config := testConfig()
	config.Wrap = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/broken" {
				panic("it breaks before it reads")
			}
			next.ServeHTTP(w, r)
		})
	}
	r := start(t, config, &servingtest.Predictor{})
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, r)
			if _, err := fmt.Fprintf(conn, "%sHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", tc.head, bodyBytes, make([]byte, bodyBytes)); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(conn.reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != tc.want {
				t.Errorf("status %d, want %d", response.StatusCode, tc.want)
			}
			if _, err := io.ReadAll(response.Body); err != nil {
				t.Errorf("read the answer: %v", err)
			}
			if n, err := conn.reader.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("after the answer: %d bytes, %v, want EOF", n, err)
			}
		})
	}
}
