// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package image packs one static program into a container image, without a Docker engine: no shell, no
// package manager, a user who is not root. The same program gives the same image, to the byte.
package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

const (
	// UserID is the user, and the group, that an image's program runs as.
	UserID = 65532

	passwd = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n"
	group  = "root:x:0:\nnonroot:x:65532:\n"

	executable = 0o755
	readable   = 0o644
	everyone   = 0o1777
)

// epoch is the time of every file and of the image.
var epoch = time.Unix(0, 0).UTC()

// entry is a file of a layer, or a folder if its path ends in a slash.
type entry struct {
	path string
	mode int64
	data []byte
}

// New returns an image that runs the program, which is stored as /NAME, on CPUs of an architecture, such as amd64. Its files beside the program are
// /etc/passwd, /etc/group, the certificate authorities that Mozilla trusts, an empty /tmp, and an empty /output that anybody may write to: Docker
// gives its mode to a new volume there.
func New(program []byte, name, architecture string) (v1.Image, error) {
	base, err := layer(baseEntries())
	if err != nil {
		return nil, err
	}
	top, err := layer([]entry{{path: name, mode: executable, data: program}})
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), base, top)
	if err != nil {
		return nil, fmt.Errorf("append the layers: %w", err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", architecture
	file.Created = v1.Time{Time: epoch}
	file.Config = v1.Config{
		Entrypoint: []string{"/" + name},
		Env:        []string{"PATH=/", "HOME=/tmp", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"},
		User:       fmt.Sprintf("%d:%d", UserID, UserID),
		WorkingDir: "/tmp",
	}
	img, err = mutate.ConfigFile(img, file)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigMediaType(img, types.OCIConfigJSON), nil
}

func baseEntries() []entry {
	return []entry{
		{path: "etc/", mode: executable},
		{path: "etc/group", mode: readable, data: []byte(group)},
		{path: "etc/passwd", mode: readable, data: []byte(passwd)},
		{path: "etc/ssl/", mode: executable},
		{path: "etc/ssl/certs/", mode: executable},
		{path: "etc/ssl/certs/ca-certificates.crt", mode: readable, data: authorities()},
		{path: "output/", mode: everyone},
		{path: "tmp/", mode: everyone},
	}
}

// authorities returns the certificates of the trusted authorities in PEM. Those that are trusted only with a
// constraint are left out, because the format cannot say so.
func authorities() []byte {
	var out bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return out.Bytes()
}

func layer(entries []entry) (v1.Layer, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		header := &tar.Header{Name: e.path, Mode: e.mode, Size: int64(len(e.data)), ModTime: epoch, Typeflag: tar.TypeReg}
		if e.path[len(e.path)-1] == '/' {
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("%s: %w", e.path, err)
		}
		if _, err := w.Write(e.data); err != nil {
			return nil, fmt.Errorf("%s: %w", e.path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	data := out.Bytes()
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	return tarball.LayerFromOpener(open, tarball.WithCompressedCaching,
		tarball.WithCompressionLevel(gzip.DefaultCompression), tarball.WithMediaType(types.OCILayer))
}

// CompressedSize returns the bytes of the image's layers as they are stored and pulled.
func CompressedSize(img v1.Image) (int64, error) {
	layers, err := img.Layers()
	if err != nil {
		return 0, err
	}
	var total int64
	for _, l := range layers {
		size, err := l.Size()
		if err != nil {
			return 0, err
		}
		total += size
	}
	return total, nil
}

// Write writes an archive of the image under its name, in the format of docker save, which every container
// runtime loads. The file is complete or not there.
func Write(path, ref string, img v1.Image) error {
	tag, err := name.NewTag(ref)
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	if err := tarball.WriteToFile(tmp, tag, img); err != nil {
		return fmt.Errorf("write %s: %w", tmp, err)
	}
	return os.Rename(tmp, path)
}
