// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

func TestExplain(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	var got Explanation
	a := r.ask(t, http.MethodPost, explainPath, bytes.NewReader(servingtest.PNG(t, servingtest.Red)), "Content-Type", "image/png")
	a.decode(t, &got)
	if a.status != http.StatusOK || got.Class != "red" || got.Side != 8 || len(got.Drops) != 64 {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	for name, tc := range map[string]struct {
		body []byte
		want int
	}{
		"none": {[]byte("none"), 415}, "nothing": {nil, 400}, "too large": {make([]byte, 65<<10), 413},
	} {
		if a := r.ask(t, http.MethodPost, explainPath, bytes.NewReader(tc.body), "Content-Type", "image/png"); a.status != tc.want {
			t.Errorf("%s: status %d, want %d: %s", name, a.status, tc.want, a.body)
		}
	}
	if stats := r.traffic.Stats(time.Now()); stats.Requests != 0 {
		t.Errorf("an explanation counts as %d predictions", stats.Requests)
	}
}
