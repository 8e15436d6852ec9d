// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package krew

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/trainyard-dev/trainyard/hack/internal/program"
)

// plugin is what krew reads of a manifest, by docs/developer-guide of krew.
type plugin struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string `json:"version"`
		Homepage         string `json:"homepage"`
		ShortDescription string `json:"shortDescription"`
		Description      string `json:"description"`
		Caveats          string `json:"caveats"`
		Platforms        []struct {
			Selector struct {
				MatchLabels map[string]string `json:"matchLabels"`
			} `json:"selector"`
			URI    string `json:"uri"`
			SHA256 string `json:"sha256"`
			Bin    string `json:"bin"`
		} `json:"platforms"`
	} `json:"spec"`
}

func TestManifest(t *testing.T) {
	digests := map[program.Platform]string{}
	for i, p := range Platforms {
		digests[p] = strings.Repeat(string(rune('a'+i)), 64)
	}
	text, err := render("v1.2.3", digests)
	if err != nil {
		t.Fatal(err)
	}
	var got plugin
	if err := yaml.UnmarshalStrict([]byte(text), &got); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got.APIVersion != "krew.googlecontainertools.github.com/v1alpha2" || got.Kind != "Plugin" || got.Metadata.Name != "trainyard" || got.Spec.Version != "v1.2.3" {
		t.Errorf("got %+v", got)
	}
	// krew's linter wants a short description without a period, of at most 50 characters.
	if short := got.Spec.ShortDescription; short == "" || len(short) > 50 || strings.HasSuffix(short, ".") {
		t.Errorf("the short description is %q", short)
	}
	if len(got.Spec.Platforms) != len(Platforms) {
		t.Fatalf("got %d platforms, want %d", len(got.Spec.Platforms), len(Platforms))
	}
	for i, p := range got.Spec.Platforms {
		want := Platforms[i]
		if p.Selector.MatchLabels["os"] != want.OS || p.Selector.MatchLabels["arch"] != want.Arch || p.SHA256 != digests[want] || p.Bin != bin(want) {
			t.Errorf("got %+v, want that of %v", p, want)
		}
		if !regexp.MustCompile(`^https://github\.com/trainyard-dev/trainyard/releases/download/v1\.2\.3/kubectl-trainyard_\w+\.tar\.gz$`).MatchString(p.URI) {
			t.Errorf("the archive of %v is at %s", want, p.URI)
		}
	}
	delete(digests, Platforms[0])
	if _, err := render("v1.2.3", digests); err == nil {
		t.Error("a platform without an archive is accepted")
	}
}

func TestArchive(t *testing.T) {
	first, err := pack("kubectl-trainyard", []byte("program"), []byte("license"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := pack("kubectl-trainyard", []byte("program"), []byte("license"))
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("the same program makes another archive: %v", err)
	}
	uncompressed, err := gzip.NewReader(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(uncompressed)
	for _, want := range []struct {
		name, content string
		mode          int64
	}{{"kubectl-trainyard", "program", 0o755}, {"LICENSE", "license", 0o644}} {
		header, err := archive.Next()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil || header.Name != want.name || header.Mode != want.mode || string(content) != want.content {
			t.Errorf("got %s, mode %o, %q, %v; want %+v", header.Name, header.Mode, content, err, want)
		}
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("there is more in it: %v", err)
	}
}

func TestAReleaseHasAVersion(t *testing.T) {
	if _, err := Build(t.Context(), "", t.TempDir()); err == nil {
		t.Error("no version is accepted")
	}
}
