// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"io"
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
	"github.com/trainyard-dev/trainyard/internal/onnx"
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

// answering replaces the answer on one path.
func answering(path string, status int, body string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != path {
				next.ServeHTTP(w, r)
				return
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
}

// editing changes the JSON answered on one path.
func editing(path string, edit func(map[string]any)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != path {
				next.ServeHTTP(w, r)
				return
			}
			honest := httptest.NewRecorder()
			next.ServeHTTP(honest, r)
			answer := map[string]any{}
			if err := json.Unmarshal(honest.Body.Bytes(), &answer); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			edit(answer)
			_ = json.NewEncoder(w).Encode(answer)
		})
	}
}

// scaled is a predictor whose logits are a little off.
type scaled struct {
	servingtest.Predictor
	factor float32
}

func (s *scaled) Logits(input []float32, n int) ([]float32, error) {
	logits, err := s.Predictor.Logits(input, n)
	for i := range logits {
		logits[i] *= s.factor
	}
	return logits, err
}

func TestLies(t *testing.T) {
	offBy := func(factor float32) *classifier.Model {
		m := testModel()
		m.Predictor = &scaled{factor: factor}
		return m
	}
	swapped := testModel()
	swapped.Classes = []string{"blue", "red"}
	slow := servingtest.Model(&servingtest.Predictor{Before: func(int) { time.Sleep(5 * time.Millisecond) }})

	cases := map[string]struct {
		model  *classifier.Model
		lie    func(http.Handler) http.Handler
		config contract.SmokeConfig
		want   []string
		says   string
	}{
		"another model":      {config: contract.SmokeConfig{SHA256: "beef"}, want: []string{"model-info"}, says: "serves the model 5eed, want beef"},
		"logits off by 2‰":   {model: offBy(1.002), want: []string{"integrity"}, says: "sample 0: the logits are off by 0.002"},
		"logits off by 0.5‰": {model: offBy(1.0005)},
		"labels swapped":     {model: swapped, want: []string{"integrity", "quality"}, says: `the classes are ["blue" "red"]`},
		"slow":               {model: slow, config: contract.SmokeConfig{MaxLatencyMillis: 1}, want: []string{"latency"}, says: "more than maxLatency 1ms"},
		"slow but free to":   {model: slow},
		"class against the probabilities": {
			lie:  editing("/predict", func(a map[string]any) { a["class"] = "red" }),
			want: []string{"predict", "integrity", "quality"}, says: `the class is "red", but "blue" is more probable`,
		},
		"probabilities of 2": {
			lie:  editing("/predict", func(a map[string]any) { a["probabilities"] = map[string]float64{"red": 0.9, "blue": 1} }),
			want: []string{"predict"}, says: "the probabilities sum to 1.9",
		},
		"a negative probability": {
			lie:  editing("/predict", func(a map[string]any) { a["probabilities"] = map[string]float64{"red": -1, "blue": 2} }),
			want: []string{"predict"}, says: `the probability of "blue" is 2`,
		},
		"no logits": {
			lie:  editing("/predict", func(a map[string]any) { delete(a, "logits") }),
			want: []string{"integrity"}, says: "there are 0 logits, at training there were 2",
		},
		"overloaded":          {lie: answering("/health", 503, `{"code":"overloaded","detail":"busy"}`), want: []string{"health"}, says: "answered 503: busy"},
		"unwell":              {lie: answering("/health", 500, "oops"), want: []string{"health"}, says: "GET /health answered 500: oops"},
		"no status":           {lie: answering("/health", 200, "{}"), want: []string{"health"}, says: "no status"},
		"root without a name": {lie: answering("/", 200, "{}"), want: []string{"root"}, says: "no name"},
		"root no JSON":        {lie: answering("/", 200, "<html>"), want: []string{"root"}, says: "something else than the JSON expected"},
		"no model info":       {lie: answering("/model-info", 404, ""), want: []string{"model-info", "v2-infer", "integrity", "quality"}, says: "answered 404"},
		"predictions fail":    {lie: answering("/predict", 500, ""), want: []string{"predict", "latency", "integrity", "quality"}, says: "answered 500"},
		"metrics missing":     {lie: answering("/metrics", 200, "# TYPE inference_requests_total counter\n"), want: []string{"metrics"}, says: "lacks inference_request_latency_seconds"},
		"no metrics":          {lie: answering("/metrics", 500, ""), want: []string{"metrics"}, says: "answered 500"},
		"no V2":               {lie: answering("/v2/models/pets", 404, ""), want: []string{"v2-infer"}, says: "answered 404"},
		"V2 without an input": {lie: answering("/v2/models/pets", 200, `{"inputs":[]}`), want: []string{"v2-infer"}, says: "describes no input"},
		"V2 of a huge input":  {lie: answering("/v2/models/pets", 200, `{"inputs":[{"name":"input","datatype":"FP32","shape":[-1,3,99999,99999]}]}`), want: []string{"v2-infer"}, says: "describes no input"},
		"V2 answers nothing":  {lie: answering("/v2/models/pets/infer", 200, `{"outputs":[]}`), want: []string{"v2-infer"}, says: "one output of shape [1,2]"},
		"V2 fails":            {lie: answering("/v2/models/pets/infer", 400, ""), want: []string{"v2-infer"}, says: "answered 400"},
		"redirects": {lie: func(http.Handler) http.Handler {
			return http.RedirectHandler("http://elsewhere.invalid", http.StatusFound)
		}, want: []string{"availability"}, says: "answered 302"},
		"quality asked of all": {config: contract.SmokeConfig{MinAgreement: new(0.95)}, want: []string{"quality"}, says: "0.900 of 20 samples of the model itself right, at least 0.950 wanted (minAgreement)"},
	}
	samples := colors(t, 20, 2)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			model := tc.model
			if model == nil {
				model = testModel()
			}
			tc.config.Targets = []string{serve(t, model, tc.lie)}
			report, err := newSuite(tc.config, samples, nil).run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, failures(report)); diff != "" {
				t.Fatalf("failed checks (-want +got):\n%s%+v", diff, report)
			}
			if report.Passed != (tc.want == nil) {
				t.Errorf("passed = %t with failures %v", report.Passed, tc.want)
			}
			if tc.want != nil && !strings.Contains(messageOf(t, report, tc.want[0]).Message, tc.says) {
				t.Errorf("%s says %q, want %q in it", tc.want[0], messageOf(t, report, tc.want[0]).Message, tc.says)
			}
		})
	}
}

func TestNothingIsTriedOnAServerThatIsDown(t *testing.T) {
	url := serve(t, testModel(), answering(contract.ReadyPath, 503, `{"detail":"draining"}`))
	report, err := newSuite(contract.SmokeConfig{Targets: []string{url}}, colors(t, 20, 0), nil).run(t.Context())
	if !errors.Is(err, ErrNoVerdict) {
		t.Fatalf("run() error = %v, want ErrNoVerdict", err)
	}
	if report.Passed || len(report.Checks) != 10 {
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

// aborting closes the connection of requests for one path without an answer.
func aborting(path string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TestVerdicts: only a server's own wrong answers, or its silence while it says that it is ready, are
// held against it.
func TestVerdicts(t *testing.T) {
	hanging := func(path string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == path {
					<-r.Context().Done()
					return
				}
				next.ServeHTTP(w, r)
			})
		}
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	cases := map[string]struct {
		lie      func(http.Handler) http.Handler
		also     []string // further targets
		revision string
		verdict  bool
		says     string
	}{
		"nobody listens":                      {also: []string{closed.URL}, says: "connection refused"},
		"nobody listens, and one answers 500": {lie: answering("/health", 500, "oops"), also: []string{closed.URL}, verdict: true, says: "answered 500: oops"},
		"no such host":                        {also: []string{"http://pets.invalid"}, says: "availability failed: "},
		"an answer is cut off":                {lie: aborting("/predict"), says: "EOF"},
		"loading":                             {lie: answering("/predict", 503, `{"code":"loading","detail":"wait"}`), says: "answered 503: wait"},
		"overloaded":                          {lie: answering("/predict", 503, `{"code":"overloaded","detail":"busy"}`), verdict: true, says: "answered 503: busy"},
		"a proxy without a server":            {lie: answering("/predict", 502, "no upstream"), says: "answered 502: no upstream"},
		"too slow for the server itself":      {lie: answering("/predict", 504, `{"code":"timeout","detail":"slow"}`), verdict: true, says: "answered 504: slow"},
		"another revision answers, as by a proxy that is behind": {
			lie: answering("/health", 500, "oops"), revision: "pets-2", says: "revision pets-12345678 answers, not pets-2",
		},
		"a request hangs, the server is ready": {
			lie: hanging("/predict"), verdict: true, says: "2 times, while the server says that it is ready",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			targets := append([]string{serve(t, testModel(), tc.lie)}, tc.also...)
			s := newSuite(contract.SmokeConfig{Targets: targets, Revision: tc.revision}, nil, nil)
			s.patience = time.Second
			report, err := s.run(t.Context())
			if tc.verdict && err != nil || !tc.verdict && !errors.Is(err, ErrNoVerdict) {
				t.Errorf("run() error = %v, want a verdict: %t", err, tc.verdict)
			}
			if report.Passed || !strings.Contains(report.Message, tc.says) {
				t.Errorf("report = %+v, want it failed with %q", report, tc.says)
			}
		})
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

// failing answers 500 to the first n requests of each path.
func failing(n int) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		left := map[string]*atomic.Int32{}
		for _, path := range []string{"/health", "/predict"} {
			left[path] = &atomic.Int32{}
			left[path].Store(int32(n))
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if counter := left[r.URL.Path]; counter != nil && counter.Add(-1) >= 0 {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func TestAttempts(t *testing.T) {
	cases := map[string]struct {
		attempts, failing int
		want              []string
		wantPauses        []time.Duration
	}{
		"as many as needed": {
			attempts: 3, failing: 2,
			wantPauses: []time.Duration{0, firstPause, 2 * firstPause, firstPause, 2 * firstPause},
		},
		"one too few, and the next check is tried once": {
			attempts: 2, failing: 2, want: []string{"health", "predict", "latency"},
			wantPauses: []time.Duration{0, firstPause},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			config := contract.SmokeConfig{Targets: []string{serve(t, testModel(), failing(tc.failing))}, Attempts: tc.attempts}
			var pauses []time.Duration
			s := newSuite(config, nil, nil)
			s.sleep = func(_ context.Context, d time.Duration) error {
				pauses = append(pauses, d)
				return nil
			}
			report, err := s.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, failures(report)); diff != "" {
				t.Errorf("failed checks (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantPauses, pauses); diff != "" {
				t.Errorf("pauses (-want +got):\n%s", diff)
			}
		})
	}
}

// The live model's classes may come from folders named on macOS, the new one's from Linux.
func TestQualityMatchesClassesByName(t *testing.T) {
	model := testModel()
	model.Classes = []string{"rouge fonc\u00e9", "bleu"}
	live := colors(t, 20, 0)
	live.Classes = []string{"rouge fonce\u0301", "bleu"}
	for i := range live.Items {
		live.Items[i].Label = live.Classes[i%2]
	}
	report, err := newSuite(contract.SmokeConfig{Targets: []string{serve(t, model, nil)}}, nil, live).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := messageOf(t, report, "quality"); !strings.HasPrefix(got.Message, "1.000 of 20 samples of the live model right") {
		t.Errorf("quality: %s, %q", got.Result, got.Message)
	}
}

// 0 is no bound, other than no bound being given.
func TestNoAgreementIsAskedFor(t *testing.T) {
	for name, tc := range map[string]struct {
		least *float64
		want  string
	}{
		"left out": {want: contract.CheckFailed},
		"0":        {least: new(0.0), want: contract.CheckPassed},
	} {
		t.Run(name, func(t *testing.T) {
			config := contract.SmokeConfig{Targets: []string{serve(t, testModel(), nil)}, MinAgreement: tc.least}
			report, err := newSuite(config, nil, betterBy(colors(t, 20, 20), 20)).run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := messageOf(t, report, "quality"); got.Result != tc.want {
				t.Errorf("quality: %s, %q, want %s", got.Result, got.Message, tc.want)
			}
		})
	}
}

func TestQualitySamples(t *testing.T) {
	renamed := colors(t, 20, 0)
	renamed.Classes = []string{"red", "purple"}
	for i := range renamed.Items {
		renamed.Items[i].Label = "red"
	}
	cases := map[string]struct {
		model, live *artifact.Samples
		want        string
		says        string
	}{
		"none":                        {want: contract.CheckSkipped, says: "there are no samples"},
		"own":                         {model: colors(t, 64, 0), want: contract.CheckPassed, says: "1.000 of 64 samples of the model itself right, 0.900 wanted (1.000 scored by the model itself, less 0.10)"},
		"live's first":                {model: colors(t, 64, 0), live: colors(t, 20, 4), want: contract.CheckPassed, says: "0.800 of 20 samples of the live model right, 0.700 wanted (0.800 scored by the live model, less 0.10); so few samples say little"},
		"live knows another class":    {model: colors(t, 64, 0), live: renamed, want: contract.CheckPassed, says: "of the model itself"},
		"too few":                     {model: colors(t, 15, 0), want: contract.CheckSkipped, says: "15 samples of the model itself, at least 16"},
		"too few of live's":           {model: colors(t, 64, 0), live: colors(t, 15, 0), want: contract.CheckSkipped, says: "15 samples of the live model, at least 16"},
		"archive without samples":     {model: colors(t, 0, 0), want: contract.CheckSkipped, says: "0 samples"},
		"just enough":                 {model: colors(t, 16, 0), want: contract.CheckPassed, says: "so few samples say little"},
		"no more than a tenth worse":  {live: betterBy(colors(t, 20, 2), 2), want: contract.CheckPassed, says: "0.900 of 20"},
		"more than a tenth worse":     {live: betterBy(colors(t, 20, 3), 3), want: contract.CheckFailed, says: "0.850 of 20 samples of the live model right, at least 0.900 wanted (1.000 scored by the live model, less 0.10); so few samples say little"},
		"live worse than the new one": {live: betterBy(colors(t, 20, 0), -5), want: contract.CheckPassed, says: "1.000 of 20 samples of the live model right, 0.650 wanted"},
	}
	url := serve(t, testModel(), nil)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newSuite(contract.SmokeConfig{Targets: []string{url}}, tc.model, tc.live)
			report, err := s.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := messageOf(t, report, "quality")
			if got.Result != tc.want || !strings.Contains(got.Message, tc.says) {
				t.Errorf("quality: %s, %q; want %s, %q", got.Result, got.Message, tc.want, tc.says)
			}
			if tc.want == contract.CheckSkipped && !strings.Contains(report.Message, "skipped: ") {
				t.Errorf("the report hides what was skipped: %q", report.Message)
			}
		})
	}
}

// betterBy makes the recorded logits of n samples right that were wrong, or of -n samples wrong that
// were right, from the first sample on.
func betterBy(set *artifact.Samples, n int) *artifact.Samples {
	for i := range max(n, -n) {
		logits := set.Items[i].Logits
		logits[0], logits[1] = logits[1], logits[0]
	}
	return set
}

// TestIntegrityOfProbabilities compares what the network yields with what it yielded, be the record of probabilities or of
// the logits that the server makes of them.
func TestIntegrityOfProbabilities(t *testing.T) {
	model := testModel()
	model.Output = onnx.OutputProbabilities
	url := serve(t, model, nil)
	recorded := func(factor float32) *artifact.Samples {
		set := colors(t, 4, 0)
		for i := range set.Items {
			for j, p := range classifier.Softmax(set.Items[i].Logits) {
				set.Items[i].Logits[j] = float32(p)
			}
			set.Items[i].Logits[0] *= factor
		}
		return set
	}
	for name, tc := range map[string]struct {
		samples *artifact.Samples
		want    string
	}{
		"logits":              {samples: colors(t, 4, 0), want: contract.CheckPassed},
		"probabilities":       {samples: recorded(1), want: contract.CheckPassed},
		"other probabilities": {samples: recorded(0.9), want: contract.CheckFailed},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := newSuite(contract.SmokeConfig{Targets: []string{url}}, tc.samples, nil).run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := messageOf(t, report, "integrity"); got.Result != tc.want {
				t.Errorf("integrity = %+v, want %s", got, tc.want)
			}
		})
	}
}

// TestIntegrityOfEarlierDecoding holds a model to what it answered when more was made of a picture than its opaque colors,
// while its quality is that of the decoding in use.
func TestIntegrityOfEarlierDecoding(t *testing.T) {
	url := serve(t, testModel(), nil)
	half := servingtest.PNG(t, color.NRGBA{R: 250, B: 20, A: 128}) // laid over white at first
	model := testModel()
	recorded := func(decoder *preprocess.Decoder, decoding int) *artifact.Samples {
		tensor := make([]float32, model.Preprocess.TensorLen())
		if err := decoder.Tensor(t.Context(), model.Preprocess, tensor, half); err != nil {
			t.Fatal(err)
		}
		logits, err := model.Logits(tensor, 1)
		if err != nil {
			t.Fatal(err)
		}
		item := artifact.Sample{Image: half, Label: "red", Logits: logits}
		return &artifact.Samples{Classes: model.Classes, Decoding: decoding, Items: []artifact.Sample{item}}
	}
	now := preprocess.NewDecoder(preprocess.DefaultLimits())
	for name, tc := range map[string]struct {
		samples *artifact.Samples
		want    string
	}{
		"recorded at first":              {recorded(now.First(), preprocess.DecodingFirst), contract.CheckPassed},
		"recorded now":                   {recorded(now, preprocess.Decoding), contract.CheckPassed},
		"recorded at first, said as now": {recorded(now.First(), preprocess.Decoding), contract.CheckFailed},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := newSuite(contract.SmokeConfig{Targets: []string{url}}, tc.samples, nil).run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := messageOf(t, report, "integrity"); got.Result != tc.want {
				t.Errorf("integrity = %+v, want %s", got, tc.want)
			}
		})
	}
}

func TestIntegrityWithoutSamples(t *testing.T) {
	url := serve(t, testModel(), nil)
	report, err := newSuite(contract.SmokeConfig{Targets: []string{url}}, nil, nil).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := messageOf(t, report, "integrity"); got.Result != contract.CheckSkipped || !report.Passed {
		t.Errorf("integrity = %+v, want it skipped", got)
	}
}

// clock is a clock that moves only while somebody sleeps.
type clock struct{ now time.Time }

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return ctx.Err()
}

func TestRepeatsForATime(t *testing.T) {
	var predictions, metrics atomic.Int32
	url := serve(t, testModel(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/predict":
				predictions.Add(1)
			case "/metrics":
				metrics.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	})
	c := &clock{now: time.Unix(1000, 0)}
	s := newSuite(contract.SmokeConfig{Targets: []string{url}, DelaySeconds: 5, ForSeconds: 90}, colors(t, 20, 0), nil)
	s.now, s.sleep = func() time.Time { return c.now }, c.sleep
	report, err := s.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !report.Passed || report.Rounds != 91 {
		t.Errorf("report = %+v, want passed in 91 rounds", report)
	}
	if took := c.now.Sub(time.Unix(1000, 0)); took != 95*time.Second {
		t.Errorf("it took %s, want 95s", took)
	}
	// Two full rounds of a dummy, the latency's and 20 samples; 89 of a dummy and one sample.
	if got, want := predictions.Load(), int32(2*(1+latencyRequests+20)+89*2); got != want || metrics.Load() != 2 {
		t.Errorf("%d predictions and %d looks at the metrics, want %d and 2", got, metrics.Load(), want)
	}
}

func TestAFailureEndsTheBake(t *testing.T) {
	var broken atomic.Bool
	url := serve(t, testModel(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if broken.Load() {
				http.Error(w, "broken on purpose", http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	c := &clock{now: time.Unix(1000, 0)}
	s := newSuite(contract.SmokeConfig{Targets: []string{url}, ForSeconds: 3600}, colors(t, 20, 0), nil)
	s.now = func() time.Time { return c.now }
	s.sleep = func(ctx context.Context, d time.Duration) error {
		broken.Store(c.now.Sub(time.Unix(1000, 0)) >= 10*time.Second)
		return c.sleep(ctx, d)
	}
	report, err := s.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.Passed || report.Rounds != 12 || messageOf(t, report, "availability").Result != contract.CheckFailed {
		t.Errorf("report = %+v, want availability failed in round 12", report)
	}
	if messageOf(t, report, "quality").Result != contract.CheckPassed {
		t.Error("a check that was not made in the last round lost its result")
	}
}

func TestARoundIsBounded(t *testing.T) {
	url := serve(t, testModel(), func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	})
	s := newSuite(contract.SmokeConfig{Targets: []string{url}}, nil, nil)
	s.config.TimeoutSeconds = 1
	report, err := s.run(t.Context())
	if !errors.Is(err, ErrNoVerdict) {
		t.Errorf("run() error = %v, want ErrNoVerdict", err)
	}
	if got := messageOf(t, report, "availability"); !strings.Contains(got.Message, "not done within the 1s") {
		t.Errorf("availability says %q", got.Message)
	}
}

// TestTheTimeoutIsOfOneTarget: a round of many targets takes longer than that of one, which is no fault
// of theirs.
func TestTheTimeoutIsOfOneTarget(t *testing.T) {
	slow := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == contract.ReadyPath && r.Header.Get(contract.SmokeHeader) != "" {
				time.Sleep(time.Second)
			}
			next.ServeHTTP(w, r)
		})
	}
	url := serve(t, testModel(), slow)
	var targets []string
	for range 4 * contract.SmokeTargetsAtATime {
		targets = append(targets, url)
	}
	s := newSuite(contract.SmokeConfig{Targets: targets}, nil, nil)
	s.config.TimeoutSeconds = 3
	report, err := s.run(t.Context())
	if err != nil || !report.Passed {
		t.Errorf("run() = %+v, error %v, want it passed", report, err)
	}
}

func TestStopped(t *testing.T) {
	url := serve(t, testModel(), nil)
	ctx, cancel := context.WithCancel(t.Context())
	s := newSuite(contract.SmokeConfig{Targets: []string{url}, ForSeconds: 60}, nil, nil)
	rounds := 0
	s.sleep = func(ctx context.Context, _ time.Duration) error {
		if rounds++; rounds > 1 {
			cancel()
		}
		return ctx.Err()
	}
	if _, err := s.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("run() error = %v, want Canceled: what was stopped is no report", err)
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

func TestDeviation(t *testing.T) {
	cases := map[string]struct {
		got, recorded []float32
		want          string
	}{
		"equal":              {[]float32{1, -2}, []float32{1, -2}, "0"},
		"of the greatest":    {[]float32{0.002, -2}, []float32{0, -2}, "0.001"},
		"of a hundredth":     {[]float32{1e-5, 0}, []float32{0, 0}, "0.001"},
		"another count":      {[]float32{1}, []float32{1, 2}, "there are 1 logits, at training there were 2"},
		"greatest is record": {[]float32{100, 0}, []float32{1, 0}, "99"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := deviation(tc.got, tc.recorded)
			text := fmt.Sprintf("%.4g", got)
			if err != nil {
				text = err.Error()
			}
			if text != tc.want {
				t.Errorf("deviation() = %s, want %s", text, tc.want)
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

func TestSleep(t *testing.T) {
	if err := sleep(t.Context(), time.Microsecond); err != nil {
		t.Errorf("sleep() error = %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, d := range []time.Duration{0, time.Hour} {
		if err := sleep(stopped, d); !errors.Is(err, context.Canceled) {
			t.Errorf("sleep(%s) of a stopped context: error = %v", d, err)
		}
	}
}
