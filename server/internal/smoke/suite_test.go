// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"bytes"
	"context"
	"errors"
	"image/color"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/server/internal/httpapi"
	"github.com/trainyard-dev/trainyard/server/internal/serving"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

const revision = "pets-12345678"

// serve runs the real server of a model, with lie around its handler, and returns its URL.
func serve(t *testing.T, model *classifier.Model, lie func(http.Handler) http.Handler) string {
	t.Helper()
	var honest http.Handler
	wrap := func(next http.Handler) http.Handler {
		honest = next
		if lie == nil {
			return next
		}
		return lie(next)
	}
	server, err := httpapi.New(httpapi.Config{Wrap: wrap, Config: serving.Config{
		Name: "pets", Revision: revision, Logger: slog.New(slog.DiscardHandler),
		DecodeBytes: 64 << 20,
		Limits:      contract.Limits{MaxBatch: 4, MaxBodyBytes: 64 << 10, MaxPixels: 1000, RequestTimeoutMillis: 10_000},
	}}, func(context.Context) (*classifier.Model, error) { return model, nil })
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for ready := false; !ready; time.Sleep(time.Millisecond) {
		w := httptest.NewRecorder()
		honest.ServeHTTP(w, httptest.NewRequest(http.MethodGet, contract.ReadyPath, nil))
		ready = w.Code == http.StatusOK
	}
	return "http://" + listener.Addr().String()
}

// colors are n samples, red and blue by turns, with the logits that the test model answers. The
// labels of the first wrong ones are not what the model makes of them.
func colors(t *testing.T, n, wrong int) *artifact.Samples {
	t.Helper()
	model := servingtest.Model(&servingtest.Predictor{})
	set := &artifact.Samples{Classes: model.Classes, Decoding: preprocess.Decoding}
	for i := range n {
		c := color.RGBA{R: 250, G: uint8(i), B: 20, A: 255}
		if i%2 == 1 {
			c.R, c.B = c.B, c.R
		}
		image := servingtest.PNG(t, c)
		tensor := make([]float32, model.Preprocess.TensorLen())
		if err := preprocess.NewDecoder(preprocess.DefaultLimits()).Tensor(t.Context(), model.Preprocess, tensor, image); err != nil {
			t.Fatal(err)
		}
		logits, err := model.Logits(tensor, 1)
		if err != nil {
			t.Fatal(err)
		}
		label := i % 2
		if i < wrong {
			label = 1 - label
		}
		set.Items = append(set.Items, artifact.Sample{Image: image, Label: set.Classes[label], Logits: logits})
	}
	return set
}

// newSuite returns a suite that does not sleep.
func newSuite(config contract.SmokeConfig, model, live *artifact.Samples) *suite {
	if config.Attempts == 0 {
		config.Attempts = 2
	}
	config.TimeoutSeconds = 60
	return &suite{
		config: config, http: newHTTPClient(), model: model, live: live,
		now:      time.Now,
		sleep:    func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		patience: requestTimeout, results: map[string]*result{},
	}
}

// failures are the checks of a report that failed.
func failures(report contract.SmokeReport) []string {
	var names []string
	for _, c := range report.Checks {
		if c.Result == contract.CheckFailed {
			names = append(names, c.Name)
		}
	}
	return names
}

func messageOf(t *testing.T, report contract.SmokeReport, name string) contract.SmokeCheck {
	t.Helper()
	i := slices.IndexFunc(report.Checks, func(c contract.SmokeCheck) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("the report has no check %s: %+v", name, report)
	}
	return report.Checks[i]
}

func testModel() *classifier.Model { return servingtest.Model(&servingtest.Predictor{}) }

func TestAnHonestServer(t *testing.T) {
	unmarked := atomic.Int32{}
	url := serve(t, testModel(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get(contract.SmokeHeader) == "" {
				unmarked.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	})
	samples := colors(t, 70, 7)
	report, err := newSuite(contract.SmokeConfig{Targets: []string{url + "/"}, Revision: revision, SHA256: "5eed"}, samples, samples).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !report.Passed || report.Rounds != 1 {
		t.Errorf("report = %+v, want passed in a round", report)
	}
	var names []string
	for _, c := range report.Checks {
		names = append(names, c.Name)
		if c.Result != contract.CheckPassed || c.LatencyMillis <= 0 {
			t.Errorf("check %+v, want it passed with a latency", c)
		}
	}
	want := []string{"availability", "health", "root", "model-info", "predict", "v2-infer", "metrics", "latency", "integrity", "quality"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if n := unmarked.Load(); n > 0 {
		t.Errorf("%d requests lack the header %s", n, contract.SmokeHeader)
	}
	if got := messageOf(t, report, "quality").Message; !strings.HasPrefix(got, "0.900 of 70 samples of the live model right, 0.800 wanted") {
		t.Errorf("quality says %q", got)
	}
}

func TestNothingIsTriedOnAServerThatIsDown(t *testing.T) {
	url := serve(t, testModel(), answering(contract.ReadyPath, 503, `{"detail":"draining"}`))
	report, err := newSuite(contract.SmokeConfig{Targets: []string{url}}, colors(t, 20, 0), nil).run(t.Context())
	if !errors.Is(err, ErrNoVerdict) {
		t.Fatalf("run() error = %v, want ErrNoVerdict", err)
	}
	if report.Passed || len(report.Checks) != len(new(suite).allChecks()) {
		t.Errorf("report = %+v, want it failed with all checks listed", report)
	}
	for _, check := range report.Checks[1:] {
		if check.Result != contract.CheckSkipped || check.Message != "not tried, as the server is not available" {
			t.Errorf("%+v, want it skipped", check)
		}
	}
	const want = "availability failed: GET /v2/health/ready answered 503: draining"
	if report.Message != want {
		t.Errorf("message = %q, want %q", report.Message, want)
	}
}

func TestSummarize(t *testing.T) {
	check := func(name, message string) contract.SmokeCheck {
		return contract.SmokeCheck{Name: name, Result: contract.CheckFailed, Message: message}
	}
	long := strings.Repeat("x", 600)
	cases := map[string]struct {
		failures []contract.SmokeCheck
		want     string
	}{
		"one": {failures: []contract.SmokeCheck{check("health", "answered 500")}, want: "health failed: answered 500"},
		"each its own": {
			failures: []contract.SmokeCheck{check("health", "answered 500"), check("latency", "too slow")},
			want:     "health failed: answered 500; latency failed: too slow",
		},
		"the same": {
			failures: []contract.SmokeCheck{check("health", "late"), check("predict", "answered 500"), check("latency", "late")},
			want:     "health, latency failed: late; predict failed: answered 500",
		},
		"a long one": {
			failures: []contract.SmokeCheck{check("health", "answered 500"), check("predict", long)},
			want:     "health failed: answered 500; predict failed: " + strings.Repeat("x", 462) + "…",
		},
		"two long ones": {
			failures: []contract.SmokeCheck{check("health", long), check("predict", "y"+long)},
			want:     "health failed: " + strings.Repeat("x", 236) + "…; predict failed: y" + strings.Repeat("x", 234) + "…",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := summarize(tc.failures)
			if diff := cmp.Diff(tc.want, got); diff != "" || len(got) > maxSummary {
				t.Errorf("summary of %d bytes (-want +got):\n%s", len(got), diff)
			}
		})
	}
}

func TestOneBadTargetFailsAll(t *testing.T) {
	good, bad := serve(t, testModel(), nil), serve(t, testModel(), answering("/metrics", 500, ""))
	report, err := newSuite(contract.SmokeConfig{Targets: []string{good, bad, good}}, colors(t, 20, 0), nil).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"metrics"}, failures(report)); diff != "" {
		t.Errorf("failed checks (-want +got):\n%s", diff)
	}
	if got := messageOf(t, report, "metrics").Message; !strings.HasPrefix(got, bad+": ") {
		t.Errorf("message %q does not name the target %s", got, bad)
	}
}

func TestRun(t *testing.T) {
	var b bytes.Buffer
	if err := artifact.WriteSamples(&b, colors(t, 20, 0)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "samples.tar")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	good := &contract.Samples{Path: path}
	url := serve(t, testModel(), nil)
	cases := map[string]struct {
		model, live *contract.Samples
		want        []string
		fails       bool
	}{
		"with samples":                 {model: good, live: good},
		"model's samples not there":    {model: &contract.Samples{Path: path + "x"}, fails: true},
		"model's samples changed":      {model: &contract.Samples{Path: path, SHA256: "00"}, want: []string{"integrity"}},
		"model's samples unreadable":   {model: &contract.Samples{Path: filepath.Dir(path)}, fails: true},
		"live model's samples changed": {model: good, live: &contract.Samples{Path: path, SHA256: "00"}, fails: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			report, err := Run(t.Context(), contract.SmokeConfig{
				Targets: []string{url}, Model: tc.model, Live: tc.live, Attempts: 1, TimeoutSeconds: 60,
			})
			if (err != nil) != tc.fails {
				t.Fatalf("Run() error = %v, want one: %t", err, tc.fails)
			}
			if diff := cmp.Diff(tc.want, failures(report)); diff != "" {
				t.Errorf("failed checks (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	valid := contract.SmokeConfig{Targets: []string{"http://pets"}, Attempts: 1, TimeoutSeconds: 1}
	if err := Validate(valid); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		change func(*contract.SmokeConfig)
		want   string
	}{
		"no target": {func(c *contract.SmokeConfig) { c.Targets = nil }, "targets: name at least one"},
		"no scheme": {func(c *contract.SmokeConfig) { c.Targets = []string{"pets:80"} }, `"pets:80" is no URL`},
		"no host":   {func(c *contract.SmokeConfig) { c.Targets = []string{"http:///x"} }, "is no URL"},
		"margin":    {func(c *contract.SmokeConfig) { c.Margin = new(-0.1) }, "margin: is -0.1"},
		"agreement": {func(c *contract.SmokeConfig) { c.MinAgreement = new(90.0) }, "minAgreement: is 90"},
		"attempts":  {func(c *contract.SmokeConfig) { c.Attempts = 0 }, "attempts: is 0, must be at least 1"},
		"timeout":   {func(c *contract.SmokeConfig) { c.TimeoutSeconds = 0 }, "timeoutSeconds"},
		"latency":   {func(c *contract.SmokeConfig) { c.MaxLatencyMillis = -1 }, "maxLatencyMillis"},
		"delay":     {func(c *contract.SmokeConfig) { c.DelaySeconds = -1 }, "delaySeconds"},
		"for":       {func(c *contract.SmokeConfig) { c.ForSeconds = -1 }, "forSeconds"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			config := valid
			tc.change(&config)
			if err := Validate(config); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Validate() error = %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestWriteTable(t *testing.T) {
	var b bytes.Buffer
	err := WriteTable(&b, contract.SmokeReport{Message: "health failed: no", Checks: []contract.SmokeCheck{
		{Name: "availability", Result: contract.CheckPassed, LatencyMillis: 1.26, Message: "ready"},
		{Name: "health", Result: contract.CheckFailed, Message: "no"},
	}})
	want := `CHECK         RESULT  LATENCY  MESSAGE
availability  Passed  1.3 ms   ready
health        Failed           no

health failed: no
`
	if diff := cmp.Diff(want, b.String()); diff != "" || err != nil {
		t.Errorf("table (-want +got):\n%s error %v", diff, err)
	}
}
