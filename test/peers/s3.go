// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// S3 is a running S3 server, versitygw, whose buckets are folders.
type S3 struct {
	// Dir holds a folder for each bucket.
	Dir string
	// Credentials is a folder with the keys of its user, as a mounted Secret is.
	Credentials string
	address     string
}

// StartS3 starts an S3 server for a test, with the named buckets. Where the peers are required a test fails without the
// program; elsewhere it is skipped.
func StartS3(t testing.TB, buckets ...string) *S3 {
	t.Helper()
	program := filepath.Join(root(), "bin", "versitygw")
	if _, err := os.Stat(program); err != nil {
		if os.Getenv(EnvironmentVariable) == Required {
			t.Fatal("the S3 server that this test needs is missing: run `make test` once, which builds it")
		}
		t.Skip("the S3 server that this test needs is missing: run `make test` once, which builds it")
	}
	s := &S3{Dir: t.TempDir(), address: freeAddress(t)}
	user, secret := s.Keys()
	s.Credentials = KeyFolder(t, map[string]string{"AWS_ACCESS_KEY_ID": user, "AWS_SECRET_ACCESS_KEY": secret})
	for _, bucket := range buckets {
		if err := os.Mkdir(filepath.Join(s.Dir, bucket), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(program, "--access", user, "--secret", secret, "--port", s.address, "posix", "--sidecar", t.TempDir(), s.Dir)
	startServer(t, command, "the S3 server", s.address)
	return s
}

// Keys are those of the server's user.
func (s *S3) Keys() (accessKeyID, secretAccessKey string) { return "trainyard", "t0psecret" }

// Endpoint is the server's address.
func (s *S3) Endpoint() string { return "http://" + s.address }

// URI names an object or prefix of the server.
func (s *S3) URI(path string) string {
	parameters := url.Values{"endpoint": {s.Endpoint()}, "use_path_style": {"true"}, "region": {"us-east-1"}}
	return "s3://" + path + "?" + parameters.Encode()
}

// Through returns the server as who passes a handler sees it, which may count, change or refuse requests.
func (s *S3) Through(t testing.TB, pass func(http.Handler) http.Handler) *S3 {
	t.Helper()
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: s.address})
		r.Out.Host = r.In.Host // which is signed
	}}
	server := httptest.NewServer(pass(proxy))
	t.Cleanup(server.Close)
	seen := *s
	seen.address = server.Listener.Addr().String()
	return &seen
}

// startServer starts a program, waits until it listens, and ends it with the test.
func startServer(t testing.TB, command *exec.Cmd, name, address string) {
	t.Helper()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	awaitStart(t, name, address)
}

// awaitStart waits until somebody listens.
func awaitStart(t testing.TB, name, address string) {
	t.Helper()
	for range 600 {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			_ = connection.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s doesn't listen", name)
}

func splitAddress(t testing.TB, address string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// freeAddress is an address of this machine that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
