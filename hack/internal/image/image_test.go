// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"crypto/x509"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

func TestNew(t *testing.T) {
	img, err := New([]byte("program"), "trainyard-server", "arm64")
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if file.Config.User != "65532:65532" || !cmp.Equal(file.Config.Entrypoint, []string{"/trainyard-server"}) || file.OS != "linux" || file.Architecture != "arm64" {
		t.Errorf("the image runs %v as %s on %s/%s", file.Config.Entrypoint, file.Config.User, file.OS, file.Architecture)
	}

	got := map[string]int64{}
	contents := map[string][]byte{}
	archive := mutate.Extract(img)
	defer archive.Close()
	for r := tar.NewReader(archive); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[header.Name] = header.Mode
		if contents[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]int64{
		"etc": 0o755, "etc/group": 0o644, "etc/passwd": 0o644, "etc/ssl": 0o755, "etc/ssl/certs": 0o755,
		"etc/ssl/certs/ca-certificates.crt": 0o644, "output": 0o1777, "tmp": 0o1777, "trainyard-server": 0o755,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files and modes (-want +got):\n%s", diff)
	}
	if string(contents["trainyard-server"]) != "program" {
		t.Errorf("the program is %q", contents["trainyard-server"])
	}
	if !x509.NewCertPool().AppendCertsFromPEM(contents["etc/ssl/certs/ca-certificates.crt"]) {
		t.Error("no certificate authority is trusted")
	}
}

func TestReproducible(t *testing.T) {
	digest := func(program string) string {
		t.Helper()
		img, err := New([]byte(program), "x", "amd64")
		if err != nil {
			t.Fatal(err)
		}
		hash, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return hash.String()
	}
	if a, b := digest("same"), digest("same"); a != b {
		t.Errorf("the same program gives %s and %s", a, b)
	}
	if digest("same") == digest("other") {
		t.Error("two programs give the same image")
	}
}

func TestWrite(t *testing.T) {
	img, err := New([]byte("program"), "x", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.tar")
	if err := Write(path, "trainyard.local/x:1", img); err != nil {
		t.Fatal(err)
	}
	read, err := tarball.ImageFromPath(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantSize, err := CompressedSize(img)
	if err != nil || wantSize == 0 {
		t.Fatalf("compressed size %d, %v", wantSize, err)
	}
	if size, err := CompressedSize(read); err != nil || size != wantSize {
		t.Errorf("compressed size in the archive %d, %v, want %d", size, err, wantSize)
	}
	if err := Write(path, "NOT A NAME", img); err == nil {
		t.Error("an image is written without a valid name")
	}
}
