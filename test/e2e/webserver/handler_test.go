// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/pem"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/trainyard-dev/trainyard/internal/dataset/dvc/dvctest"
)

// start starts the server and returns it with its certificate.
func start(t *testing.T) (server *httptest.Server, certificate []byte) {
	t.Helper()
	handler, err := newHandler(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server = httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	return server, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// ask sends a request and returns the answer's status and body.
func ask(t *testing.T, server *httptest.Server, method, path string, content []byte) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestFilesAndRegistry(t *testing.T) {
	server, _ := start(t)
	if status, body := ask(t, server, http.MethodPut, "/models/pets/model.onnx", []byte("a model")); status != http.StatusCreated {
		t.Fatalf("put: status %d, %s", status, body)
	}
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/models/pets/model.onnx":                  {http.StatusOK, "a model"},
		"/models/pets/other.onnx":                  {http.StatusNotFound, "404 page not found\n"},
		"/v2/":                                     {http.StatusOK, ""},
		"/git/pets.git/info/refs":                  {http.StatusForbidden, "only fetching is served\n"},
		"/git/x/info/refs?service=git-upload-pack": {http.StatusNotFound, "repository not found\n"},
	} {
		if status, body := ask(t, server, http.MethodGet, path, nil); status != want.status || body != want.body {
			t.Errorf("%s: status %d, %q; want %d, %q", path, status, body, want.status, want.body)
		}
	}
}

// A repository that was put file by file is cloned, with its history or without.
func TestRepositories(t *testing.T) {
	server, certificate := start(t)
	kept := t.TempDir()
	repo, revision := dvctest.New(t, kept, t.TempDir())
	files := os.DirFS(repo + "/.git")
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		ask(t, server, http.MethodPut, "/git/pets.git/"+name, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, depth := range map[string]int{"whole": 0, "without history": 1} {
		t.Run(name, func(t *testing.T) {
			repository, err := git.CloneContext(t.Context(), memory.NewStorage(), nil, &git.CloneOptions{URL: server.URL + "/git/pets.git", Depth: depth, CABundle: certificate})
			if err != nil {
				t.Fatal(err)
			}
			head, err := repository.Head()
			if err != nil || head.Hash().String() != revision {
				t.Fatalf("head %v, %v; want %s", head, err, revision)
			}
			commit, err := repository.CommitObject(head.Hash())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := commit.File(dvctest.Path + ".dvc"); err != nil {
				t.Error(err)
			}
		})
	}
}
