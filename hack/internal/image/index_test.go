// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// newIndex is an index of one program for two CPUs.
func newIndex(t *testing.T) v1.ImageIndex {
	t.Helper()
	var images []v1.Image
	for _, arch := range []string{"amd64", "arm64"} {
		img, err := New([]byte("program for "+arch), "x", arch)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, img)
	}
	index, err := NewIndex(images...)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func TestNewIndex(t *testing.T) {
	index := newIndex(t)
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range manifest.Manifests {
		got = append(got, string(m.MediaType)+" "+m.Platform.String())
	}
	want := []string{string(types.OCIManifestSchema1) + " linux/amd64", string(types.OCIManifestSchema1) + " linux/arm64"}
	if diff := cmp.Diff(want, got); diff != "" || manifest.MediaType != types.OCIImageIndex {
		t.Errorf("an index of %s has (-want +got):\n%s", manifest.MediaType, diff)
	}
}

func TestIndexArchive(t *testing.T) {
	const ref = "registry.example/team/x:v1.2.3"
	folder := t.TempDir()
	var archives [2][]byte
	for i := range archives {
		path := filepath.Join(folder, "x.oci.tar")
		if err := WriteIndex(path, ref, newIndex(t)); err != nil {
			t.Fatal(err)
		}
		var err error
		if archives[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("the same index gives two archives")
	}
	header, err := tar.NewReader(bytes.NewReader(archives[0])).Next()
	if err != nil || !header.ModTime.Equal(epoch) {
		t.Errorf("the archive has a clock's time: %v, %v", header, err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("beside the archive there are %v: %v", left, err)
	}
	index, tag, err := ReadIndex(filepath.Join(folder, "x.oci.tar"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if tag.Name() != ref {
		t.Errorf("the image is called %s, want %s", tag.Name(), ref)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	got, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if want, err := newIndex(t).Digest(); err != nil || got != want {
		t.Errorf("the digest in the archive is %s, want %s: %v", got, want, err)
	}
}

func TestReadIndexOfSomethingElse(t *testing.T) {
	img, err := New([]byte("program"), "x", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.tar")
	if err := Write(path, "trainyard.local/x:1", img); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadIndex(path, t.TempDir()); !errors.Is(err, ErrNoIndex) {
		t.Errorf("error %v, want that it is no layout", err)
	}
	if _, _, err := ReadIndex(path+".none", t.TempDir()); err == nil || errors.Is(err, ErrNoIndex) {
		t.Errorf("error %v of an archive that isn't there", err)
	}
	if err := WriteIndex(path, "NOT A NAME", newIndex(t)); err == nil {
		t.Error("an index is written without a valid name")
	}
}
