// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/test/peers"
)

// runnerFolder is where the runner is built when a test first needs it.
var runnerFolder string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "runner-")
	if err != nil {
		panic(err)
	}
	runnerFolder = folder
	code := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

var buildRunner = sync.OnceValues(func() (string, error) {
	program := filepath.Join(runnerFolder, pullProgram)
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, "../../runner")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released, whatever the test is built with
	out, err := build.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("build the runner: %w\n%s", err, out)
	}
	return program, err
})

// runnerOnPath puts the program that fetches on the PATH and returns where it is.
func runnerOnPath(t *testing.T) string {
	t.Helper()
	program, err := buildRunner()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", runnerFolder)
	return program
}

// placed is a model in a place, and how it is reached.
type placed struct {
	uri  string
	args []string
}

// onTheWeb serves a folder over TLS, with a certificate of its own.
func onTheWeb(t *testing.T, folder string) placed {
	t.Helper()
	server := httptest.NewUnstartedServer(http.FileServer(http.Dir(folder)))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "ca.crt")
	writeFile(t, bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	return placed{server.URL + "/" + contract.ModelFile, []string{"--ca-bundle", bundle}}
}

// inABucket puts a model into a bucket of an S3 server.
func inABucket(t *testing.T, model string) placed {
	t.Helper()
	server := peers.StartS3(t, "models")
	data, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(server.Dir, "models", "pets.onnx"), data)
	return placed{server.URI("models/pets.onnx"), []string{"--credentials", server.Credentials}}
}

// inARegistry pushes a model to a registry.
func inARegistry(t *testing.T, runner, model string) placed {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	uri := "oci://" + strings.TrimPrefix(server.URL, "http://") + "/models/pets:v1"
	if out, err := exec.Command(runner, "push", model, uri).CombinedOutput(); err != nil {
		t.Fatalf("push: %v\n%s", err, out)
	}
	return placed{uri: uri}
}

// servedDigest serves a model until it is ready, and returns the model's digest as the server states it.
func servedDigest(t *testing.T, args ...string) string {
	t.Helper()
	port := freePort(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	var stderr bytes.Buffer
	go func() {
		ended <- run(ctx, append([]string{"serve", "--address", "127.0.0.1", "--port", strconv.Itoa(port)}, args...), io.Discard, &stderr, Options{})
	}()
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	defer func() {
		stop()
		if code := <-ended; code != contract.ExitOK {
			t.Errorf("exit code %d\n%s", code, &stderr)
		}
	}()
	waitReady(t, url)
	response, err := http.Get(url + contract.ModelInfoPath)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var info struct {
		SHA256 string `json:"sha256"`
	}
	if err := json.NewDecoder(response.Body).Decode(&info); err != nil {
		t.Fatal(err)
	}
	return info.SHA256
}

func TestServeFetchesTheModel(t *testing.T) {
	p := publish(t, 1)
	runner := runnerOnPath(t)
	for name, place := range map[string]func(t *testing.T) placed{
		"web server":   func(t *testing.T) placed { return onTheWeb(t, filepath.Dir(p.model)) },
		"object store": func(t *testing.T) placed { return inABucket(t, p.model) },
		"registry":     func(t *testing.T) placed { return inARegistry(t, runner, p.model) },
	} {
		t.Run(name, func(t *testing.T) {
			cache, temporary := t.TempDir(), t.TempDir()
			t.Setenv("XDG_CACHE_HOME", cache)
			t.Setenv("TMPDIR", temporary)
			place := place(t)
			args := slices.Concat(place.args, []string{"--model", place.uri})
			if got := servedDigest(t, args...); got != p.modelDigest {
				t.Errorf("serves %s, want %s", got, p.modelDigest)
			}
			if left, _ := filepath.Glob(filepath.Join(temporary, "trainyard-*")); len(left) > 0 {
				t.Errorf("the server has left %v behind", left)
			}
			if got := servedDigest(t, append(args, "--sha256", p.modelDigest)...); got != p.modelDigest {
				t.Errorf("with a digest, serves %s, want %s", got, p.modelDigest)
			}
			if kept := filepath.Join(cache, "trainyard", "models", p.modelDigest+".onnx"); digestOf(t, kept) != p.modelDigest {
				t.Errorf("%s is another model", kept)
			}
		})
	}
	t.Run("of the cache", func(t *testing.T) {
		cache := t.TempDir()
		t.Setenv("XDG_CACHE_HOME", cache)
		data, err := os.ReadFile(p.model)
		if err != nil {
			t.Fatal(err)
		}
		kept := filepath.Join(cache, "trainyard", "models", p.modelDigest+".onnx")
		if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, kept, data)
		if got := servedDigest(t, "--model", "https://127.0.0.1:1/model.onnx", "--sha256", p.modelDigest); got != p.modelDigest {
			t.Errorf("serves %s, want the model of the cache, %s", got, p.modelDigest)
		}
	})
}

func TestModelsThatCantBeFetched(t *testing.T) {
	p := publish(t, 1)
	web := onTheWeb(t, filepath.Dir(p.model))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	nowhere := t.TempDir()
	cases := map[string]struct {
		uri     string
		args    []string
		without bool // the program that fetches
		want    int
		reason  string
		says    []string
	}{
		"no program":     {uri: web.uri, without: true, want: contract.ExitConfig, reason: contract.ReasonConfigInvalid, says: []string{"the program runner", "install it", "--model"}},
		"unknown scheme": {uri: "ftp://host/model.onnx", want: contract.ExitConfig, reason: contract.ReasonConfigInvalid, says: []string{`"ftp://host/model.onnx"`, "use s3, gs"}},
		"a password":     {uri: "https://me:hidden@host/model.onnx", want: contract.ExitConfig, reason: contract.ReasonConfigInvalid, says: []string{"credentials"}},
		"another digest": {uri: web.uri, args: []string{"--sha256", p.samplesDigest}, want: contract.ExitArtifact, reason: contract.ReasonArtifactInvalid, says: []string{p.modelDigest, p.samplesDigest}},
		"not there":      {uri: web.uri + "x", want: contract.ExitTemporary, says: []string{"model.onnxx", "not found"}},
		"no certificate": {uri: web.uri, args: []string{"--ca-bundle", filepath.Join(nowhere, "ca.crt")}, want: contract.ExitConfig, reason: contract.ReasonConfigInvalid, says: []string{"ca.crt"}},
		"no credentials": {uri: web.uri, args: []string{"--credentials", nowhere}, want: contract.ExitTemporary, says: []string{"neither token nor username"}},
	}
	runnerOnPath(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if tc.without {
				t.Setenv("PATH", nowhere)
			}
			code, left, stderr := result(t, Options{}, slices.Concat([]string{"serve", "--model", tc.uri}, web.args, tc.args)...)
			var got contract.ServeResult
			if err := contract.DecodeResult(left, &got); err != nil {
				t.Fatalf("termination log %q: %v", left, err)
			}
			if code != tc.want || got.Reason != tc.reason {
				t.Errorf("exit code %d, reason %q; want %d and %q\n%s", code, got.Reason, tc.want, tc.reason, stderr)
			}
			for _, says := range tc.says {
				if !strings.Contains(got.Message, says) {
					t.Errorf("message %q doesn't say %q", got.Message, says)
				}
			}
			if strings.Contains(stderr, "hidden") || strings.Contains(got.Message, "hidden") {
				t.Errorf("a password is told: %s", stderr)
			}
		})
	}
}

// However long the lines are that the program logs, it is read to its end, and its last word is the error.
func TestLongLinesOfTheProgramThatFetches(t *testing.T) {
	folder := t.TempDir()
	program := filepath.Join(folder, pullProgram)
	script := fmt.Sprintf("#!/bin/sh\nprintf '%%0%dd\\nafter it\\n%s: the cause\\n' 0 >&2\nexit %d\n", 4*maxLogLine, pullProgram, contract.ExitConfig)
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // ends a program that isn't read
	defer cancel()
	err := (&fetcher{log: &log}).pull(ctx, program, "https://host/model.onnx", filepath.Join(folder, "model.onnx"), "")
	var exit *exitError
	if !errors.As(err, &exit) || exit.code != contract.ExitConfig || !strings.HasSuffix(err.Error(), "pull: the cause") {
		t.Errorf("error %v, want exit code %d and the cause", err, contract.ExitConfig)
	}
	if got, want := log.String(), strings.Repeat("0", maxLogLine)+"\nafter it\n"; got != want {
		t.Errorf("%d bytes are logged that end in %q, want %d", len(got), got[max(len(got)-20, 0):], len(want))
	}
}

// A server that is stopped while it fetches ends as one that serves does.
func TestStoppedWhileItFetches(t *testing.T) {
	runnerOnPath(t)
	asked := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		close(asked)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "ca.crt")
	writeFile(t, bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	go func() {
		<-asked
		stop()
	}()
	var stderr bytes.Buffer
	code := run(ctx, []string{"serve", "--model", server.URL + "/model.onnx", "--ca-bundle", bundle}, io.Discard, &stderr, Options{})
	if code != contract.ExitOK {
		t.Errorf("exit code %d\n%s", code, &stderr)
	}
	if left, _ := os.ReadDir(temporary); len(left) > 0 {
		t.Errorf("the server has left %v behind", left)
	}
}
