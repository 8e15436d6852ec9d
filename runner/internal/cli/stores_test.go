// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"archive/zip"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// keyFolder makes a folder of credentials for an S3 server; one that is empty is left out.
func keyFolder(t *testing.T, id, secret string) string {
	t.Helper()
	keys := map[string]string{"AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret}
	maps.DeleteFunc(keys, func(_, value string) bool { return value == "" })
	return peers.KeyFolder(t, keys)
}

// What is wrong with a dataset in an object store has a reason that says what to do, in the result of a Job. None of it is
// tried again: the server is well.
func TestWhatIsWrongWithADatasetInAnObjectStore(t *testing.T) {
	server := peers.StartS3(t, "datasets")
	pets := server.URI("datasets/pets")
	cases := map[string]struct {
		uri, credentials string
		want             string
		says             []string
	}{
		"wrong key":      {pets, keyFolder(t, "trainyard", "wr0ng-secret"), contract.ReasonCredentialsInvalid, []string{"s3://datasets/pets", "SignatureDoesNotMatch", "check the Secret"}},
		"unknown user":   {pets, keyFolder(t, "nob0dy", "wr0ng-secret"), contract.ReasonCredentialsInvalid, []string{"s3://datasets/pets", "check the Secret"}},
		"missing key":    {pets, keyFolder(t, "trainyard", ""), contract.ReasonCredentialsInvalid, []string{"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}},
		"no bucket":      {server.URI("nothing/pets"), server.Credentials, contract.ReasonDatasetNotFound, []string{"s3://nothing/pets", "NoSuchBucket", "create it"}},
		"another region": {strings.Replace(pets, "us-east-1", "eu-west-9", 1), server.Credentials, contract.ReasonDatasetNotFound, []string{"wrong region", "?region="}},
		"empty prefix":   {pets, server.Credentials, contract.ReasonDatasetNotFound, []string{"there is nothing at s3://datasets/pets", "check the path"}},
		"no archive":     {server.URI("datasets/pets.zip"), server.Credentials, contract.ReasonDatasetNotFound, []string{"s3://datasets/pets.zip", "check the path"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			job(t, func(cfg *contract.TrainConfig) {
				cfg.Dataset.Generated, cfg.Dataset.URI, cfg.Dataset.Credentials = nil, tc.uri, tc.credentials
				cfg.Output.Path = dir
			})
			code, _, stderr := runner("train", "--listen=127.0.0.1:0", "--result="+filepath.Join(dir, "result.json"))
			result := readResult(t, dir)
			if code != contract.ExitDataset || result.Reason != tc.want {
				t.Errorf("exits %d, reason %s; want %d and %s\n%s", code, result.Reason, contract.ExitDataset, tc.want, stderr)
			}
			for _, says := range tc.says {
				if !strings.Contains(result.Message, says) {
					t.Errorf("message %q doesn't say %q", result.Message, says)
				}
			}
			for _, secret := range []string{"wr0ng-secret", "t0psecret"} {
				if strings.Contains(result.Message+result.LogTail+stderr, secret) {
					t.Errorf("a secret is told: %+v\n%s", result, stderr)
				}
			}
		})
	}
}

// packed writes a folder into a zip archive.
func packed(t *testing.T, folder, archive string) {
	t.Helper()
	file, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := zip.NewWriter(file)
	if err := w.AddFS(os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// The same pictures are the same dataset, wherever they lie.
func TestTrainOnAnObjectStore(t *testing.T) {
	server := peers.StartS3(t, "datasets")
	pictures := filepath.Join(server.Dir, "datasets", "pets")
	if code, _, stderr := runner("generate-data", "--out", pictures, "--samples-per-class=12", "--image-size=32"); code != contract.ExitOK {
		t.Fatalf("generate-data exits %d\n%s", code, stderr)
	}
	packed(t, pictures, filepath.Join(server.Dir, "datasets", "pets.zip"))
	trained := func(data string, more ...string) contract.TrainResult {
		t.Helper()
		dir := t.TempDir()
		args := append([]string{
			"train", "--data=" + data, "--image-size=32", "--architecture=SimpleCNN", "--epochs=1", "--batch-size=8", "--validation-percent=20", "--test-percent=20",
			"--output=" + filepath.Join(dir, "models"), "--result=" + filepath.Join(dir, "result.json"),
		}, more...)
		if code, _, stderr := runner(args...); code != contract.ExitOK {
			t.Fatalf("train exits %d\n%s", code, stderr)
		}
		return readResult(t, dir)
	}
	want := trained(pictures)
	for _, uri := range []string{server.URI("datasets/pets"), server.URI("datasets/pets.zip")} {
		got := trained(uri, "--data-credentials="+server.Credentials)
		if got.Dataset.Digest != want.Dataset.Digest || got.Dataset.Samples != want.Dataset.Samples {
			t.Errorf("%s: dataset %+v, want %+v", uri, got.Dataset, want.Dataset)
		}
	}
}

// A model that is in the bucket already isn't said to be in a folder that has no copy of it.
func TestModelThatABucketHasAlready(t *testing.T) {
	server := peers.StartS3(t, "models")
	trained := func(output string) (stdout string) {
		t.Helper()
		code, stdout, stderr := runner("train", "--samples-per-class=12", "--image-size=32", "--architecture=SimpleCNN", "--epochs=1", "--batch-size=8",
			"--validation-percent=20", "--test-percent=20", "--output="+output, "--out="+server.URI("models/pets"), "--out-credentials="+server.Credentials)
		if code != contract.ExitOK {
			t.Fatalf("train exits %d\n%s", code, stderr)
		}
		return stdout
	}
	first, second := t.TempDir(), t.TempDir()
	if stdout := trained(first); !strings.Contains(stdout, "model    "+first) || !strings.Contains(stdout, "report   "+first) {
		t.Errorf("the copy is not named:\n%s", stdout)
	}
	if stdout := trained(second); strings.Contains(stdout, second) || !strings.Contains(stdout, "model    s3://models/pets/") {
		t.Errorf("a model is named that isn't there, or the one of the bucket isn't:\n%s", stdout)
	}
}

// A server whose authority isn't known is a host that isn't reached: the Job tries again, and the result says what to do.
func TestDatasetOfAnUntrustedServer(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	for name, source := range map[string]contract.Dataset{
		"archive": {URI: server.URL + "/pets.zip"},
		"S3":      {URI: "s3://datasets/pets?endpoint=" + server.URL + "&use_path_style=true", Access: contract.Access{Credentials: keyFolder(t, "trainyard", "t0psecret")}},
		"DVC":     {DVC: &contract.DVC{Repo: server.URL + "/pets.git", Path: "data"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			job(t, func(cfg *contract.TrainConfig) {
				cfg.Dataset.Generated, cfg.Dataset.URI, cfg.Dataset.DVC, cfg.Dataset.Access = nil, source.URI, source.DVC, source.Access
				cfg.Output.Path = dir
			})
			code, _, stderr := runner("train", "--listen=127.0.0.1:0", "--result="+filepath.Join(dir, "result.json"))
			result := readResult(t, dir)
			if code != contract.ExitTemporary || result.Reason != contract.ReasonSourceUnreachable {
				t.Errorf("exits %d, reason %s; want %d and %s\n%s", code, result.Reason, contract.ExitTemporary, contract.ReasonSourceUnreachable, stderr)
			}
			for _, says := range []string{strings.TrimPrefix(server.URL, "https://"), "in caBundle"} {
				if !strings.Contains(result.Message, says) {
					t.Errorf("message %q doesn't say %q", result.Message, says)
				}
			}
		})
	}
}
