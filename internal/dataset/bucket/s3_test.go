// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package bucket

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset"
	"github.com/trainyard-dev/trainyard/internal/dataset/folder"
	"github.com/trainyard-dev/trainyard/internal/objectstore"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// counted returns a server as it is seen through a counter of the objects that are read.
func counted(t *testing.T, server *peers.S3) (*peers.S3, *atomic.Int64) {
	t.Helper()
	var count atomic.Int64
	return server.Through(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "" {
				count.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	}), &count
}

// upload puts files into the bucket datasets.
func upload(t *testing.T, server *peers.S3, files map[string][]byte) {
	t.Helper()
	bucket, err := objectstore.Open(t.Context(), server.URI("datasets"), contract.Access{Credentials: server.Credentials})
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	for name, content := range files {
		err := bucket.Write(t.Context(), name, true, func(w io.Writer) error {
			_, err := w.Write(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What is in the cache is not read from a bucket again, and what isn't or has rotten there is.
func TestBucketIsReadOnce(t *testing.T) {
	server := peers.StartS3(t, "datasets")
	upload(t, server, map[string][]byte{
		"pets/cat/0.jpg": []byte("cat 0"), "pets/cat/1.jpg": []byte("cat 1"), "pets/dog/0.jpg": []byte("dog 0"),
		"pets.zip": zipped(t, "cat/0.jpg", "dog/0.jpg"),
	})
	for name, wanted := range map[string]map[string]string{
		"pets":     {"cat/0.jpg": "cat 0", "cat/1.jpg": "cat 1", "dog/0.jpg": "dog 0"},
		"pets.zip": {"cat/0.jpg": "cat/0.jpg", "dog/0.jpg": "dog/0.jpg"},
	} {
		t.Run(name, func(t *testing.T) {
			seen, count := counted(t, server)
			cache := t.TempDir()
			check := func(reads int64) {
				t.Helper()
				count.Store(0)
				src := opened(t, seen.URI("datasets/"+name), contract.Access{Credentials: server.Credentials}, cache, folder.Layout{})
				listing, err := src.List(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]string{}
				for _, file := range listing.Files {
					data, err := src.Read(t.Context(), file.Name, 100)
					if err != nil {
						t.Fatal(err)
					}
					got[file.Name] = string(data)
				}
				if diff := cmp.Diff(wanted, got); diff != "" || count.Load() != reads {
					t.Errorf("%d objects were read, want %d; files (-want +got):\n%s", count.Load(), reads, diff)
				}
			}
			all, kept := int64(len(wanted)), len(wanted)
			if path.Ext(name) != "" { // an archive is kept with what is in it
				all, kept = 1, kept+1
			}
			check(all)
			check(0)
			objects, err := filepath.Glob(filepath.Join(cache, "objects", "*", "*", "*"))
			if err != nil || len(objects) != kept {
				t.Fatalf("the cache has %v, %v", objects, err)
			}
			for _, object := range objects {
				info, err := os.Stat(object)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(object, make([]byte, info.Size()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			check(all)
			check(0)
		})
	}
}

func TestBucketsThatDontGiveTheDataset(t *testing.T) {
	server := peers.StartS3(t, "datasets")
	upload(t, server, map[string][]byte{"pets/cat/0.jpg": []byte("cat"), "pets.zip": []byte("no zip")})
	for name, tc := range map[string]struct {
		uri         string
		credentials string
		kind        error
		says        string
	}{
		"no bucket":        {server.URI("data/pets"), server.Credentials, dataset.ErrNotFound, "check the bucket's name"},
		"an empty prefix":  {server.URI("datasets/cats"), server.Credentials, dataset.ErrNotFound, "there is nothing at s3://datasets/cats: check the path"},
		"no archive":       {server.URI("datasets/cats.zip"), server.Credentials, dataset.ErrNotFound, "cats.zip: not found"},
		"no bucket of one": {server.URI("data/cats.zip"), server.Credentials, dataset.ErrNotFound, "check the bucket's name"},
		"another secret": {
			server.URI("datasets/pets"), peers.KeyFolder(t, map[string]string{"AWS_ACCESS_KEY_ID": "trainyard", "AWS_SECRET_ACCESS_KEY": "hidden"}),
			dataset.ErrCredentials, "check the Secret with the credentials",
		},
		"a missing key": {
			server.URI("datasets/pets"), peers.KeyFolder(t, map[string]string{"AWS_ACCESS_KEY_ID": "trainyard"}), dataset.ErrCredentials,
			"the Secret must have the keys AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
		},
		"another region": {
			strings.Replace(server.URI("datasets/pets.zip"), "us-east-1", "eu-west-9", 1), server.Credentials, dataset.ErrNotFound, "wrong region",
		},
		"no class folders": {server.URI("datasets/pets/cat"), server.Credentials, dataset.ErrInvalid, "no class folders"},
		"no zip":           {server.URI("datasets/pets.zip"), server.Credentials, dataset.ErrInvalid, "neither a zip nor a tar"},
	} {
		t.Run(name, func(t *testing.T) {
			place, isArchive, err := Open(t.Context(), tc.uri, contract.Access{Credentials: tc.credentials})
			if err == nil {
				_, err = kept(t, place, isArchive, t.TempDir(), folder.Layout{}).List(t.Context())
			}
			if !errors.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("got %v, want %v: %s", err, tc.kind, tc.says)
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("a secret is told: %v", err)
			}
		})
	}
}
