// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package httpapi

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/server/internal/guard"
	"github.com/trainyard-dev/trainyard/server/internal/serving/servingtest"
)

func TestTokens(t *testing.T) {
	const token = "0123456789abcdef"
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	config := testConfig()
	var err error
	if config.Guards.Tokens, err = guard.ReadTokens(path, config.Logger); err != nil {
		t.Fatal(err)
	}
	r := start(t, config, &servingtest.Predictor{})
	for _, path := range []string{healthPath, contract.LivePath, contract.ReadyPath} {
		if a := r.get(t, path); a.status != http.StatusOK {
			t.Errorf("a probe of %s: status %d", path, a.status)
		}
	}
	for _, path := range []string{"/", metricsPath, statsPath, logsPath, modelInfoPath, "/v2", "/openapi.json", "/nowhere", healthPath + "/x"} {
		a := r.get(t, path)
		if a.status != http.StatusUnauthorized || !strings.HasPrefix(a.header.Get("Www-Authenticate"), "Bearer") {
			t.Errorf("%s without a token: status %d", path, a.status)
		}
		if a := r.get(t, path, "Authorization", "Bearer "+token); a.status == http.StatusUnauthorized {
			t.Errorf("%s with the token: status %d", path, a.status)
		}
	}
	red := servingtest.PNG(t, servingtest.Red)
	if a := r.predict(t, red, contract.SmokeHeader, "1"); a.status != http.StatusUnauthorized {
		t.Errorf("a prediction without a token: status %d", a.status)
	}
	if a := r.predict(t, red, "Authorization", "Bearer "+token); a.status != http.StatusOK {
		t.Errorf("a prediction with the token: status %d", a.status)
	}
	text := string(r.get(t, metricsPath, "Authorization", "Bearer "+token).body)
	if want := `inference_requests_rejected_total{reason="unauthorized"} 9`; !strings.Contains(text, want) {
		t.Errorf("/metrics lacks %q", want)
	}
}

func TestRate(t *testing.T) {
	config := testConfig()
	config.Guards.Rate = guard.NewRate(0.001)
	r := start(t, config, &servingtest.Predictor{})
	red := servingtest.PNG(t, servingtest.Red)
	if a := r.predict(t, red); a.status != http.StatusOK {
		t.Errorf("the first: status %d", a.status)
	}
	a := r.predict(t, red)
	var p Problem
	a.decode(t, &p)
	if a.status != http.StatusTooManyRequests || p.Code != "too_many_requests" || len(a.header.Get("Retry-After")) < 3 {
		t.Errorf("the second: status %d, problem %+v, Retry-After %q", a.status, p, a.header.Get("Retry-After"))
	}
	if a := r.get(t, statsPath); a.status != http.StatusOK {
		t.Errorf("what is no post: status %d", a.status)
	}
}

func TestTLS(t *testing.T) {
	borrowed := httptest.NewUnstartedServer(nil) // for its certificate
	borrowed.StartTLS()
	defer borrowed.Close()
	config := testConfig()
	config.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: borrowed.TLS.Certificates}
	r := start(t, config, &servingtest.Predictor{})
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		client := borrowed.Client()
		transport, _ := client.Transport.(*http.Transport)
		transport = transport.Clone()
		transport.ForceAttemptHTTP2 = protocol == "HTTP/2.0"
		response, err := (&http.Client{Transport: transport}).Get(strings.Replace(r.url, "http:", "https:", 1) + healthPath) //nolint:noctx // the test's
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != http.StatusOK || response.Proto != protocol {
			t.Errorf("status %d by %s, want %s", response.StatusCode, response.Proto, protocol)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		transport.CloseIdleConnections()
	}
}
