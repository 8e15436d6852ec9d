// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// serviceAccount is the JSON key of a service account of Google's that gets its tokens from an address.
func serviceAccount(t *testing.T, tokens string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "trainer@pets.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": tokens,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A store that doesn't work is asked once: its callers have their own patience, and an SDK's would multiply it.
func TestAStoreIsAskedOnce(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/tokens" {
			giveToken(w)
			return
		}
		requests.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(server.Close)
	address := strings.TrimPrefix(server.URL, "http://")
	t.Setenv("STORAGE_EMULATOR_HOST", address)
	t.Setenv("AZURE_STORAGE_IS_LOCAL_EMULATOR", "true")
	cases := map[string]struct{ uri, credentials string }{
		"S3":     {"s3://models/a?endpoint=" + server.URL + "&use_path_style=true", peers.KeyFolder(t, map[string]string{"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret"})},
		"Google": {"gs://models/a", peers.KeyFolder(t, map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": serviceAccount(t, server.URL+"/tokens")})},
		"Azure": {"azblob://models/a?protocol=http&domain=" + address, peers.KeyFolder(t, map[string]string{
			"AZURE_STORAGE_ACCOUNT": "pets", "AZURE_STORAGE_KEY": base64.StdEncoding.EncodeToString([]byte("secret")),
		})},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			bucket, err := Open(t.Context(), tc.uri, contract.Access{Credentials: tc.credentials})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = bucket.Close() })
			for action, do := range map[string]func() error{
				"open":  func() error { _, err := bucket.Open(t.Context(), "x"); return err },
				"list":  func() error { _, err := bucket.List(t.Context(), "x", 10); return err },
				"write": func() error { return put(t, bucket, "x", true, []byte("x")) },
			} {
				requests.Store(0)
				if err := do(); err == nil || requests.Load() != 1 {
					t.Errorf("%s: %d requests, want 1; error %v", action, requests.Load(), err)
				}
			}
		})
	}
}
