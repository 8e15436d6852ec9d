// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
	"github.com/trainyard-dev/trainyard/server/internal/traffic"
)

func TestRequestID(t *testing.T) {
	cases := map[string]struct {
		sent string
		kept bool
	}{
		"a client's":    {"checkout-7/a=b", true},
		"none":          {"", false},
		"a line's end":  {"a\nb", false},
		"a word more":   {"a b", false},
		"another field": {`a","status":"200`, false},
		"too long":      {strings.Repeat("a", 129), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := requestID(http.Header{"X-Request-Id": {tc.sent}})
			if (got == tc.sent) != tc.kept || got == "" {
				t.Errorf("requestID(%q) = %q, kept as it is: %v", tc.sent, got, tc.kept)
			}
		})
	}
}

func TestTraceID(t *testing.T) {
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for sent, want := range map[string]string{
		"00-" + trace + "-" + parent + "-01":                   trace,
		"cc-" + trace + "-" + parent + "-01-of-tomorrow":       trace,
		"00-" + trace + "-" + parent + "-01-more":              "",
		"ff-" + trace + "-" + parent + "-01":                   "",
		"00-" + strings.Repeat("0", 32) + "-" + parent + "-01": "",
		"00-" + trace + "-0000000000000000-01":                 "",
		"00-" + strings.ToUpper(trace) + "-" + parent + "-01":  "",
		"garbage": "",
		"":        "",
	} {
		if got := traceID(http.Header{"Traceparent": {sent}}); got != want {
			t.Errorf("traceID(%q) = %q, want %q", sent, got, want)
		}
	}
}

// A request is found again by its id: in the answer, the log, /logs, and in what a failure tells its client.
func TestRequestIsFoundByItsID(t *testing.T) {
	var written bytes.Buffer
	config := testConfig()
	config.Logger = slog.New(slog.NewJSONHandler(&written, nil))
	r := start(t, config, &servingtest.Predictor{Err: errors.New("out of order")})
	const id, trace = "checkout-7", "0af7651916cd43dd8448eb211c80319c"
	a := r.predict(t, servingtest.PNG(t, servingtest.Red), "X-Request-Id", id, "Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	if a.status != http.StatusInternalServerError || a.header.Get("X-Request-Id") != id || !bytes.Contains(a.body, []byte("at request "+id)) {
		t.Errorf("status %d, id %q: %s", a.status, a.header.Get("X-Request-Id"), a.body)
	}
	var logs struct{ Requests []traffic.Request }
	waitFor(t, func() bool {
		r.get(t, logsPath+"?id="+id).decode(t, &logs)
		return len(logs.Requests) == 1
	})
	if got := logs.Requests[0]; got.TraceID != trace || got.Code != "internal" {
		t.Errorf("kept %+v", got)
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(written.String()) {
		var entry struct{ Msg, Request, TraceID string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry.Request == id {
			found[entry.Msg] = entry.TraceID
		}
	}
	if _, failed := found["Request failed"]; !failed || found["Request"] != trace {
		t.Errorf("the log has %v of the request", found)
	}
}
