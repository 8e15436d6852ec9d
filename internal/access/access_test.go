// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKey(t *testing.T) {
	folder := filepath.Dir(write(t, "token", []byte("secret\n")))
	for _, tc := range []struct {
		folder, name string
		maxBytes     int64
		want         string
	}{
		{folder, "token", 100, "secret\n"},
		{folder, "token", 3, "sec"},
		{folder, "password", 100, ""},
		{"", "token", 100, ""},
	} {
		if got, err := Key(tc.folder, tc.name, tc.maxBytes); err != nil || got != tc.want {
			t.Errorf("Key(%q, %q, %d) = %q, %v, want %q", tc.folder, tc.name, tc.maxBytes, got, err, tc.want)
		}
	}
	if _, err := Key(folder, ".", 100); err == nil {
		t.Error("a folder passed for a key")
	}
}

func TestBundleIsTrusted(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for name, tc := range map[string]struct {
		file    string
		trusted bool
	}{
		"its authority": {write(t, "ca.crt", certificate), true},
		"no bundle":     {"", false},
	} {
		bundle, err := Bundle(tc.file)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{}
		Trust(transport, bundle)
		response, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err == nil {
			response.Body.Close()
		}
		if trusted := err == nil; trusted != tc.trusted {
			t.Errorf("%s: trusted %v (%v), want %v", name, trusted, err, tc.trusted)
		}
	}
}

func TestBundleIsRefused(t *testing.T) {
	for file, want := range map[string]string{
		write(t, "ca.crt", []byte("no certificate")):   "holds no certificate in PEM",
		filepath.Join(t.TempDir(), "there is no such"): "read the CA bundle",
	} {
		if _, err := Bundle(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Bundle(%q): %v, want %q", file, err, want)
		}
	}
}
