// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset/bucket"
	"github.com/trainyard-dev/trainyard/internal/dataset/fetch"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// datasetInBucket is a server with the pictures of folderConfig in the bucket datasets.
func datasetInBucket(t *testing.T) *peers.S3 {
	t.Helper()
	server := peers.StartS3(t, "datasets")
	store, err := objectstore.Open(t.Context(), server.URI("datasets/pets"), contract.Access{Credentials: server.Credentials})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	root := folder(t, 20)
	files, err := filepath.Glob(filepath.Join(root, "*", "*"))
	if err != nil || len(files) < 40 {
		t.Fatalf("pictures are %v, %v", files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err == nil {
			err = store.Write(t.Context(), strings.TrimPrefix(filepath.ToSlash(file), filepath.ToSlash(root)+"/"), true, func(w io.Writer) error {
				_, err := w.Write(content)
				return err
			})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return server
}

// fetchedConfig is smallConfig for the pictures of a server, kept in a folder.
func fetchedConfig(t *testing.T, server *peers.S3, cache contract.Cache) contract.TrainConfig {
	t.Helper()
	cfg := smallConfig(t.TempDir())
	cfg.Training.Epochs = 1
	cfg.Dataset.Generated = nil
	cfg.Dataset.URI, cfg.Dataset.Credentials = server.URI("datasets/pets"), server.Credentials
	cfg.Dataset.Cache = cache
	return cfg
}

// A place that doesn't answer well is asked again, and the log says so meanwhile.
func TestAPlaceThatIsAskedAgainIsInTheLog(t *testing.T) {
	server := datasetInBucket(t)
	var asked atomic.Int64
	seen := server.Through(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	run := newRun(fetchedConfig(t, seen, contract.Cache{}))
	log := &bytes.Buffer{}
	run.Log = newLog(log)
	mustDo(t, run)
	if text := log.String(); strings.Count(text, "Trying again") != 1 || !strings.Contains(text, "place=s3://datasets/pets attempt=1") {
		t.Errorf("the log is\n%s", text)
	}
}

// A run whose dataset is in the cache reads none of it from the network, is the same run as one without a cache, and has
// released what it used once it is over.
func TestCachedDataset(t *testing.T) {
	server := datasetInBucket(t)
	var reads atomic.Int64
	seen := server.Through(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "" {
				reads.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	})
	cache := contract.Cache{Path: filepath.Join(t.TempDir(), "cache"), MaxBytes: 1 << 30}
	first := mustDo(t, newRun(fetchedConfig(t, seen, cache)))
	if reads.Load() == 0 {
		t.Fatal("nothing was fetched")
	}
	reads.Store(0)
	recorded := &recorder{}
	second := mustDo(t, newRun(fetchedConfig(t, seen, cache), recorded))
	if reads.Load() != 0 {
		t.Errorf("%d objects were read again", reads.Load())
	}
	var fetched Fetching
	var scanned Scanning
	for _, event := range recorded.events {
		switch e := event.(type) {
		case Fetching:
			fetched = e
		case Scanning:
			scanned = e
		}
	}
	if want := int64(first.Dataset.Samples); fetched.Kept != want || fetched.TotalFiles != 0 || scanned.Files != want || scanned.Bytes == 0 {
		t.Errorf("told of %+v and %+v, want %d files kept and scanned", fetched, scanned, want)
	}
	if first.Model.SHA256 != second.Model.SHA256 || first.Dataset.Digest != second.Dataset.Digest {
		t.Errorf("another model from the cache: %+v, %+v", first, second)
	}
	if leases, err := os.ReadDir(filepath.Join(cache.Path, "leases")); err != nil || len(leases) > 0 {
		t.Errorf("still in use after the run: %v, %v", leases, err)
	}
	with, without := fetchedConfig(t, seen, cache), fetchedConfig(t, seen, contract.Cache{})
	with.Run.UID, without.Run.UID = "", ""
	if Identify(with, "sha256:0") != Identify(without, "sha256:0") {
		t.Error("a run with a cache is another run")
	}
}

// A cache that has no room ends a run so that it is tried again; one that can never have it, so that a person mends it.
func TestCacheWithoutRoom(t *testing.T) {
	server := datasetInBucket(t)
	place, _, err := bucket.Open(t.Context(), server.URI("datasets/pets"), contract.Access{Credentials: server.Credentials})
	if err != nil {
		t.Fatal(err)
	}
	files, err := place.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all int64
	for _, file := range files {
		all += file.Size
	}
	cache := contract.Cache{Path: t.TempDir(), MaxBytes: all + 10}
	other, err := fetch.Open(t.Context(), cache.Path, fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	big := files[0]
	big.Hash, big.Version = fetch.Hash{}, "of another run"
	if _, err := other.Fetch(t.Context(), place, []fetch.File{big}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		cache contract.Cache
		code  int
		says  string
	}{
		"in use by another run":      {cache, contract.ExitTemporary, "raise dataset.cache.sizeLimit, which allows"},
		"smaller than the dataset":   {contract.Cache{Path: t.TempDir(), MaxBytes: all - 1}, contract.ExitConfig, "dataset.cache.sizeLimit allows"},
		"scratch space, too small":   {contract.Cache{MaxBytes: all - 1}, contract.ExitConfig, "dataset.cache.sizeLimit allows"},
		"a folder that can't be one": {contract.Cache{Path: os.DevNull}, contract.ExitConfig, "name a folder"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newRun(fetchedConfig(t, server, tc.cache)).Do(t.Context())
			if exitCode(err) != tc.code || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("exits %d: %v, want %d: %s", exitCode(err), err, tc.code, tc.says)
			}
		})
	}
}
