// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"k8s.io/apimachinery/pkg/runtime"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/trainyard-dev/trainyard/hack/internal/image"
)

func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	ref := strings.TrimPrefix(server.URL, "http://") + "/team/x:1"
	img, err := image.New([]byte("program"), "x", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.tar")
	if err := image.Write(path, ref, img); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Push(t.Context(), []string{path}, []string{"main", "v1.2"}, &out); err != nil {
		t.Fatal(err)
	}
	// What it prints is what a pod pulls by.
	digest, err := name.NewDigest(strings.TrimSpace(out.String()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Image(digest); err != nil {
		t.Errorf("pull %s: %v", digest, err)
	}

	for _, tag := range []string{"1", "main", "v1.2"} {
		got, err := remote.Head(digest.Context().Tag(tag))
		if err != nil || got.Digest.String() != digest.DigestStr() {
			t.Errorf("tag %s is %v, want %s: %v", tag, got, digest, err)
		}
	}
	if err := Push(t.Context(), []string{path}, []string{"not a tag"}, &out); err == nil {
		t.Error("a tag that is none is accepted")
	}

	server.Close()
	if err := Push(t.Context(), []string{path}, nil, &out); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names the archive", err)
	}
	if err := Push(t.Context(), []string{path + ".none"}, nil, &out); err == nil {
		t.Error("an archive that is not there is pushed")
	}
}

// A registry gets all images of an index.
func TestPushIndex(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	var images []v1.Image
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := image.New([]byte("program for "+arch), "x", arch)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, img)
	}
	index, err := image.NewIndex(images...)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.oci.tar")
	if err := image.WriteIndex(path, strings.TrimPrefix(server.URL, "http://")+"/team/x:v1.2.3", index); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Push(t.Context(), []string{path}, []string{"latest"}, &out); err != nil {
		t.Fatal(err)
	}
	digest, err := name.NewDigest(strings.TrimSpace(out.String()))
	if err != nil {
		t.Fatal(err)
	}
	if want, err := index.Digest(); err != nil || digest.DigestStr() != want.String() {
		t.Errorf("pushed %s, want %s: %v", digest, want, err)
	}
	pulled, err := remote.Index(digest.Context().Tag("latest"))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(pulled); err != nil {
		t.Error(err)
	}
}

func TestLoader(t *testing.T) {
	minikube := &clientcmdapi.Context{Extensions: map[string]runtime.Object{
		"context_info": &runtime.Unknown{Raw: []byte(`{"provider": "minikube.sigs.k8s.io"}`)},
	}}
	config := &clientcmdapi.Config{Contexts: map[string]*clientcmdapi.Context{
		"kind-dev": {}, "mini": minikube, "cloud": {},
	}}
	tests := map[string]struct {
		context string
		want    []string
	}{
		"kind":     {"kind-dev", []string{"kind", "load", "image-archive", "x.tar", "--name", "dev"}},
		"minikube": {"mini", []string{"minikube", "--profile", "mini", "image", "load", "x.tar"}},
		"another":  {"cloud", nil},
		"none":     {"", nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			config.CurrentContext = tc.context
			got, err := loader(config, "x.tar")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("command (-want +got):\n%s", diff)
			}
			if tc.want == nil && (err == nil || !strings.Contains(err.Error(), "REGISTRY=")) {
				t.Errorf("error %v, want the remedy", err)
			}
		})
	}
}

func TestLoadWithoutKubeconfig(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("HOME", t.TempDir())
	if err := Load(t.Context(), []string{"x.tar"}, io.Discard); err == nil {
		t.Error("an image is loaded into no cluster")
	}
}
