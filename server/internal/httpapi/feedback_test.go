// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/drift"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

func TestFeedback(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	red := servingtest.PNG(t, servingtest.Red)
	r.predict(t, red, "X-Request-Id", "first")
	r.predict(t, red, "X-Request-Id", "second")
	r.predict(t, red, "X-Request-Id", "smoke", contract.SmokeHeader, "1")
	r.predict(t, []byte("none"), "X-Request-Id", "refused")
	waitFor(t, func() bool { return r.traffic.Stats(time.Now()).Requests == 3 })
	for _, tc := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"requestId":"first","label":"red"}`, 200, `"right":true`},
		{`{"requestId":"first","label":"red"}`, 409, `"already_labeled"`},
		{`{"requestId":"second","label":"green"}`, 400, `"unknown_label"`},
		{`{"requestId":"second","label":"blue"}`, 200, `{"predicted":"red","right":false}`},
		{`{"requestId":"never","label":"red"}`, 404, `"unknown_request"`},
		{`{"requestId":"smoke","label":"red"}`, 404, `"unknown_request"`},
		{`{"requestId":"refused","label":"red"}`, 404, `"unknown_request"`},
		{`{"requestId":"second"}`, 422, `"unprocessable_entity"`},
		{`{"requestId":"second","label":"` + strings.Repeat("x", 5000) + `"}`, 413, `"request_entity_too_large"`},
		{`{`, 400, `"bad_request"`},
	} {
		a := r.ask(t, http.MethodPost, feedbackPath, strings.NewReader(tc.body), "Content-Type", "application/json")
		if a.status != tc.status || !strings.Contains(string(a.body), tc.want) {
			t.Errorf("%.80s: status %d, want %d with %s: %s", tc.body, a.status, tc.status, tc.want, a.body)
		}
	}
	stats := r.traffic.Stats(time.Now()).Feedback
	if stats == nil || stats.Labeled != 2 || stats.Accuracy != 0.5 || stats.Labels["red"].Accuracy != 1 {
		t.Errorf("stats = %+v", stats)
	}
	text := string(r.get(t, metricsPath).body)
	for _, want := range []string{
		`prediction_feedback_total{label="red",result="right"} 1`, `prediction_feedback_total{label="blue",result="wrong"} 1`,
		`prediction_feedback_total{label="blue",result="right"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("/metrics lacks %q", want)
		}
	}
}

// A model that answers one class only, of two that its test split has as often, has drifted.
func TestDrift(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	r.traffic.Expect([]string{"red", "blue"}, drift.Expected{Predicted: []int{50, 50}, Confidence: 0.9})
	red := servingtest.PNG(t, servingtest.Red)
	for range 199 {
		r.predict(t, red)
	}
	waitFor(t, func() bool { return r.traffic.Stats(time.Now()).Requests == 199 })
	if got := r.traffic.Stats(time.Now()).Drift; got != nil {
		t.Errorf("with too few predictions to tell: %+v", got)
	}
	r.predict(t, red)
	waitFor(t, func() bool { return r.traffic.Stats(time.Now()).Drift != nil })
	got := r.traffic.Stats(time.Now()).Drift
	if got.Index < 0.25 || got.Images != 200 || got.TestMeanConfidence != 0.9 || got.MeanConfidence <= 0.5 {
		t.Errorf("drift = %+v", got)
	}
	text := string(r.get(t, metricsPath).body)
	for _, want := range []string{"\nprediction_drift_index ", "\nprediction_confidence_shift "} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics lacks %q", want)
		}
	}
}
