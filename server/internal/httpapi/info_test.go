// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/internal/version"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
	"github.com/trainyard-dev/trainyard/server/internal/traffic"
)

func newRecorder(t *testing.T, handler http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return w
}

func TestRoot(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	html := r.get(t, "/", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if html.header.Get("Content-Type") != "text/html; charset=utf-8" || !bytes.Contains(html.body, []byte("<!doctype html>")) {
		t.Errorf("a browser gets %s", html.header.Get("Content-Type"))
	}
	if csp := html.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("the page's policy is %q", csp)
	}
	if len(html.body) > 100<<10 {
		t.Errorf("the page has %d bytes", len(html.body))
	}
	for _, elsewhere := range []string{"http://", "https://", "src=\"//"} {
		if bytes.Contains(html.body, []byte(elsewhere)) {
			t.Errorf("the page refers to %s", elsewhere)
		}
	}
	var got Summary
	r.get(t, "/").decode(t, &got)
	if got.Name != "pets" || got.Status != "ready" || len(got.Classes) != 2 {
		t.Errorf("summary = %+v", got)
	}
}

func TestModelInfo(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	var got ModelInfo
	r.get(t, modelInfoPath).decode(t, &got)
	want := ModelInfo{
		Name: "pets", Revision: "pets-12345678", TrainingRun: "run", SHA256: "5eed", SizeBytes: 1234,
		Classes: []string{"red", "blue"}, Output: onnx.OutputLogits, Input: preprocess.DefaultSpec(servingtest.Size),
		Metrics: map[string]float64{"accuracy": 0.9}, Architecture: "Test", Producer: "servingtest", Opset: 17,
		Lineage: map[string]string{"run": "default/run"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("model info (-want +got):\n%s", diff)
	}
}

func TestUnknownPaths(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	cases := map[string]struct {
		method, path string
		want         int
		code, allow  string
	}{
		"no such path":   {method: "GET", path: "/nowhere", want: 404, code: "not_found"},
		"another method": {method: "GET", path: "/predict", want: 405, code: "method_not_allowed", allow: "POST, OPTIONS"},
		"post to health": {method: "POST", path: "/health", want: 405, code: "method_not_allowed", allow: "GET, HEAD, OPTIONS"},
		"bad parameter":  {method: "GET", path: "/logs?limit=0", want: 422, code: "unprocessable_entity"},
		"no parameter":   {method: "GET", path: "/logs?limit=", want: 400, code: "invalid_parameter"},
		"one of two":     {method: "GET", path: "/logs?limit=1&limit=2", want: 400, code: "invalid_parameter"},
		"another model":  {method: "GET", path: "/v2/models/cars", want: 404, code: "unknown_model"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			a := r.ask(t, tc.method, tc.path, nil)
			var p Problem
			a.decode(t, &p)
			if a.status != tc.want || p.Code != tc.code || a.header.Get("Allow") != tc.allow {
				t.Errorf("status %d, problem %+v, Allow %q; want %d, %s, %q", a.status, p, a.header.Get("Allow"), tc.want, tc.code, tc.allow)
			}
		})
	}
}

func TestOpenAPI(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	var document struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]any `json:"content"`
			} `json:"requestBody"`
			Responses map[string]any `json:"responses"`
		} `json:"paths"`
	}
	r.get(t, "/openapi.json").decode(t, &document)
	for _, path := range []string{healthPath, modelInfoPath, statsPath, logsPath, contract.LivePath, contract.ReadyPath, v2Path, v2ModelPath, v2ReadyPath, v2VersionPath, v2VersionReadyPath, rootPath, metricsPath, docsPath} {
		if _, ok := document.Paths[path]["get"]; !ok {
			t.Errorf("GET %s is not described", path)
		}
	}
	predict := document.Paths[predictPath]["post"]
	for _, contentType := range []string{"multipart/form-data", "image/*", "application/octet-stream", "application/json"} {
		if _, ok := predict.RequestBody.Content[contentType]; !ok {
			t.Errorf("POST /predict does not say that it takes %s", contentType)
		}
	}
	for _, status := range []string{"200", "400", "406", "413", "415", "503", "504"} {
		if _, ok := predict.Responses[status]; !ok {
			t.Errorf("POST /predict does not say that it answers %s", status)
		}
	}
}

// The page that shows the description is small, and needs nothing from elsewhere.
func TestDocs(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	a := r.get(t, docsPath)
	if a.status != http.StatusOK || !strings.Contains(string(a.body), `fetch("openapi.json")`) || len(a.body) > 8<<10 {
		t.Errorf("status %d, %d bytes", a.status, len(a.body))
	}
	for _, elsewhere := range []string{"http:", "https:", "src=", "@import"} {
		if strings.Contains(string(a.body), elsewhere) {
			t.Errorf("the page refers to something elsewhere: %s", elsewhere)
		}
	}
	if policy := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("policy %q", policy)
	}
}

// observe sends one red picture, one that is none, and both again as a smoke test.
func observe(t *testing.T, r *running) {
	t.Helper()
	red := servingtest.PNG(t, servingtest.Red)
	for _, headers := range [][]string{nil, {contract.SmokeHeader, "1"}} {
		if a := r.predict(t, red, headers...); a.status != http.StatusOK {
			t.Fatalf("status = %d", a.status)
		}
		if a := r.predict(t, []byte("none"), headers...); a.status != http.StatusUnsupportedMediaType {
			t.Fatalf("status = %d", a.status)
		}
	}
	r.get(t, healthPath) // is no inference
}

func TestMetrics(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	observe(t, r)
	waitFor(t, func() bool { return r.traffic.Stats(time.Now()).Requests == 2 })
	text := string(r.get(t, metricsPath).body)
	for _, want := range []string{
		"# TYPE inference_requests_total counter",
		`inference_requests_total{endpoint="/predict",status="200"} 1`,
		`inference_requests_total{endpoint="/predict",status="415"} 1`,
		`inference_requests_total{endpoint="/v2/models/{name}/infer",status="200"} 0`,
		"# TYPE inference_request_latency_seconds histogram",
		`inference_request_latency_seconds_count{endpoint="/predict"} 2`,
		"# TYPE predictions_total counter",
		`predictions_total{predicted_class="red"} 1`,
		`predictions_total{predicted_class="blue"} 0`,
		`prediction_confidence_count 1`,
		`inference_requests_rejected_total{reason="unsupported_image"} 1`,
		`inference_requests_rejected_total{reason="overloaded"} 0`,
		`inference_stage_duration_seconds_count{stage="read"} 2`,
		`inference_stage_duration_seconds_count{stage="decode"} 2`,
		`inference_stage_duration_seconds_count{stage="preprocess"} 1`,
		`inference_stage_duration_seconds_count{stage="queue"} 1`,
		`inference_stage_duration_seconds_count{stage="infer"} 1`,
		`inference_stage_duration_seconds_count{stage="encode"} 2`,
		`inference_batch_images_bucket{le="1"} 1`,
		`inference_queue_requests 0`,
		`inference_requests_in_flight 0`,
		`inference_body_bytes 0`,
		`inference_model_info{architecture="Test",name="pets",revision="pets-12345678",sha256="5eed",version="` + version.String() + `"} 1`,
		"# TYPE inference_model_load_seconds gauge",
		"# TYPE inference_start_seconds gauge",
		"# TYPE go_goroutines gauge",
		"# TYPE process_cpu_seconds_total counter",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("/metrics lacks %q", want)
		}
	}
	if strings.Contains(text, healthPath) {
		t.Error("/metrics counts requests that are no inference")
	}
}

func TestStatsAndLogs(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	observe(t, r)
	waitFor(t, func() bool { return r.traffic.Stats(time.Now()).Requests == 2 })
	var stats traffic.Stats
	r.get(t, statsPath).decode(t, &stats)
	if diff := cmp.Diff(map[string]map[string]int64{predictPath: {"200": 1, "415": 1}}, stats.Endpoints); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
	if stats.Failures != 0 || stats.Predictions["red"] != 1 || stats.Latency.Requests != 2 || stats.Latency.P50Millis <= 0 {
		t.Errorf("stats = %+v", stats)
	}

	var logs struct{ Requests []traffic.Request }
	r.get(t, logsPath).decode(t, &logs)
	if len(logs.Requests) != 2 || logs.Requests[0].Status != 415 || logs.Requests[1].Status != 200 {
		t.Fatalf("logs = %+v, want the last request first", logs.Requests)
	}
	if diff := cmp.Diff([]string{"red"}, logs.Requests[1].Classes); diff != "" {
		t.Errorf("classes (-want +got):\n%s", diff)
	}
	if stats.MeanConfidence <= 0.5 || stats.RequestsPerSecond <= 0 || stats.Rejections["unsupported_image"] != 1 {
		t.Errorf("stats = %+v", stats)
	}
	served := logs.Requests[1]
	for query, want := range map[string]int{
		"limit=1": 415, "status=415": 415, "status=4xx": 415, "class=red": 200, "id=" + served.ID: 200,
		"status=2xx&class=red&since=" + served.Time.UTC().Format(time.RFC3339Nano): 200,
		"class=blue": 0, "status=5xx": 0, "since=" + time.Now().Add(time.Hour).UTC().Format(time.RFC3339): 0,
	} {
		logs.Requests = nil
		r.get(t, logsPath+"?"+query).decode(t, &logs)
		switch {
		case want == 0 && len(logs.Requests) > 0, want != 0 && (len(logs.Requests) != 1 || logs.Requests[0].Status != want):
			t.Errorf("/logs?%s = %+v, want one of status %d, or none if that is 0", query, logs.Requests, want)
		}
	}
	for _, query := range []string{"status=x", "since=yesterday", "limit=0"} {
		if a := r.get(t, logsPath+"?"+query); a.status != http.StatusUnprocessableEntity {
			t.Errorf("/logs?%s: status %d, want 422", query, a.status)
		}
	}
}

// TestNothingPersonal looks for who asked and what they sent in everything that is kept.
func TestNothingPersonal(t *testing.T) {
	var written bytes.Buffer
	config := testConfig()
	config.Logger = slog.New(slog.NewJSONHandler(&written, nil))
	r := start(t, config, &servingtest.Predictor{})
	body, contentType := form(t, "file", servingtest.PNG(t, servingtest.Red))
	r.ask(t, http.MethodPost, predictPath, bytes.NewReader(body), "Content-Type", contentType, "X-Forwarded-For", "203.0.113.7", "User-Agent", "someone")
	waitFor(t, func() bool { return r.traffic.Stats(time.Now()).Requests == 1 })
	kept := string(r.get(t, logsPath).body) + string(r.get(t, statsPath).body) + string(r.get(t, metricsPath).body)
	r.stop()
	if err := <-r.done; err != nil {
		t.Fatal(err)
	}
	requests := 0
	var logged strings.Builder
	for line := range strings.Lines(written.String()) {
		var entry struct{ Msg, Endpoint string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if entry.Msg == "Request" {
			requests++
			logged.WriteString(line)
		}
	}
	if requests != 3 { // not /metrics, which is asked all the time
		t.Errorf("%d requests were logged, want 3", requests)
	}
	kept += logged.String()
	for _, secret := range []string{"private name", "203.0.113.7", "someone", "127.0.0.1"} {
		if strings.Contains(kept, secret) {
			t.Errorf("%q was kept", secret)
		}
	}
}
