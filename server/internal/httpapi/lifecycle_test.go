// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

func TestNotReadyUntilLoaded(t *testing.T) {
	load := make(chan struct{})
	r := startLoading(t, testConfig(), func(context.Context) (*classifier.Model, error) {
		<-load
		return servingtest.Model(&servingtest.Predictor{}), nil
	})
	for path, want := range map[string]int{
		contract.ReadyPath: 503, "/v2/models/pets/ready": 503, modelInfoPath: 503, "/v2/models/pets": 503,
		contract.LivePath: 200, healthPath: 200, rootPath: 200, metricsPath: 200,
	} {
		if a := r.get(t, path); a.status != want {
			t.Errorf("%s while loading: status %d, want %d", path, a.status, want)
		}
	}
	if a := r.predict(t, nil); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("/predict while loading: status %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
	close(load)
	waitFor(t, func() bool { return r.get(t, contract.ReadyPath).status == http.StatusOK })
	if a := r.predict(t, servingtest.PNG(t, servingtest.Red)); a.status != http.StatusOK {
		t.Errorf("/predict once loaded: status %d", a.status)
	}
}

func TestLoadFails(t *testing.T) {
	want := errors.New("broken file")
	r := startLoading(t, testConfig(), func(context.Context) (*classifier.Model, error) { return nil, want })
	if err := <-r.done; !errors.Is(err, want) {
		t.Errorf("Serve() error = %v, want %v", err, want)
	}
}

func TestStopWhileLoading(t *testing.T) {
	config := testConfig()
	config.DrainDelay = time.Hour // not waited for: the server was never ready
	r := startLoading(t, config, func(ctx context.Context) (*classifier.Model, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	r.get(t, healthPath)
	r.stop()
	if err := <-r.done; err != nil {
		t.Errorf("Serve() error = %v, want none", err)
	}
}

func TestStartRefusesBusyPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	config := testConfig()
	config.Addr = listener.Addr().String()
	server, err := New(config, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err == nil {
		t.Error("Start() on a port in use: no error")
	}
}

func TestDrain(t *testing.T) {
	config := testConfig()
	config.DrainDelay = 500 * time.Millisecond
	r := start(t, config, &servingtest.Predictor{})
	image := servingtest.PNG(t, servingtest.Red)
	pooled := dial(t, r)
	if closes := pooled.post(t, image); closes {
		t.Error("a response before the drain asks to close the connection")
	}

	r.stop()
	waitFor(t, func() bool { return r.get(t, contract.ReadyPath).status == http.StatusServiceUnavailable })
	for path, want := range map[string]int{healthPath: 200, contract.LivePath: 200, statsPath: 200, "/nowhere": 404} {
		a := r.get(t, path)
		if a.status != want {
			t.Errorf("%s while draining: status %d, want %d", path, a.status, want)
		}
	}
	if closes := pooled.post(t, image); !closes {
		t.Error("a response on a pooled connection while draining does not ask to close it")
	}
	if closes := dial(t, r).post(t, image); !closes {
		t.Error("a response on a fresh connection while draining does not ask to close it")
	}
	if err := <-r.done; err != nil {
		t.Errorf("Serve() error = %v, want none", err)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://")); err == nil {
		t.Error("connections are still taken after the drain")
	}
}

// A request that came before the drain and is answered in it tells its client to leave.
func TestDrainBeganMeanwhile(t *testing.T) {
	b := newBlocking()
	config := testConfig()
	config.DrainDelay = 500 * time.Millisecond
	r := start(t, config, &b.Predictor)
	closes := make(chan bool, 1)
	conn := dial(t, r)
	go func() { closes <- conn.post(t, servingtest.PNG(t, servingtest.Red)) }()
	<-b.entered
	r.stop()
	waitFor(t, func() bool { return r.service.State() == serving.Draining })
	close(b.release)
	if !<-closes {
		t.Error("the response does not ask to close the connection")
	}
}

func TestRequestInFlightSurvivesShutdown(t *testing.T) {
	b := newBlocking()
	r := start(t, testConfig(), &b.Predictor)
	status := make(chan int, 1)
	go func() { status <- r.predict(t, servingtest.PNG(t, servingtest.Red)).status }()
	<-b.entered
	r.stop()
	waitFor(t, func() bool { // until the listener is closed
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	select {
	case err := <-r.done:
		t.Fatalf("Serve() returned %v with a request in flight", err)
	default:
	}
	close(b.release)
	if got := <-status; got != http.StatusOK {
		t.Errorf("status of the request in flight = %d, want 200", got)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Serve() error = %v, want none", err)
	}
}

// rawConn is one connection, so that a test sees what becomes of it.
type rawConn struct {
	net.Conn
	reader *bufio.Reader
}

func dial(t *testing.T, r *running) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &rawConn{Conn: conn, reader: bufio.NewReader(conn)}
}

// post sends a prediction and reports whether the response asks to close the connection.
func (c *rawConn) post(t *testing.T, image []byte) bool {
	t.Helper()
	fmt.Fprintf(c, "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(image), image)
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("status %d, error %v: %s", response.StatusCode, err, body.Bytes())
	}
	return response.Close
}

func TestPanicInAHandler(t *testing.T) {
	s, err := New(testConfig(), nil)
	if err != nil {
		t.Fatal(err)
	}
	handler := s.middleware(s.record(predictPath, 0, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oops") })))
	w := newRecorder(t, handler, http.MethodPost, predictPath)
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "oops") {
		t.Errorf("status %d, body %s, want 500 without the cause", w.Code, w.Body)
	}
	if got := s.traffic.Stats(time.Now()).Failures; got != 1 {
		t.Errorf("failures counted = %d, want 1", got)
	}
}

func TestWrap(t *testing.T) {
	config := testConfig()
	config.Wrap = func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	}
	r := start(t, config, &servingtest.Predictor{})
	a := r.get(t, healthPath)
	if a.status != http.StatusTeapot {
		t.Errorf("status = %d, want that of the wrapper", a.status)
	}
	if got := a.header.Get(contract.RevisionHeader); got != config.Revision {
		t.Errorf("%s: %q, want %q whoever answers", contract.RevisionHeader, got, config.Revision)
	}
}
