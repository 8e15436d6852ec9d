// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/server/internal/httpapi"
)

func TestAccessFlags(t *testing.T) {
	short := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(short, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, flags := range map[string]accessFlags{
		"set both or neither":       {certificate: "tls.crt"},
		"must not be negative":      {rate: -1},
		"--tokens: ":                {tokens: short},
		"--tls-cert, --tls-key: ":   {certificate: short, key: short},
		"no such file or directory": {tokens: short + "-nowhere"},
	} {
		if err := flags.apply(&httpapi.Config{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", flags, err, want)
		}
	}
	var config httpapi.Config
	if err := (&accessFlags{}).apply(&config); err != nil || config.TLS != nil || config.Guards != (httpapi.Guards{}) {
		t.Errorf("without flags: %+v, %v", config, err)
	}
}

// The profiler is answered on the loopback address, and only while the server lives.
func TestProfiler(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if err := (&accessFlags{debugPort: port}).profile(ctx, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	response, err := http.Get("http://" + address + "/debug/pprof/cmdline") //nolint:noctx,gosec // the test's own
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK || len(body) == 0 {
		t.Errorf("status %d, %d bytes, error %v", response.StatusCode, len(body), err)
	}
}
