// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
	"github.com/trainyard-dev/trainyard/test/peers"
)

var run = contract.Run{Name: "pets", UID: "0123456789"}

// artifactFolder makes an artifact whose model is more than a part of an upload.
func artifactFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	model := filepath.Join(dir, contract.ModelFile)
	if err := os.WriteFile(model, bytes.Repeat([]byte("0123456789abcdef"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	digest, size, err := artifact.FileDigest(model)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := json.Marshal(contract.Manifest{
		Version: contract.Version, Run: run, Files: []contract.File{{Path: contract.ModelFile, SHA256: digest, SizeBytes: size}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, contract.ManifestFile), manifest, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// opened opens a store at an address that stands for the server's, and returns what its log will have as well.
func opened(t *testing.T, address, credentials string) (*Store, *bytes.Buffer) {
	t.Helper()
	parameters := url.Values{"endpoint": {address}, "use_path_style": {"true"}, "region": {"us-east-1"}}
	log := &bytes.Buffer{}
	store, err := Open(t.Context(), contract.Output{URI: "s3://models/team?" + parameters.Encode(), Access: contract.Access{Credentials: credentials}}, run, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store, log
}

// A connection that breaks in the middle of an upload costs that upload: the next one is whole, and nothing of the first stays.
func TestPublishAfterABrokenUpload(t *testing.T) {
	server := peers.StartS3(t, "models")
	var parts, broken atomic.Int32
	cut := server.Through(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("partNumber") && parts.Add(1) == 2 {
				broken.Add(1)
				panic(http.ErrAbortHandler) // breaks the connection
			}
			next.ServeHTTP(w, r)
		})
	})

	dir := artifactFolder(t)
	store, log := opened(t, cut.Endpoint(), server.Credentials)
	if err := store.Publish(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); strings.Count(text, "Trying again") != 1 || !strings.Contains(text, "attempt=1") {
		t.Errorf("the log is\n%s", text)
	}
	if broken.Load() != 1 {
		t.Fatalf("%d connections were broken, want one: the upload had %d parts", broken.Load(), parts.Load())
	}
	published := filepath.Join(server.Dir, "models", "team", contract.ArtifactName(run))
	if _, err := artifact.ReadManifest(published); err != nil {
		t.Errorf("what is published is damaged: %v", err)
	}
	if manifest, err := store.Published(t.Context()); err != nil || manifest.Run != run {
		t.Errorf("published %+v, error %v", manifest, err)
	}
	err := filepath.WalkDir(filepath.Join(server.Dir, "models", ".sgwtmp"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			t.Errorf("the server keeps %s of the broken upload", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A store without room says so, whatever word it has for it, and is asked once: the pod is tried again later.
func TestPublishToAFullStore(t *testing.T) {
	keys := t.TempDir()
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret"} {
		if err := os.WriteFile(filepath.Join(keys, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := artifactFolder(t)
	for code, status := range map[string]int{"QuotaExceeded": http.StatusForbidden, "XMinioStorageFull": http.StatusInsufficientStorage, "": http.StatusInsufficientStorage} {
		t.Run(fmt.Sprintf("%d %s", status, code), func(t *testing.T) {
			var uploads atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					uploads.Add(1)
				}
				w.WriteHeader(status)
				if code != "" {
					fmt.Fprintf(w, "<Error><Code>%s</Code><Message>full</Message></Error>", code)
				}
			}))
			t.Cleanup(server.Close)
			store, log := opened(t, server.URL, keys)
			err := store.Publish(t.Context(), dir)
			if text := log.String(); text != "" {
				t.Errorf("the log is\n%s", text)
			}
			if !errors.Is(err, objectstore.ErrFull) || !strings.Contains(err.Error(), "make room") || uploads.Load() != 1 {
				t.Errorf("error %v after %d uploads, want one that says how to make room", err, uploads.Load())
			}
		})
	}
}

// A store that isn't reached is asked four times, and the error says so.
func TestStoreThatIsNotReached(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	before := patience
	patience.First = 0 // no pauses
	t.Cleanup(func() { patience = before })
	store, log := opened(t, server.URL, peers.KeyFolder(t, map[string]string{"AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "secret"}))
	_, err := store.Published(t.Context())
	if err == nil || !strings.Contains(err.Error(), "tried 4 times") || strings.Count(log.String(), "Trying again") != 3 {
		t.Errorf("error %v, and the log is\n%s", err, log)
	}
}
