// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// What the S3 server and the repository are called.
const (
	user, secret = "trainyard", "t0psecret"
	keptPath     = "data/raw"
	bucketPrefix = "data/pets"
)

// bench is a repository whose remote is a running S3 server.
type bench struct {
	*options
	dir      string // of all that is made
	repo     string
	want     map[string][]byte // the files, by path
	server   *exec.Cmd
	proxy    *http.Server
	requests counter
}

// counter counts requests for objects by their name.
type counter struct {
	mu     sync.Mutex
	byName map[string]int
}

func (c *counter) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byName = map[string]int{}
}

func (c *counter) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byName[name]++
}

// prepare makes the files, has DVC keep them, and starts a server of what DVC would have pushed.
func (o *options) prepare(ctx context.Context) (*bench, error) {
	b := &bench{options: o, want: map[string][]byte{}}
	b.requests.reset()
	var err error
	if b.dir, err = os.MkdirTemp("", "datasources-"); err != nil {
		return nil, err
	}
	b.repo, b.credentials = filepath.Join(b.dir, "repo"), filepath.Join(b.dir, "credentials")
	endpoint, err := b.serve(ctx)
	if err == nil {
		err = b.makeFiles()
	}
	if err == nil {
		err = b.keep(ctx, endpoint)
	}
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) close() error {
	var err error
	if b.proxy != nil {
		err = b.proxy.Close()
	}
	if b.server != nil && b.server.Process != nil {
		err = errors.Join(err, b.server.Process.Kill())
		_ = b.server.Wait() // it was killed
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}

// serve starts the S3 server, and before it what counts requests.
func (b *bench) serve(ctx context.Context) (endpoint string, err error) {
	for key, value := range map[string]string{"AWS_ACCESS_KEY_ID": user, "AWS_SECRET_ACCESS_KEY": secret} {
		if err := write(filepath.Join(b.credentials, key), []byte(value)); err != nil {
			return "", err
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := free.Addr().String()
	if err := errors.Join(free.Close(), os.MkdirAll(filepath.Join(b.dir, "s3", "data"), 0o755), os.Mkdir(filepath.Join(b.dir, "sidecar"), 0o755)); err != nil {
		return "", err
	}
	b.server = exec.CommandContext(ctx, b.options.server, "--access", user, "--secret", secret, "--port", address, "posix",
		"--sidecar", filepath.Join(b.dir, "sidecar"), filepath.Join(b.dir, "s3"))
	if err := b.server.Start(); err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	behind := &url.URL{Scheme: "http", Host: address}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(behind)
		r.Out.Host = r.In.Host // it is signed
	}, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	b.proxy = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			b.requests.add(r.URL.Path)
		}
		forward.ServeHTTP(w, r)
	})}
	go func() { _ = b.proxy.Serve(listener) }() // ends with Close
	return "http://" + listener.Addr().String(), awaitServer(address)
}

func awaitServer(address string) error {
	for range 600 {
		if connection, err := net.Dial("tcp", address); err == nil {
			return connection.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("the S3 server doesn't listen")
}

// makeFiles draws files that differ from each other.
func (b *bench) makeFiles() error {
	random := rand.NewChaCha8([32]byte{1})
	for i := range b.files {
		content := make([]byte, b.bytes)
		_, _ = random.Read(content) // never fails
		name := fmt.Sprintf("%s/%05d.bin", []string{"cat", "dog"}[i%2], i)
		b.want[name] = content
		if err := write(filepath.Join(b.repo, filepath.FromSlash(keptPath), filepath.FromSlash(name)), content); err != nil {
			return err
		}
	}
	return nil
}

// keep has DVC keep the files, and moves its cache to where `dvc push` would have put it.
func (b *bench) keep(ctx context.Context, endpoint string) error {
	for _, command := range [][]string{
		{"git", "init", "--quiet", "-b", "main"},
		{b.dvc, "init", "--quiet"},
		{b.dvc, "remote", "add", "--quiet", "--default", "storage", "s3://" + bucketPrefix},
		{b.dvc, "remote", "modify", "--quiet", "storage", "endpointurl", endpoint},
		{b.dvc, "add", "--quiet", keptPath},
		{b.dvc, "config", "cache.type", "symlink"}, // its fastest
		{"git", "add", "-A"},
		{"git", "commit", "--quiet", "-m", "Keep the data"},
	} {
		if err := b.run(ctx, b.repo, command...); err != nil {
			return err
		}
	}
	pushed := filepath.Join(b.dir, "s3", filepath.FromSlash(bucketPrefix))
	if err := os.MkdirAll(pushed, 0o755); err != nil {
		return err
	}
	return os.Rename(filepath.Join(b.repo, ".dvc", "cache", "files"), filepath.Join(pushed, "files"))
}

// program is a program with the credentials of the server, and without the configuration of who runs this.
func (b *bench) program(ctx context.Context, dir string, command ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Dir = dir
	c.Env = append(os.Environ(), "HOME="+b.dir, "DVC_NO_ANALYTICS=1", "AWS_ACCESS_KEY_ID="+user, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_DEFAULT_REGION=us-east-1",
		"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
	return c
}

// run runs such a program.
func (b *bench) run(ctx context.Context, dir string, command ...string) error {
	if output, err := b.program(ctx, dir, command...).CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w", command, said(err, output))
	}
	return nil
}

func write(at string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	return os.WriteFile(at, content, 0o644)
}
