// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/dvc/dvctest"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// pets makes a folder of class folders, whose files are named by what they hold.
func pets(t *testing.T) (dir string, want map[string]string) {
	t.Helper()
	dir, want = t.TempDir(), map[string]string{}
	for _, name := range []string{"cat/1.jpg", "cat/2.jpg", "dog/1.jpg"} {
		want[name] = "picture " + name
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(want[name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, want
}

// list opens a dataset of DVC and reads all of it.
func list(t *testing.T, d contract.Dataset) (dataset.Listing, map[string]string, error) {
	t.Helper()
	store, err := fetch.Open(t.Context(), t.TempDir(), fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	src, provenance, err := Open(t.Context(), d, Options{Store: store, Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Provenance{Kind: contract.SourceDVC, Location: contract.DatasetLocation(d)}); provenance != want {
		t.Errorf("provenance %+v, want %+v", provenance, want)
	}
	listing, err := src.List(t.Context())
	if err != nil {
		return listing, nil, err
	}
	files := map[string]string{}
	for _, f := range listing.Files {
		data, err := src.Read(t.Context(), f.Name, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(data)
	}
	return listing, files, nil
}

func TestDVCOfAFolder(t *testing.T) {
	dir, want := pets(t)
	repo, revision := dvctest.New(t, dir, t.TempDir())
	listing, got, err := list(t, contract.Dataset{DVC: &contract.DVC{Repo: "file://" + repo, Path: dvctest.Path}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" || listing.Revision != revision || len(listing.Warnings) != 0 {
		t.Errorf("revision %q, want %q; warnings %q; files (-want +got):\n%s", listing.Revision, revision, listing.Warnings, diff)
	}
}

func TestDVCSaysThatItTookTheOtherLayout(t *testing.T) {
	dir, want := pets(t)
	objects := t.TempDir()
	repo, _ := dvctest.New(t, dir, objects)
	for _, prefix := range glob(t, filepath.Join(objects, "files", "md5", "*")) { // as DVC 2 has them
		if err := os.Rename(prefix, filepath.Join(objects, filepath.Base(prefix))); err != nil {
			t.Fatal(err)
		}
	}
	listing, got, err := list(t, contract.Dataset{DVC: &contract.DVC{Repo: repo, Path: dvctest.Path, Remote: dvctest.Remote}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if len(listing.Warnings) != 1 || !strings.Contains(listing.Warnings[0], `DVC's remote "storage" has objects in the layout of another version`) {
		t.Errorf("warnings %q, want one of the remote", listing.Warnings)
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	return found
}

// The remote of a real S3 server is read with the dataset's credentials, with those of DVC's configuration, and refused by a
// kind that says who has to act.
func TestDVCOfS3(t *testing.T) {
	server := peers.StartS3(t, "data")
	dir, want := pets(t)
	make := func(keys ...string) *contract.DVC {
		repo, _ := dvctest.New(t, dir, filepath.Join(server.Dir, "data", "pets"), keys...)
		return &contract.DVC{Repo: repo, Path: dvctest.Path}
	}
	endpoint := "endpointurl = " + server.Endpoint()
	kept := make("url = s3://data/pets", endpoint)
	stranger := t.TempDir()
	for key, value := range map[string]string{"AWS_ACCESS_KEY_ID": "stranger", "AWS_SECRET_ACCESS_KEY": "secret"} {
		if err := os.WriteFile(filepath.Join(stranger, key), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	user, secret := server.Keys()
	for name, tc := range map[string]struct {
		dvc         *contract.DVC
		credentials string
		kind        error
	}{
		"credentials":           {kept, server.Credentials, nil},
		"of DVC":                {make("url = s3://data/pets", endpoint, "access_key_id = "+user, "secret_access_key = "+secret), "", nil},
		"of DVC, and Git's own": {make("url = s3://data/pets", endpoint, "access_key_id = "+user, "secret_access_key = "+secret), t.TempDir(), nil},
		"strange credentials":   {kept, stranger, dataset.ErrCredentials},
		"no such bucket":        {make("url = s3://other/pets", endpoint), server.Credentials, dataset.ErrNotFound},
		"nothing was pushed":    {make("url = s3://data/cats", endpoint), server.Credentials, dataset.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_REGION", "us-east-1")
			_, got, err := list(t, contract.Dataset{DVC: tc.dvc, Access: contract.Access{Credentials: tc.credentials}})
			if tc.kind != nil {
				if !errors.Is(err, tc.kind) || strings.Contains(err.Error(), "secret") {
					t.Errorf("got %v, want %v", err, tc.kind)
				}
				return
			}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v; files (-want +got):\n%s", err, diff)
			}
		})
	}
}

// A run whose remote has broken down starts from its cache, and knows its commit.
func TestDVCFromTheCache(t *testing.T) {
	if testing.Short() {
		t.Skip("a remote is asked for half a minute before it is given up")
	}
	t.Setenv("AWS_REGION", "us-east-1")
	server := peers.StartS3(t, "data")
	var broken atomic.Bool
	seen := server.Through(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if broken.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	dir, _ := pets(t)
	repo, revision := dvctest.New(t, dir, filepath.Join(server.Dir, "data", "pets"), "url = s3://data/pets", "endpointurl = "+seen.Endpoint())
	d := contract.Dataset{DVC: &contract.DVC{Repo: repo, Path: dvctest.Path}, Access: contract.Access{Credentials: server.Credentials}}
	cache := t.TempDir()
	for _, want := range []int{0, 1} { // warnings
		store, err := fetch.Open(t.Context(), cache, fetch.Options{Field: "dataset.cache"})
		if err != nil {
			t.Fatal(err)
		}
		src, _, err := Open(t.Context(), d, Options{Store: store, Scratch: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		listing, err := src.List(t.Context())
		if err != nil || len(listing.Files) != 3 || len(listing.Warnings) != want || listing.Revision != revision {
			t.Fatalf("%d files, revision %q, want %q, warnings %q, %v", len(listing.Files), listing.Revision, revision, listing.Warnings, err)
		}
		broken.Store(true)
	}
}
