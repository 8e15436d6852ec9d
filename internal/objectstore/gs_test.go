// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"bytes"
	"crypto/md5"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// giveToken answers as a server of Google's tokens does.
func giveToken(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"access_token": "token", "token_type": "Bearer", "expires_in": 3600}`))
}

// googleKeys is a folder with the key of a service account, whose tokens a server of the test gives.
func googleKeys(t *testing.T) string {
	t.Helper()
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { giveToken(w) }))
	t.Cleanup(tokens.Close)
	return peers.KeyFolder(t, map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": serviceAccount(t, tokens.URL)})
}

func TestObjectsOfGoogle(t *testing.T) {
	server := peers.StartGS(t, "models")
	t.Setenv("STORAGE_EMULATOR_HOST", server.Address)
	bucket := opened(t, "gs://models/team/a", googleKeys(t))
	large := bytes.Repeat([]byte("0123456789abcdef"), 2<<20) // more than a part of an upload
	checkWrites(t, bucket, large)
	objects, err := bucket.List(t.Context(), "x/", 10)
	if err != nil || len(objects) != 2 || objects[0].Name != "x/large" || objects[1].Name != "x/one" {
		t.Fatalf("listed %+v, error %v", objects, err)
	}
	if sum := md5.Sum([]byte("other")); !bytes.Equal(objects[1].MD5, sum[:]) || objects[1].Size != 5 || objects[1].Version == "" {
		t.Errorf("listed %+v", objects[1])
	}
	for range 2 {
		if err := bucket.Remove(t.Context(), "x/one"); err != nil {
			t.Error(err)
		}
	}
	if _, err := bucket.Open(t.Context(), "x/one"); !errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoBucket) {
		t.Errorf("error %v for an object that was removed", err)
	}
}

func TestWhatIsWrongWithGoogle(t *testing.T) {
	server := peers.StartGS(t, "models")
	t.Setenv("STORAGE_EMULATOR_HOST", server.Address)
	cases := map[string]struct {
		uri      string
		do       func(b *Bucket) error
		want     error
		wantText string
	}{
		"no object":                {"gs://models/a", func(b *Bucket) error { _, err := b.Open(t.Context(), "object"); return err }, ErrNotFound, "models/a/object"},
		"no bucket to list":        {"gs://nothing/a", func(b *Bucket) error { _, err := b.List(t.Context(), "", 10); return err }, ErrNoBucket, "create it"},
		"no bucket to write to":    {"gs://nothing/a", func(b *Bucket) error { return put(t, b, "object", false, []byte("x")) }, ErrNotFound, "gs://nothing/a/object"},
		"more objects than wanted": {"gs://models", func(b *Bucket) error { _, err := b.List(t.Context(), "", 1); return err }, ErrConfig, "more than 1 objects"},
	}
	keys := googleKeys(t)
	full := opened(t, "gs://models", keys)
	for _, name := range []string{"one", "two"} {
		if err := put(t, full, name, true, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := tc.do(opened(t, tc.uri, keys)); !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.wantText) {
				t.Errorf("error %v, want %v that says %q", err, tc.want, tc.wantText)
			}
		})
	}
}

// The bundle of certificates is for the server of tokens as well as for the store.
func TestCertificatesOfGoogle(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/tokens":
			giveToken(w)
		case r.Header.Get("Authorization") != "Bearer token":
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := peers.KeyFolder(t, map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": serviceAccount(t, server.URL+"/tokens")})
	client, err := googleClient(t.Context(), contract.Access{Credentials: keys, CABundle: bundle})
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Get(server.URL + "/object")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("status %d, want that of a request with a token", response.StatusCode)
	}
}
