// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// freeAddress returns a local address that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestServeRegistry(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	addr, done := freeAddress(t), make(chan error, 1)
	go func() { done <- serveRegistry(ctx, addr, t.TempDir()) }()
	for {
		response, err := http.Get("http://" + addr + "/v2/")
		if err == nil {
			response.Body.Close()
			break
		}
		time.Sleep(time.Millisecond)
	}

	ref, err := name.NewTag(addr + "/some/image:1")
	if err != nil {
		t.Fatal(err)
	}
	const size, layers = 100, 2
	img, err := random.Image(size, layers)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	got, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	wantDigest, _ := img.Digest()
	if gotDigest, err := got.Digest(); err != nil || gotDigest != wantDigest {
		t.Errorf("pulled %v, %v, pushed %v", gotDigest, err, wantDigest)
	}

	missing, err := name.NewTag(addr + "/some/other:1")
	if err != nil {
		t.Fatal(err)
	}
	var refused *transport.Error
	if _, err := remote.Image(missing); !errors.As(err, &refused) || refused.StatusCode != http.StatusNotFound {
		t.Errorf("error %v, want not found", err)
	}

	cancel()
	if err := <-done; err != nil {
		t.Errorf("the registry ended with %v", err)
	}
}
