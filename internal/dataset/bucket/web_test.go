// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"archive/zip"
	"bytes"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// zipped packs files of the given names, each with its name as its content.
func zipped(t *testing.T, names ...string) []byte {
	t.Helper()
	files := map[string]string{}
	for _, name := range names {
		files[name] = name
	}
	return zippedFiles(t, files)
}

// zippedFiles packs files by their names.
func zippedFiles(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// webServer serves files over TLS to who has the token "secret", and returns its address and the access to it. Its
// certificate is of an authority of its own.
func webServer(t *testing.T, files map[string][]byte) (address string, access contract.Access) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, found := files[r.URL.Path]
		switch {
		case r.Header.Get("Authorization") != "Bearer secret":
			w.WriteHeader(http.StatusForbidden)
		case !found:
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = w.Write(file)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "ca.crt")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return server.URL, contract.Access{CABundle: bundle, Credentials: peers.KeyFolder(t, map[string]string{"token": "secret\n"})}
}

// opened opens a source whose files are kept in a folder.
func opened(t *testing.T, uri string, access contract.Access, cache string, layout folder.Layout) dataset.Source {
	t.Helper()
	place, isArchive, err := Open(t.Context(), uri, access)
	if err != nil {
		t.Fatal(err)
	}
	return kept(t, place, isArchive, cache, layout)
}

// kept is the source of a place whose files are kept in a folder.
func kept(t *testing.T, place fetch.Remote, isArchive bool, cache string, layout folder.Layout) dataset.Source {
	t.Helper()
	store, err := fetch.Open(t.Context(), cache, fetch.Options{Field: "dataset.cache"})
	if err != nil {
		t.Fatal(err)
	}
	if isArchive {
		return fetch.NewArchive(place, store, filepath.Join(t.TempDir(), "images"), layout)
	}
	return fetch.New(place, store, layout)
}

// listed lists a source and returns the names of its files, sorted.
func listed(t *testing.T, uri string, access contract.Access) ([]string, dataset.Source, error) {
	t.Helper()
	src := opened(t, uri, access, t.TempDir(), folder.Layout{})
	listing, err := src.List(t.Context())
	var names []string
	for _, file := range listing.Files {
		names = append(names, file.Name)
	}
	slices.Sort(names)
	return names, src, err
}

func TestArchiveOnAWebServer(t *testing.T) {
	packed := zipped(t, "pets/cat/0.jpg", "pets/cat/1.jpg", "pets/dog/0.jpg", "__MACOSX/x")
	address, access := webServer(t, map[string][]byte{"/pets": packed})
	got, src, err := listed(t, address+"/pets", access)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"cat/0.jpg", "cat/1.jpg", "dog/0.jpg"}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	data, err := src.Read(t.Context(), "dog/0.jpg", 100)
	if err != nil || string(data) != "pets/dog/0.jpg" {
		t.Errorf("read %q, %v", data, err)
	}
}

// An archive may hold a manifest instead of class folders.
func TestArchiveWithLabels(t *testing.T) {
	files := map[string]string{"pets/labels.csv": "path,label\nimages/0.jpg,cat\nimages/1.jpg,dog\n", "pets/images/0.jpg": "0", "pets/images/1.jpg": "1"}
	address, access := webServer(t, map[string][]byte{"/pets.zip": zippedFiles(t, files)})
	src := opened(t, address+"/pets.zip", access, t.TempDir(), folder.Layout{Labels: &contract.Labels{File: "labels.csv"}})
	listing, err := src.List(t.Context())
	want := []dataset.File{{Name: "images/0.jpg", Class: "cat"}, {Name: "images/1.jpg", Class: "dog"}}
	if diff := cmp.Diff(want, listing.Files); err != nil || diff != "" {
		t.Errorf("%v, files (-want +got):\n%s", err, diff)
	}
}

// Each cause is an error of its own kind, says what to do, and names nothing secret.
func TestWebServersThatDontGiveTheDataset(t *testing.T) {
	address, access := webServer(t, map[string][]byte{
		"/evil.zip": zipped(t, "cat/0.jpg", "../../evil"), "/page.zip": []byte("<html>"), "/one.zip": zipped(t, "cat/0.jpg"),
		"/flat.zip": zipped(t, "0.jpg"),
	})
	with := func(change func(*contract.Access)) contract.Access {
		changed := access
		change(&changed)
		return changed
	}
	for name, tc := range map[string]struct {
		path   string
		access contract.Access
		kind   error
		says   string
	}{
		"nothing there":  {"/other.zip", access, dataset.ErrNotFound, "404 Not Found: check the URI"},
		"hostile":        {"/evil.zip", access, dataset.ErrInvalid, `"../../evil" leads out of the folder`},
		"a page":         {"/page.zip", access, dataset.ErrInvalid, "neither a zip nor a tar"},
		"no class":       {"/flat.zip", access, dataset.ErrInvalid, "no class folders"},
		"no credentials": {"/one.zip", with(func(a *contract.Access) { a.Credentials = "" }), dataset.ErrCredentials, "403 Forbidden: check the Secret"},
		"a missing key": {
			"/one.zip", with(func(a *contract.Access) { a.Credentials = peers.KeyFolder(t, map[string]string{"TOKEN": "x"}) }), dataset.ErrCredentials,
			"the credentials hold neither token nor username and password",
		},
		"another token": {
			"/one.zip", with(func(a *contract.Access) { a.Credentials = peers.KeyFolder(t, map[string]string{"token": "hidden"}) }), dataset.ErrCredentials, "403 Forbidden",
		},
		"no such folder": {
			"/one.zip", with(func(a *contract.Access) { a.Credentials = filepath.Join(t.TempDir(), "nowhere") }), dataset.ErrConfig, "nowhere: no such file or directory",
		},
		"another authority": {"/one.zip", with(func(a *contract.Access) { a.CABundle = "" }), dataset.ErrUnreachable, "name the authority that has signed its certificate in caBundle"},
		"no certificate":    {"/one.zip", with(func(a *contract.Access) { a.CABundle = os.DevNull }), dataset.ErrConfig, "holds no certificate in PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := listed(t, address+tc.path, tc.access)
			if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("got %v, want %v: %s", err, tc.kind, tc.says)
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("a secret is told: %v", err)
			}
		})
	}
}

func TestURIsThatCantBeADataset(t *testing.T) {
	for _, uri := range []string{"ftp://host/pets", "oci://host/pets:v1", "https://user:hidden@host/pets.zip", "https://host/pets.zip?sig=hidden", "s3:///pets"} {
		_, _, err := Open(t.Context(), uri, contract.Access{})
		if !errors.Is(err, dataset.ErrConfig) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: %v", uri, err)
		}
	}
}
