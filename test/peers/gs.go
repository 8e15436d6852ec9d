// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// GS is a running fake-gcs-server, which speaks the protocol of Google's storage. It asks for no credentials.
type GS struct {
	// Address is where it listens, without TLS: the value of STORAGE_EMULATOR_HOST.
	Address string
}

// StartGS starts fake-gcs-server for a test, with the named buckets. Without the program, which `make test-gs` builds, the test
// is skipped.
func StartGS(t testing.TB, buckets ...string) *GS {
	t.Helper()
	program := filepath.Join(root(), "bin", "fake-gcs-server")
	if _, err := os.Stat(program); err != nil {
		t.Skip("fake-gcs-server, which this test needs, is missing: run `make test-gs`")
	}
	g := &GS{Address: freeAddress(t)}
	host, port := splitAddress(t, g.Address)
	startServer(t, exec.Command(program, "-backend", "memory", "-scheme", "http", "-host", host, "-port", port, "-public-host", g.Address, "-log-level", "error"), "fake-gcs-server", g.Address)
	for _, bucket := range buckets {
		response, err := http.Post("http://"+g.Address+"/storage/v1/b", "application/json", strings.NewReader(`{"name": "`+bucket+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Fatalf("make bucket %s: status %d", bucket, response.StatusCode)
		}
	}
	return g
}
