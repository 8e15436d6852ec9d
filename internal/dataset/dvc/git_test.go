// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package dvc

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5/memfs"

	"github.com/trainyard-dev/trainyard/internal/dataset"
)

// serve serves the repositories below a folder by Git's own server over HTTPS, to who knows the token, and returns the
// server's address and how to reach it.
func serve(t *testing.T, dir string) (address string, access Access) {
	t.Helper()
	program, err := exec.LookPath("git")
	if err != nil {
		t.Skip("Git is not installed")
	}
	backend := &cgi.Handler{Path: program, Args: []string{"http-backend"}, Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "the-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	access = Access{Credentials: t.TempDir(), CABundle: filepath.Join(t.TempDir(), "ca.crt"), Scratch: t.TempDir()}
	write(t, filepath.Join(access.Credentials, keyPassword), "the-token\n")
	write(t, access.CABundle, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	return server.URL, access
}

func TestRevisionsOverHTTPS(t *testing.T) {
	dir := unpack(t, "dvc3")
	address, access := serve(t, dir)
	_, here := readDataset(t, Location{Repo: filepath.Join(dir, "repo"), Rev: "v1.0", Path: "data/raw"})
	for name, rev := range map[string]string{"branch": "main", "tag": "v1.0", "tag of its own": "v1.2", "none": "", "commit": here.Revision, "reference": "refs/tags/v1.2"} {
		t.Run(name, func(t *testing.T) {
			d, err := Open(t.Context(), Location{Repo: address + "/repo/.git", Rev: rev, Path: "data/raw"}, access)
			if err != nil {
				t.Fatal(err)
			}
			if want := name == "tag" || name == "commit"; (d.Revision == here.Revision) != want {
				t.Errorf("revision %s, that of v1.0 is %s", d.Revision, here.Revision)
			}
			if found, err := d.tree.outs(".", "data/raw"); err != nil || len(found) != 1 {
				t.Errorf("outs %v, %v", found, err)
			}
			if _, err := d.List(t.Context()); !errors.Is(err, dataset.ErrInvalid) || !strings.Contains(err.Error(), "relative folder") {
				t.Errorf("got %v: a relative remote can't be reached from here", err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			if left, _ := os.ReadDir(access.Scratch); len(left) != 0 {
				t.Errorf("the clone is left behind: %v", left)
			}
		})
	}
}

func TestGitServersThatRefuse(t *testing.T) {
	dir := unpack(t, "dvc3")
	address, access := serve(t, dir)
	stranger := access
	stranger.Credentials = t.TempDir()
	write(t, filepath.Join(stranger.Credentials, keyPassword), "secret")
	unknown := access
	unknown.CABundle = ""
	for name, tc := range map[string]struct {
		repo, rev string
		access    Access
		kind      error
		says      string
	}{
		"credentials": {address + "/repo/.git", "main", stranger, dataset.ErrCredentials, "check the keys username and password"},
		"repository":  {address + "/other/.git", "main", access, dataset.ErrNotFound, "no such repository"},
		"revision":    {address + "/repo/.git", "v9", access, dataset.ErrNotFound, "no branch or tag of that name"},
		"commit":      {address + "/repo/.git", strings.Repeat("a", 40), access, dataset.ErrNotFound, "no branch, tag or commit"},
		"certificate": {address + "/repo/.git", "main", unknown, nil, "certificate signed by unknown authority"},
		"closed port": {"https://127.0.0.1:1/x", "main", access, nil, "127.0.0.1:1"},
		"SSH key":     {"ssh://git@127.0.0.1:1/x", "main", access, dataset.ErrCredentials, "needs the keys ssh-privatekey and known_hosts"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), Location{Repo: tc.repo, Rev: tc.rev, Path: "data/raw"}, tc.access)
			if err == nil || tc.kind != nil && !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %v that says %q", err, tc.kind, tc.says)
			}
			if left, _ := os.ReadDir(tc.access.Scratch); len(left) != 0 {
				t.Errorf("the clone is left behind: %v", left)
			}
		})
	}
}

// A remote on a web server is asked with the credentials, and only over HTTPS.
func TestWebRemote(t *testing.T) {
	files := with(nil)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch content, ok := files["remote"+r.URL.Path]; {
		case user != "u" || password != "p":
			w.WriteHeader(http.StatusForbidden)
		case !ok:
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = w.Write([]byte(content))
		}
	}))
	defer server.Close()
	files[".dvc/config"] = "[core]\nremote = store\n['remote \"store\"']\nurl = " + server.URL + "/\n"
	location := Location{Repo: commit(t, files), Path: "data"}
	access := Access{Credentials: t.TempDir(), CABundle: filepath.Join(t.TempDir(), "ca.crt")}
	write(t, access.CABundle, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	list := func() ([]File, error) {
		d, err := Open(t.Context(), location, access)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		return d.List(t.Context())
	}
	if _, err := list(); !errors.Is(err, dataset.ErrCredentials) || !strings.Contains(err.Error(), keyHTTPUser) {
		t.Errorf("without a password: got %v", err)
	}
	write(t, filepath.Join(access.Credentials, keyHTTPUser), "u")
	write(t, filepath.Join(access.Credentials, keyHTTPPassword), "p")
	if got, err := list(); err != nil || len(got) != 1 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestCloneIsBounded(t *testing.T) {
	limited := limitedFS(memfs.New(), 10)
	f, err := limited.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 10)); err != nil {
		t.Error(err)
	}
	if _, err := f.Write(make([]byte, 1)); !errors.Is(err, errCloneSize) {
		t.Errorf("got %v, want errCloneSize", err)
	}
}
