// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// Clients that send the beginning of a request and no more keep nobody else from being served.
func TestSlowClientsTakeNoPlace(t *testing.T) {
	const length = "Host: x\r\nContent-Length: 60000\r\n"
	cases := map[string]string{
		"headers":          "POST /predict HTTP/1.1\r\nHost: x\r\nX: ",
		"nothing":          "",
		"body":             "POST /predict HTTP/1.1\r\n" + length + "\r\n\xff\xd8",
		"no body":          "POST /predict HTTP/1.1\r\n" + length + "\r\n",
		"form":             "POST /predict HTTP/1.1\r\n" + length + "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n\xff",
		"chunks":           "POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\xff\xd8\r\n",
		"told to continue": "POST /predict HTTP/1.1\r\n" + length + "Expect: 100-continue\r\n\r\n",
		"JSON":             "POST " + inferPath + " HTTP/1.1\r\n" + length + "Content-Type: application/json\r\n\r\n{\"inputs\":",
		"unknown model":    "POST /v2/models/x/infer HTTP/1.1\r\n" + length + "\r\n{",
		"unknown path":     "POST /nowhere HTTP/1.1\r\n" + length + "\r\n{",
		"a probe's body":   "GET /health HTTP/1.1\r\n" + length + "\r\n{",
	}
	for name, beginning := range cases {
		t.Run(name, func(t *testing.T) {
			r := start(t, testConfig(), &servingtest.Predictor{})
			for range 100 {
				if _, err := io.WriteString(dial(t, r), beginning); err != nil {
					t.Fatal(err)
				}
			}
			if strings.Contains(beginning, "/predict HTTP/1.1\r\n"+length) {
				waitFor(t, func() bool { return r.service.Held().Requests == 100 })
			}
			for range 5 {
				if a := r.predict(t, servingtest.PNG(t, servingtest.Red)); a.status != http.StatusOK {
					t.Fatalf("while others are slow: status %d: %s", a.status, a.body)
				}
			}
		})
	}
}

// A body that trickles is cut off for one that comes, and its client is told why.
func TestSlowUploadGivesWay(t *testing.T) {
	config := testConfig()
	config.BodyBytes = 96 << 10 // not enough for two bodies, with what requests take beside them
	r := start(t, config, &servingtest.Predictor{})
	slow := dial(t, r)
	fmt.Fprintf(slow, "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n%s", make([]byte, 59999))
	waitFor(t, func() bool { return r.service.Held().BodyBytes > 59999 })
	large := append(servingtest.PNG(t, servingtest.Red), make([]byte, 50000)...)
	if a := r.predict(t, large); a.status != http.StatusOK {
		t.Errorf("a body that comes: status %d: %s", a.status, a.body)
	}
	response, err := http.ReadResponse(slow.reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusRequestTimeout || !bytes.Contains(body, []byte("too slowly")) {
		t.Errorf("a body that trickles: status %d: %s, want 408 with the cause", response.StatusCode, body)
	}
	waitFor(t, func() bool { return r.service.Held().BodyBytes == 0 })
}

// slowReader is a client that does not read its answer until it is let go.
type slowReader struct {
	*httptest.ResponseRecorder
	writing, release chan struct{}
}

func (w *slowReader) Write(p []byte) (int, error) {
	w.writing <- struct{}{}
	<-w.release
	return w.ResponseRecorder.Write(p)
}

// A request has given its place back when its answer is known, however long its client takes to read that.
func TestSlowReadersTakeNoPlace(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	image := servingtest.PNG(t, servingtest.Red)
	writing, release := make(chan struct{}), make(chan struct{})
	var readers sync.WaitGroup
	for range 100 {
		readers.Go(func() {
			w := &slowReader{httptest.NewRecorder(), writing, release}
			r.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, predictPath, bytes.NewReader(image)))
		})
		<-writing
	}
	if a := r.predict(t, image); a.status != http.StatusOK {
		t.Errorf("while others read their answers: status %d: %s", a.status, a.body)
	}
	close(release)
	readers.Wait()
}

func (s *Server) limitConnections(n int) {
	s.connections.mu.Lock()
	defer s.connections.mu.Unlock()
	s.connections.limit = n
}

// Clients that are idle, or do not finish their headers, make room for others.
func TestConnectionsMakeRoom(t *testing.T) {
	cases := map[string]func(t *testing.T, c *rawConn){
		"idle":    func(t *testing.T, c *rawConn) { c.post(t, servingtest.PNG(t, servingtest.Red)) },
		"silent":  func(*testing.T, *rawConn) {},
		"headers": func(_ *testing.T, c *rawConn) { _, _ = io.WriteString(c, "GET / HTTP/1.1\r\nX: ") },
		"body": func(_ *testing.T, c *rawConn) {
			_, _ = io.WriteString(c, "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
		},
	}
	for name, occupy := range cases {
		t.Run(name, func(t *testing.T) {
			r := start(t, testConfig(), &servingtest.Predictor{})
			r.limitConnections(4)
			for range 20 {
				occupy(t, dial(t, r))
			}
			dial(t, r).post(t, servingtest.PNG(t, servingtest.Red))
			waitFor(t, func() bool {
				r.connections.mu.Lock()
				defer r.connections.mu.Unlock()
				return len(r.connections.all) <= 4
			})
		})
	}
}

// A connection whose prediction is due is not closed to make room.
func TestConnectionsOfPredictionsAreKept(t *testing.T) {
	b := newBlocking()
	r := start(t, testConfig(), &b.Predictor)
	r.limitConnections(1)
	image := servingtest.PNG(t, servingtest.Red)
	c := dial(t, r)
	fmt.Fprintf(c, "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(image), image)
	<-b.entered
	r.ask(t, http.MethodGet, healthPath, nil, "Connection", "close")
	close(b.release)
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("status = %d, want 200", response.StatusCode)
	}
}
