// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// newTestClient doesn't wait between two attempts.
func newTestClient(t *testing.T) *Client {
	t.Helper()
	client := NewClient(slog.New(slog.DiscardHandler))
	client.patience.First = 0
	return client
}

func digestOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// writeFile writes a file of a test's folder and returns its path.
func writeFile(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// webServer serves over TLS and returns its certificate's file.
func webServer(t *testing.T, handler http.HandlerFunc) (address, certificate string) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return server.URL, writeFile(t, t.TempDir(), "ca.crt", string(encoded))
}

func expectOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("the folder holds %v, want %v", names, want)
	}
}

const modelContent = "not really a model"

func TestPullFromTheWeb(t *testing.T) {
	var requests atomic.Int32
	address, ca := webServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch n := requests.Add(1); {
		case r.URL.Path == "/flaky" && n < 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/cut" && n < 2:
			w.Header().Set("Content-Length", "18")
			_, _ = w.Write([]byte(modelContent[:5]))
		case r.URL.Path == "/down":
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path == "/away":
			http.Redirect(w, r, "http://127.0.0.1:1/model?token=hidden", http.StatusFound)
		case r.URL.Path == "/missing":
			http.NotFound(w, r)
		case r.URL.Path == "/private" && r.Header.Get("Authorization") != "Bearer s3cret":
			w.WriteHeader(http.StatusForbidden)
		default:
			_, _ = w.Write([]byte(modelContent))
		}
	})
	cases := map[string]struct {
		path, sha256 string
		token        string
		noCA         bool
		wantErr      error
		wantText     string
		wantRequests int32
	}{
		"a model":              {path: "/model", sha256: digestOf(modelContent), wantRequests: 1},
		"any model":            {path: "/model", wantRequests: 1},
		"busy for a while":     {path: "/flaky", sha256: digestOf(modelContent), wantRequests: 3},
		"cut off once":         {path: "/cut", sha256: digestOf(modelContent), wantRequests: 2},
		"with a token":         {path: "/private", token: "s3cret\n", sha256: digestOf(modelContent), wantRequests: 1},
		"with a wrong token":   {path: "/private", token: "wr0ng", wantErr: ErrCredentials, wantText: "check the Secret", wantRequests: 1},
		"empty credentials":    {path: "/private", token: " ", wantErr: ErrCredentials, wantText: "neither token nor username"},
		"not there":            {path: "/missing", wantErr: ErrNotFound, wantText: "/missing", wantRequests: 1},
		"another digest":       {path: "/model", sha256: digestOf("x"), wantErr: artifact.ErrDigest, wantText: digestOf("x"), wantRequests: 1},
		"down":                 {path: "/down", wantText: "502 Bad Gateway; tried 4 times", wantRequests: 4},
		"led to a plain place": {path: "/away", wantErr: ErrConfig, wantText: "unencrypted", wantRequests: 1},
		"unknown authority":    {path: "/model", noCA: true, wantText: "caBundle"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			requests.Store(0)
			dir := t.TempDir()
			file := contract.PullConfig{URI: address + tc.path, Path: filepath.Join(dir, "model.onnx"), SHA256: tc.sha256}
			if !tc.noCA {
				file.CABundle = ca
			}
			if tc.token != "" {
				file.Credentials = t.TempDir()
				writeFile(t, file.Credentials, "token", tc.token)
			}
			digest, err := newTestClient(t).Pull(t.Context(), file)
			if requests.Load() != tc.wantRequests {
				t.Errorf("%d requests, want %d", requests.Load(), tc.wantRequests)
			}
			if tc.wantErr == nil && tc.wantText == "" {
				if err != nil || digest != digestOf(modelContent) {
					t.Fatalf("digest %s, error %v", digest, err)
				}
				expectOnly(t, dir, "model.onnx")
				return
			}
			expectOnly(t, dir)
			if err == nil || tc.wantErr != nil && !errors.Is(err, tc.wantErr) || !strings.Contains(err.Error(), tc.wantText) {
				t.Errorf("error %v, want one that says %q", err, tc.wantText)
			}
			for _, secret := range []string{"hidden", "s3cret", "wr0ng"} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("error %v tells a secret", err)
				}
			}
		})
	}
}

func TestPullKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	path := writeFile(t, dir, "model.onnx", modelContent)
	file := contract.PullConfig{URI: "https://127.0.0.1:1/model", Path: path, SHA256: digestOf(modelContent)}
	if _, err := newTestClient(t).Pull(t.Context(), file); err != nil {
		t.Errorf("a file of the wanted digest is fetched again: %v", err)
	}
	file.SHA256 = digestOf("another")
	if _, err := newTestClient(t).Pull(t.Context(), file); err == nil {
		t.Error("no error though nothing could be fetched")
	}
	if have, _, _ := artifact.FileDigest(path); have != digestOf(modelContent) {
		t.Error("a failed pull has changed the file")
	}
}

// A folder can't be written to as if it were a file: nothing is asked for.
func TestPullIntoAFolder(t *testing.T) {
	dir := t.TempDir()
	_, err := newTestClient(t).Pull(t.Context(), contract.PullConfig{URI: "https://127.0.0.1:1/model", Path: dir})
	if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), dir+" is a folder") {
		t.Errorf("error %v", err)
	}
	expectOnly(t, dir)
}

// A pull that was killed leaves a part behind; the next one of another file removes it, unless somebody is writing it.
func TestPullRemovesWhatAKilledOneLeft(t *testing.T) {
	address, ca := webServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(modelContent)) })
	dir := t.TempDir()
	path := filepath.Join(dir, "model.onnx")
	writeFile(t, dir, ".other.onnx.partial-1", "not rea")
	inUse, err := createPartial(path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer inUse.discard()
	writeFile(t, dir, ".model.onnx.partial-1", "not rea")
	if _, err := newTestClient(t).Pull(t.Context(), contract.PullConfig{URI: address + "/model", Path: path, Access: contract.Access{CABundle: ca}}); err != nil {
		t.Fatal(err)
	}
	expectOnly(t, dir, filepath.Base(inUse.file.Name()), ".other.onnx.partial-1", "model.onnx")
}

func TestPullRefuses(t *testing.T) {
	for uri, want := range map[string]string{
		"ftp://host/model":               "unknown scheme",
		"https://me:pass@host/model":     "user name",
		"https://host/model?sig=secret":  "query",
		"s3:///model":                    "HOST/PATH",
		"s3://bucket/":                   "names no object",
		"s3://bucket/model?profile=root": `no parameter "profile"`,
		"oci://127.0.0.1:1/models":       "neither tag nor digest",
		"oci://127.0.0.1:1/m:v1?x=y":     "only parameter",
		"http://host/model":              "unknown scheme",
	} {
		t.Run(uri, func(t *testing.T) {
			_, err := newTestClient(t).Pull(t.Context(), contract.PullConfig{URI: uri, Path: filepath.Join(t.TempDir(), "m")})
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pass@") || strings.Contains(err.Error(), "secret") {
				t.Errorf("error %v, want one that says %q", err, want)
			}
		})
	}
}

// A server that goes silent is given up: the watchdog ends the read.
func TestStalledTransfersEnd(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	watch := &watchdog{timer: time.NewTimer(time.Hour), cancel: cancel}
	cancel(errStalled)
	if err := causeOf(ctx, context.Canceled); !errors.Is(err, errStalled) {
		t.Errorf("error %v, want what the watchdog says", err)
	}
	watch.stop()
}

func TestPullRefusesWhatIsNoSHA256(t *testing.T) {
	for _, sha256 := range []string{"abc", strings.ToUpper(digestOf(modelContent)), "sha256:" + digestOf(modelContent)} {
		_, err := newTestClient(t).Pull(t.Context(), contract.PullConfig{URI: "https://127.0.0.1:1/model", Path: filepath.Join(t.TempDir(), "model.onnx"), SHA256: sha256})
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "64 hexadecimal digits in lower case") {
			t.Errorf("of %q: error %v", sha256, err)
		}
	}
}
