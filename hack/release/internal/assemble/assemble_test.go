// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package assemble

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"go.yaml.in/yaml/v3"

	"github.com/trainyard-dev/trainyard/hack/internal/image"
	"github.com/trainyard-dev/trainyard/hack/internal/program"
	"github.com/trainyard-dev/trainyard/hack/release/internal/checksum"
	"github.com/trainyard-dev/trainyard/hack/release/internal/source"
)

const root = "../../../.."

var (
	at       = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	digest   = v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)}
	pictured = []builtImage{{"trainyard-manager", "registry.example/team/trainyard-manager", digest}, {"trainyard-server", "registry.example/team/trainyard-server", digest}}
)

// small makes what a release has of images, and its papers, of a program that does nothing.
func small(t *testing.T) (folder string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(path, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	index, programs, err := buildImage(t.Context(), "trainyard-x", path, "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if len(programs) != 2 || bytes.Equal(programs[program.Platform{OS: "linux", Arch: "amd64"}], programs[program.Platform{OS: "linux", Arch: "arm64"}]) {
		t.Errorf("there are %d programs, want one for each architecture", len(programs))
	}
	r := &release{
		Options: Options{Version: "v1.2.3", Registry: "registry.example/team", Out: t.TempDir()},
		commit:  source.Commit{Hash: strings.Repeat("ab", 20), Time: at},
		log:     io.Discard,
	}
	if err := r.addImage("trainyard-x", index, programs); err != nil {
		t.Fatal(err)
	}
	if err := r.addProvenance(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.addChecksums(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r.Out
}

func TestTheSameCommitGivesTheSameBytes(t *testing.T) {
	t.Chdir(root)
	first, second := small(t), small(t)
	want := []string{"SHA256SUMS", "provenance.json", "trainyard-x.cdx.json", "trainyard-x.oci.tar"}
	var got []string
	entries, err := os.ReadDir(first)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	for _, name := range want {
		a, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(second, name)); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs the second time: %v", name, err)
		}
	}
	check := exec.Command("sha256sum", "--strict", "--check", checksum.File)
	check.Dir = first
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("sha256sum --check: %v\n%s", err, out)
	}
	// The papers are of the image that is in the archive.
	index, tag, err := image.ReadIndex(filepath.Join(first, "trainyard-x.oci.tar"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	hash, err := index.Digest()
	if err != nil || tag.Name() != "registry.example/team/trainyard-x:v1.2.3" {
		t.Fatalf("the image is %s: %v", tag.Name(), err)
	}
	for _, name := range []string{"trainyard-x.cdx.json", "provenance.json"} {
		if text, err := os.ReadFile(filepath.Join(first, name)); err != nil || !bytes.Contains(text, []byte(hash.Hex)) {
			t.Errorf("%s doesn't have the image's digest: %v", name, err)
		}
	}
}

// A chart installs the images of its release without any value being set, and all its files say so.
func TestPin(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(root, chartFolder))); err != nil {
		t.Fatal(err)
	}
	if err := pin(folder, "registry.example/team", pictured); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var values struct {
		Images struct {
			Registry                string
			Manager, Runner, Server struct{ Repository, Digest string }
		}
	}
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	got := []string{values.Images.Registry, values.Images.Manager.Digest, values.Images.Runner.Digest, values.Images.Server.Digest, values.Images.Server.Repository}
	if diff := cmp.Diff([]string{"registry.example/team", digest.String(), "", digest.String(), "trainyard-server"}, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	for _, name := range []string{"README.md", "values.schema.json"} {
		if text, err := os.ReadFile(filepath.Join(folder, name)); err != nil || !bytes.Contains(text, []byte(digest.String())) {
			t.Errorf("%s doesn't have the digest: %v", name, err)
		}
	}
}

// pack makes an archive as Helm does.
func pack(t *testing.T, when time.Time) []byte {
	t.Helper()
	var out bytes.Buffer
	compressed := gzip.NewWriter(&out)
	compressed.Comment = "Helm"
	packed := tar.NewWriter(compressed)
	for _, name := range []string{"trainyard/Chart.yaml", "trainyard/templates/x.yaml"} {
		if err := packed.WriteHeader(&tar.Header{Name: name, Size: int64(len(name)), Mode: 0o600, ModTime: when, Uname: "somebody"}); err != nil {
			t.Fatal(err)
		}
		if _, err := packed.Write([]byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRepack(t *testing.T) {
	first, err := repack(pack(t, at), at)
	if err != nil {
		t.Fatal(err)
	}
	second, err := repack(pack(t, at.Add(time.Hour)), at)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("a chart that is packaged later has other bytes: %v", err)
	}
	uncompressed, err := gzip.NewReader(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(uncompressed)
	for _, want := range []string{"trainyard/Chart.yaml", "trainyard/templates/x.yaml"} {
		header, err := archive.Next()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil || header.Name != want || string(content) != want || header.Uname != "" || !header.ModTime.Equal(at) {
			t.Errorf("got %+v with %q: %v", header, content, err)
		}
	}
	if _, err := repack([]byte("no archive"), at); err == nil {
		t.Error("what is no archive is repacked")
	}
}

func TestNotes(t *testing.T) {
	text := string(notes("v1.2.3", source.Commit{
		Hash: strings.Repeat("ab", 20), Previous: "v1.2.2",
		Changes: []source.Change{{Hash: "c0ffee", Subject: "Wait for <name> | others"}},
	}, pictured))
	for _, want := range []string{
		"releases/download/v1.2.3/install.yaml", "releases/download/v1.2.3/trainyard-1.2.3.tgz", "--manifest-url=https://",
		"| trainyard-manager | `registry.example/team/trainyard-manager@sha256:" + digest.Hex + "` |",
		"## Changes since v1.2.2\n\n- Wait for &lt;name> \\| others (c0ffee)\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the notes don't have %q:\n%s", want, text)
		}
	}
	if first := string(notes("v0.1.0", source.Commit{}, nil)); !strings.Contains(first, "since the beginning") {
		t.Errorf("the notes of the first release are\n%s", first)
	}
}

func TestRunNeedsARegistry(t *testing.T) {
	if err := Run(t.Context(), Options{Version: "v1.2.3"}, io.Discard); err == nil || !strings.Contains(err.Error(), "REGISTRY") {
		t.Errorf("error %v, want one that asks for the registry", err)
	}
}
