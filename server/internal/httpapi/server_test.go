// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
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

func testConfig() Config {
	return Config{
		Config: serving.Config{
			DecodeBytes: 64 << 20,
			Name:        "pets",
			Revision:    "pets-12345678",
			TrainingRun: "run",
			Limits: contract.Limits{
				MaxBatch: 4, MaxBatchDelayMillis: 1, MaxBodyBytes: 64 << 10, MaxPixels: 1000, RequestTimeoutMillis: 10_000,
			},
			Logger: slog.New(slog.DiscardHandler),
		},
		LogRequests: true,
	}
}

// running is a server under test.
type running struct {
	*Server
	url  string
	stop context.CancelFunc // as SIGTERM would
	done chan error         // what Serve returned
}

// start runs a server of a test model until the test ends.
func start(t *testing.T, config Config, predictor *servingtest.Predictor) *running {
	t.Helper()
	return startModel(t, config, servingtest.Model(predictor))
}

func startModel(t *testing.T, config Config, model *classifier.Model) *running {
	t.Helper()
	r := startLoading(t, config, func(context.Context) (*classifier.Model, error) { return model, nil })
	waitFor(t, func() bool { return r.service.State() == serving.Ready })
	return r
}

func startLoading(t *testing.T, config Config, load serving.Loader) *running {
	t.Helper()
	server, err := New(config, load)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{Server: server, url: "http://" + listener.Addr().String(), stop: stop, done: make(chan error, 1)}
	go func() {
		r.done <- server.Serve(ctx, listener)
		close(r.done)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-r.done; err != nil {
			t.Error(err)
		}
	})
	return r
}

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for range 1000 {
		if condition() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the condition did not come true")
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("body %q: %v", a.body, err)
	}
}

// ask sends a request whose headers are given as pairs.
func (r *running) ask(t *testing.T, method, path string, body io.Reader, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: data}
}

func (r *running) get(t *testing.T, path string, headers ...string) answer {
	t.Helper()
	return r.ask(t, http.MethodGet, path, nil, headers...)
}

func (r *running) predict(t *testing.T, image []byte, headers ...string) answer {
	t.Helper()
	return r.ask(t, http.MethodPost, predictPath, strings.NewReader(string(image)), append([]string{"Content-Type", "image/png"}, headers...)...)
}

func TestNewRefuses(t *testing.T) {
	cases := map[string]struct {
		change func(*Config)
		want   string
	}{
		"no name":        {func(c *Config) { c.Name = "" }, "name: must be set"},
		"no batch":       {func(c *Config) { c.Limits.MaxBatch = 0 }, "limits.maxBatch: is 0"},
		"no body":        {func(c *Config) { c.Limits.MaxBodyBytes = 0 }, "limits.maxBodyBytes"},
		"no pixels":      {func(c *Config) { c.Limits.MaxPixels = -1 }, "limits.maxPixels"},
		"no time":        {func(c *Config) { c.Limits.RequestTimeoutMillis = 0 }, "limits.requestTimeoutMillis"},
		"no memory":      {func(c *Config) { c.DecodeBytes = 0 }, "decode bytes: is 0"},
		"negative delay": {func(c *Config) { c.Limits.MaxBatchDelayMillis = -1 }, "limits.maxBatchDelayMillis"},
		"negative drain": {func(c *Config) { c.DrainDelay = -1 }, "drainDelaySeconds"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			config := testConfig()
			tc.change(&config)
			if _, err := New(config, nil); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("New() error = %v, want one with %q", err, tc.want)
			}
		})
	}
}
