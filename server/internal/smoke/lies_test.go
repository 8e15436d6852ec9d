// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package smoke

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/classifier"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

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
	caught := map[string]bool{}
	for name, tc := range cases {
		for _, check := range tc.want {
			caught[check] = true
		}
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
	for _, check := range new(suite).allChecks() {
		if !caught[check.name] {
			t.Errorf("no server here fails %s: add one that does", check.name)
		}
	}
}

// A server of an older image lacks what has been added since: it is not to be replaced, or rolled back, for that.
func TestAnOlderServer(t *testing.T) {
	first := []string{
		contract.ReadyPath, contract.ServerHealthPath, contract.MetricsPath, "/", "/model-info", "/predict", contract.V2ModelPath("pets"), contract.V2InferPath("pets"),
	}
	url := serve(t, testModel(), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !slices.Contains(first, r.URL.Path) {
				http.NotFound(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	report, err := newSuite(contract.SmokeConfig{Targets: []string{url}}, colors(t, 20, 0), nil).run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !report.Passed {
		t.Errorf("%s: skip a check of what servers of the first image lack", report.Message)
	}
}
