// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

func TestAccepts(t *testing.T) {
	for header, want := range map[string]bool{
		"": true, "application/json": true, "*/*": true, "application/*": true, "text/html, */*;q=0.1": true, "Application/JSON": true,
		"text/html": false, "application/json;q=0": false, "application/json;q=0, */*": false, "*/*;q=0": false, "application/*;q=0, application/json": true,
		"/, ;": false, "application/json;q=x": false,
	} {
		if got := accepts(header, []string{jsonType}); got != want {
			t.Errorf("accepts(%q) = %v, want %v", header, got, want)
		}
	}
}

func TestNegotiation(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	for path, want := range map[string]int{healthPath: 406, modelInfoPath: 406, "/v2": 406, rootPath: 200, metricsPath: 200, docsPath: 200, "/openapi.json": 200} {
		a := r.get(t, path, "Accept", "text/html")
		if a.status != want {
			t.Errorf("%s for text/html: status %d, want %d", path, a.status, want)
		}
		if want == http.StatusNotAcceptable && !strings.Contains(string(a.body), `Accept is \"text/html\", and the answer is application/json`) {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	if a := r.predict(t, servingtest.PNG(t, servingtest.Red), "Accept", "image/png"); a.status != http.StatusNotAcceptable {
		t.Errorf("%s for image/png: status %d, want 406", predictPath, a.status)
	}
}

// What an endpoint takes can be asked for, and what it would answer be seen without its body.
func TestMethods(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	for path, want := range map[string]string{predictPath: "POST, OPTIONS", healthPath: "GET, HEAD, OPTIONS", inferPath: "POST, OPTIONS"} {
		if a := r.ask(t, http.MethodOptions, path, nil); a.status != http.StatusNoContent || a.header.Get("Allow") != want {
			t.Errorf("OPTIONS %s: status %d, Allow %q, want %q", path, a.status, a.header.Get("Allow"), want)
		}
		if a := r.ask(t, http.MethodDelete, path, nil); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != want {
			t.Errorf("DELETE %s: status %d, Allow %q, want %q", path, a.status, a.header.Get("Allow"), want)
		}
	}
	if a := r.ask(t, http.MethodOptions, "/nowhere", nil); a.status != http.StatusNotFound {
		t.Errorf("OPTIONS of no endpoint: status %d", a.status)
	}
	if a := r.ask(t, http.MethodHead, healthPath, nil); a.status != http.StatusOK || len(a.body) != 0 || a.header.Get("Content-Type") != jsonType {
		t.Errorf("HEAD: status %d, type %q, body %q", a.status, a.header.Get("Content-Type"), a.body)
	}
}

// A client that waits for leave to send its body gets it, or the answer that makes the body needless.
func TestExpectContinue(t *testing.T) {
	r := start(t, testConfig(), &servingtest.Predictor{})
	picture := servingtest.PNG(t, servingtest.Red)
	for length, want := range map[int]string{len(picture): "HTTP/1.1 100 ", 1 << 30: "HTTP/1.1 413 "} {
		conn := dial(t, r)
		fmt.Fprintf(conn, "POST /predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", length)
		status, err := conn.reader.ReadString('\n')
		if err != nil || !strings.HasPrefix(status, want) {
			t.Fatalf("%d bytes: %q, error %v, want %s", length, status, err, want)
		}
		if length > len(picture) {
			continue
		}
		if _, err := conn.reader.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(picture); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(conn.reader, nil)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("answer %v, error %v", response, err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Error(err)
		}
		response.Body.Close()
	}
}

// Pages of other origins read answers only where the configuration names them.
func TestCORS(t *testing.T) {
	for name, tc := range map[string]struct {
		origins []string
		want    string
	}{
		"off": {}, "named": {origins: []string{"https://pets.example"}, want: "https://pets.example"}, "another": {origins: []string{"https://other.example"}}, "all": {origins: []string{"*"}, want: "*"},
	} {
		t.Run(name, func(t *testing.T) {
			config := testConfig()
			config.CORSOrigins = tc.origins
			r := start(t, config, &servingtest.Predictor{})
			const allowed = "Access-Control-Allow-Origin"
			if a := r.get(t, healthPath, "Origin", "https://pets.example"); a.status != 200 || a.header.Get(allowed) != tc.want {
				t.Errorf("answer %d, %s %q, want %q", a.status, allowed, a.header.Get(allowed), tc.want)
			}
			preflight := r.ask(t, http.MethodOptions, predictPath, nil,
				"Origin", "https://pets.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
			if preflight.status != http.StatusNoContent || preflight.header.Get(allowed) != tc.want {
				t.Errorf("preflight: %d, %s %q, want %q", preflight.status, allowed, preflight.header.Get(allowed), tc.want)
			}
		})
	}
}
