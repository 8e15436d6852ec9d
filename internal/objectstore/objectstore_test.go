// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package objectstore

import (
	"bytes"
	"crypto/md5"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/peers"
)

func opened(t *testing.T, uri, credentials string) *Bucket {
	t.Helper()
	bucket, err := Open(t.Context(), uri, contract.Access{Credentials: credentials})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	return bucket
}

func put(t *testing.T, bucket *Bucket, name string, isNew bool, content []byte) error {
	t.Helper()
	return bucket.Write(t.Context(), name, isNew, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// checkWrites writes x/one, twice, x/large and y/two, which are to be read as they were written and to replace nothing unasked,
// and fails to write x/half.
func checkWrites(t *testing.T, bucket *Bucket, large []byte) {
	t.Helper()
	for name, content := range map[string][]byte{"x/one": []byte("1"), "x/large": large, "y/two": []byte("2")} {
		if err := put(t, bucket, name, true, content); err != nil {
			t.Fatal(err)
		}
	}
	r, err := bucket.Open(t.Context(), "x/large")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, large) {
		t.Errorf("read %d bytes, error %v", len(got), err)
	}
	if err := put(t, bucket, "x/one", true, []byte("other")); !errors.Is(err, ErrExists) {
		t.Errorf("a new object in the place of one that exists: %v", err)
	}
	if err := put(t, bucket, "x/one", false, []byte("other")); err != nil {
		t.Error(err)
	}
	failed := errors.New("the disk is gone")
	if err := bucket.Write(t.Context(), "x/half", true, func(w io.Writer) error {
		_, _ = w.Write(large)
		return failed
	}); !errors.Is(err, failed) {
		t.Errorf("error %v, want that of the writer", err)
	}
}

func TestObjectsOfAnS3Server(t *testing.T) {
	server := peers.StartS3(t, "models")
	bucket := opened(t, server.URI("models/team/a"), server.Credentials)
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MiB: more than a part
	checkWrites(t, bucket, large)
	objects, err := bucket.List(t.Context(), "x/", 10)
	if err != nil || len(objects) != 2 || objects[0].Name != "x/large" || objects[1].Name != "x/one" {
		t.Errorf("listed %+v, error %v; want the two that were written whole", objects, err)
	}
	if _, err := bucket.List(t.Context(), "", 2); !errors.Is(err, ErrConfig) {
		t.Errorf("a listing beyond its bound: %v", err)
	}
	for range 2 {
		if err := bucket.Remove(t.Context(), "x/one"); err != nil {
			t.Error(err)
		}
	}
	if _, err := bucket.Open(t.Context(), "x/one"); !errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoBucket) {
		t.Errorf("error %v for an object that was removed", err)
	}
}

func TestWhatIsWrongWithABucket(t *testing.T) {
	server := peers.StartS3(t, "models")
	keys := func(id, secret string) string {
		dir := t.TempDir()
		for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret} {
			if value != "" {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		return dir
	}
	wrongRegion := strings.Replace(server.URI("models/a"), "us-east-1", "eu-west-9", 1)
	cases := map[string]struct {
		uri, credentials string
		want             error
		wantText         string
	}{
		"no such bucket":  {server.URI("nothing/a"), server.Credentials, ErrNoBucket, "create it"},
		"an unknown user": {server.URI("models/a"), keys("someone", "t0psecret"), ErrCredentials, "check the Secret"},
		"a wrong secret":  {server.URI("models/a"), keys("trainyard", "wr0ng-secret"), ErrCredentials, "check the Secret"},
		"a missing key":   {server.URI("models/a"), keys("trainyard", ""), ErrCredentials, "AWS_SECRET_ACCESS_KEY"},
		"another region":  {wrongRegion, server.Credentials, ErrRegion, "?region="},
		"no object":       {server.URI("models/a"), server.Credentials, ErrNotFound, "models/a/object"},
		"another scheme":  {"ftp://models/a", "", ErrConfig, "must begin with"},
		"a user name":     {"s3://me:hidden@models/a", "", ErrConfig, "without a user name"},
		"a parameter":     {"s3://models/a?profile=x", "", ErrConfig, `"profile"`},
		"no folder":       {server.URI("models/a"), "/nowhere", ErrConfig, "credentials"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			bucket, err := Open(t.Context(), tc.uri, contract.Access{Credentials: tc.credentials})
			if err == nil {
				_, err = bucket.Open(t.Context(), "object")
			}
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.wantText) {
				t.Errorf("error %v, want %v that says %q", err, tc.want, tc.wantText)
			}
			for _, secret := range []string{"wr0ng-secret", "t0psecret", "hidden"} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("error %v tells a secret", err)
				}
			}
		})
	}
}

// What a listing says of an object's content must be true: an ETag is no sum where S3 has encrypted by a key service.
func TestSumsOfEncryptedObjects(t *testing.T) {
	server := peers.StartS3(t, "datasets")
	content := []byte("meow")
	for name, tc := range map[string]struct {
		encryption string
		want       bool
	}{"plain": {"", true}, "S3's own keys": {"AES256", true}, "a key service": {"aws:kms", false}, "in two layers": {"aws:kms:dsse", false}} {
		t.Run(name, func(t *testing.T) {
			seen := server.Through(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if tc.encryption != "" {
						w.Header().Set("x-amz-server-side-encryption", tc.encryption)
					}
					next.ServeHTTP(w, r)
				})
			})
			bucket := opened(t, seen.URI("datasets/pets"), server.Credentials)
			if err := put(t, bucket, "cat.jpg", false, content); err != nil {
				t.Fatal(err)
			}
			listed, err := bucket.List(t.Context(), "", 10)
			if err != nil || len(listed) != 1 {
				t.Fatalf("listed %v, %v", listed, err)
			}
			one, err := bucket.Stat(t.Context(), "cat.jpg")
			if err != nil {
				t.Fatal(err)
			}
			sum := md5.Sum(content)
			for _, o := range []Object{listed[0], one} {
				if got := bytes.Equal(o.MD5, sum[:]); got != tc.want || !got && o.MD5 != nil || o.Version == "" || o.Size != 4 {
					t.Errorf("%+v", o)
				}
			}
		})
	}
}

// What a store's own client has to say stands in its error, and nowhere else: a log in JSON has no lines of others.
func TestClientsWriteNothingToStderr(t *testing.T) {
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(metadata.Close)
	for name, value := range map[string]string{
		"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.URL, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "HOME": t.TempDir(),
	} {
		t.Setenv(name, value)
	}
	written, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stderr
	os.Stderr = written
	bucket, err := Open(t.Context(), "s3://models?region=us-east-1&endpoint="+metadata.URL, contract.Access{})
	if err == nil {
		err = bucket.Remove(t.Context(), "model.onnx")
		_ = bucket.Close()
	}
	os.Stderr = before
	if !errors.Is(err, ErrCredentials) {
		t.Errorf("error %v, want one of the credentials", err)
	}
	if text, err := os.ReadFile(written.Name()); err != nil || len(text) > 0 {
		t.Errorf("stderr has %q, %v", text, err)
	}
	_ = written.Close()
}
