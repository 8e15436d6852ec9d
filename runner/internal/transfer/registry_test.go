// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

// startRegistry starts a registry and returns its address. With a password it wants that of the user "me".
func startRegistry(t *testing.T, password string) string {
	t.Helper()
	handler := registry.New(registry.Logger(log.New(logDiscard{}, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, given, ok := r.BasicAuth(); password != "" && (!ok || user != "me" || given != password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="models"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

type logDiscard struct{}

func (logDiscard) Write(p []byte) (int, error) { return len(p), nil }

// pushed pushes a folder with a model and its samples.
func pushed(t *testing.T, uri string, access contract.Access) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, dir, contract.ModelFile, modelContent)
	writeFile(t, dir, contract.SamplesFile, "samples")
	if err := os.Mkdir(filepath.Join(dir, "report"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, dir, "report/report.json", "{}")
	name, err := newTestClient(t).Push(t.Context(), dir, uri, access)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestArtifactsRoundTrip(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	address := startRegistry(t, "")
	byDigest := pushed(t, "oci://"+address+"/models/pets:v1", contract.Access{})
	if again := pushed(t, "oci://"+address+"/models/pets:v1", contract.Access{}); again != byDigest {
		t.Errorf("the same files pushed twice are %s and %s", byDigest, again)
	}
	cases := map[string]struct {
		uri, sha256 string
		want        string
		wantErr     error
		wantText    string
	}{
		"the model":         {uri: "oci://" + address + "/models/pets:v1", want: modelContent},
		"by its digest":     {uri: byDigest, sha256: digestOf(modelContent), want: modelContent},
		"the samples":       {uri: byDigest, sha256: digestOf("samples"), want: "samples"},
		"another file":      {uri: byDigest, sha256: digestOf("other"), wantErr: artifact.ErrDigest, wantText: `"model.onnx" (` + digestOf(modelContent)},
		"an unknown tag":    {uri: "oci://" + address + "/models/pets:v2", wantErr: ErrNotFound, wantText: "pets:v2"},
		"no registry there": {uri: "oci://127.0.0.1:1/models/pets:v1", wantText: "tried 4 times"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			_, err := newTestClient(t).Pull(t.Context(), contract.PullConfig{URI: tc.uri, Path: path, SHA256: tc.sha256})
			if tc.want == "" {
				if err == nil || tc.wantErr != nil && !errors.Is(err, tc.wantErr) || !strings.Contains(err.Error(), tc.wantText) {
					t.Errorf("error %v, want one that says %q", err, tc.wantText)
				}
				return
			}
			if got, readErr := os.ReadFile(path); err != nil || readErr != nil || string(got) != tc.want {
				t.Errorf("content %q, errors %v and %v; want %q", got, err, readErr, tc.want)
			}
		})
	}
}

func TestRegistryCredentials(t *testing.T) {
	const password = "p4ssword"
	address := startRegistry(t, password)
	config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, address, base64.StdEncoding.EncodeToString([]byte("me:"+password)))
	cases := map[string]struct {
		files   map[string]string
		wantErr error
	}{
		"user name and password":   {files: map[string]string{"username": "me", "password": password + "\n"}},
		"a Docker configuration":   {files: map[string]string{".dockerconfigjson": config}},
		"a wrong password":         {files: map[string]string{"username": "me", "password": "wr0ng"}, wantErr: ErrCredentials},
		"nothing of use":           {files: map[string]string{"other": "x"}, wantErr: ErrCredentials},
		"a broken configuration":   {files: map[string]string{".dockerconfigjson": "{"}, wantErr: ErrCredentials},
		"no credentials whatever":  {wantErr: ErrCredentials},
		"of the user's own Docker": {files: map[string]string{"config.json": config}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DOCKER_CONFIG", t.TempDir())
			folder := t.TempDir()
			for key, value := range tc.files {
				writeFile(t, folder, key, value)
			}
			access := contract.Access{Credentials: folder}
			if tc.files == nil || tc.files["config.json"] != "" {
				t.Setenv("DOCKER_CONFIG", folder)
				access = contract.Access{}
			}
			dir := t.TempDir()
			file := writeFile(t, dir, "pets.onnx", modelContent)
			_, err := newTestClient(t).Push(t.Context(), file, "oci://"+address+"/models/pets:v1", access)
			if !errors.Is(err, tc.wantErr) {
				t.Fatalf("error %v, want %v", err, tc.wantErr)
			}
			if err != nil {
				if strings.Contains(err.Error(), "wr0ng") || strings.Contains(err.Error(), password) {
					t.Errorf("error %v tells a secret", err)
				}
				return
			}
			path := filepath.Join(dir, "pulled.onnx")
			if _, err := newTestClient(t).Pull(t.Context(), contract.PullConfig{URI: "oci://" + address + "/models/pets:v1", Path: path, Access: access}); err != nil {
				t.Error(err)
			}
		})
	}
}
