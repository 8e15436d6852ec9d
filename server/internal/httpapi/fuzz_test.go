// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/server/internal/grpcapi"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

// fuzzed is a server whose handler is called without connections.
func fuzzed(f *testing.F) *Server {
	f.Helper()
	server, err := New(testConfig(), func(context.Context) (*classifier.Model, error) {
		return servingtest.Model(&servingtest.Predictor{}), nil
	})
	if err != nil {
		f.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- server.service.Run(ctx) }()
	f.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			f.Error(err)
		}
	})
	for server.service.State() != serving.Ready {
		select {
		case err := <-done:
			f.Fatal(err)
		default:
		}
	}
	return server
}

// holds asks for a path and holds the server to what it promises of any request: it is answered, and failures are refusals.
func holds(t *testing.T, s *Server, method, target string, body []byte, headers ...string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://localhost"+target, bytes.NewReader(body))
	if err != nil {
		t.Skip("no request")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, request)
	if w.Code >= http.StatusInternalServerError && w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if w.Header().Get("X-Request-Id") == "" {
		t.Error("an answer without an id")
	}
}

func FuzzPredict(f *testing.F) {
	s := fuzzed(f)
	picture := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	f.Add("image/png", "", "", picture)
	f.Add("multipart/form-data; boundary=b", "", "topK=1", []byte("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n"))
	f.Add("application/json", "", "logits=true", []byte(`{"images":["iVBORw0KGgo=","x"]}`))
	f.Add("application/json", "gzip", "", []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"))
	f.Fuzz(func(t *testing.T, contentType, encoding, query string, body []byte) {
		holds(t, s, http.MethodPost, predictPath+"?"+query, body, "Content-Type", contentType, "Content-Encoding", encoding)
	})
}

func FuzzInfer(f *testing.F) {
	s := fuzzed(f)
	f.Add("", "", []byte(`{"inputs":[{"name":"images","datatype":"BYTES","shape":[1],"data":["iVBORw0KGgo="]}]}`))
	f.Add("", "", []byte(`{"inputs":[{"name":"input","datatype":"FP32","shape":[1,3,8,8],"data":[[0.5]]}],"outputs":[{"name":"logits"}]}`))
	f.Add("120", "", []byte(`{"inputs":[{"name":"input","datatype":"FP32","shape":[1,3,8,8],"parameters":{"binary_data_size":4}}]}`+"\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, length, encoding string, body []byte) {
		holds(t, s, http.MethodPost, "/v2/models/pets/infer", body, "Inference-Header-Content-Length", length, "Content-Encoding", encoding)
	})
}

func FuzzGRPC(f *testing.F) {
	s := fuzzed(f)
	f.Add([]byte("\x00\x00\x00\x00\x06\x0a\x04pets"))
	f.Add([]byte("\x01\x00\x00\x00\x02\x1f\x8b"))
	f.Fuzz(func(t *testing.T, body []byte) {
		holds(t, s, http.MethodPost, grpcapi.InferPath, body, "Content-Type", "application/grpc", "Te", "trailers")
	})
}

func FuzzQuestions(f *testing.F) {
	s := fuzzed(f)
	for _, path := range []string{"/logs?since=2026-01-01T00:00:00Z&status=4xx&class=red&limit=1", "/stats", "/v2/models/pets/versions/1", "/", "/model-info", "/metrics"} {
		f.Add(http.MethodGet, path, "", []byte{})
	}
	f.Add(http.MethodPost, "/feedback", "id", []byte(`{"requestId":"id","label":"red"}`))
	f.Add(http.MethodOptions, "/predict", "", []byte{})
	f.Fuzz(func(t *testing.T, method, target, id string, body []byte) {
		if len(target) == 0 || target[0] != '/' {
			target = "/" + target
		}
		holds(t, s, method, target, body, "X-Request-Id", id, "Traceparent", id, "Accept", id)
	})
}
