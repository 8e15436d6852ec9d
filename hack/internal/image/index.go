// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// containerdName is the annotation by which containerd, and so ctr images import, names an image of an archive; that of the OCI has its tag only.
const containerdName = "io.containerd.image.name"

// NewIndex joins images of one program for several CPUs into one, of which each node pulls its own. Their order is that of the index.
func NewIndex(images ...v1.Image) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, img := range images {
		file, err := img.ConfigFile()
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        img,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: file.OS, Architecture: file.Architecture}},
		})
	}
	return index, nil
}

// WriteIndex writes an archive of an index under its name: an image layout of the OCI as a tar, which ctr, skopeo and images push read. The same index
// gives the same archive, to the byte. The file is complete or not there.
func WriteIndex(file, ref string, index v1.ImageIndex) error {
	tag, err := name.NewTag(ref)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp(filepath.Dir(file), "layout-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	place, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	names := map[string]string{ocispec.AnnotationRefName: tag.TagStr(), containerdName: tag.Name()}
	if err := place.AppendIndex(index, layout.WithAnnotations(names)); err != nil {
		return err
	}
	tmp := file + ".tmp"
	if err := tarFolder(tmp, folder); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", tmp, err), os.Remove(tmp))
	}
	return os.Rename(tmp, file)
}

// tarFolder writes the files of a folder in the order of their names, with nothing of who wrote them and when.
func tarFolder(file, folder string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	archive := tar.NewWriter(out)
	root := os.DirFS(folder)
	err = fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return addFile(archive, root, path)
	})
	return errors.Join(err, archive.Close(), out.Close())
}

func addFile(archive *tar.Writer, root fs.FS, path string) error {
	in, err := root.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: path, Mode: readable, Size: info.Size(), ModTime: epoch, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err = io.Copy(archive, in)
	return err
}

// ErrNoIndex says that an archive is not one of WriteIndex, but perhaps one of Write.
var ErrNoIndex = errors.New("the archive is no image layout")

// ReadIndex unpacks an archive of WriteIndex into a folder, which its index is read from from then on, and returns the index with its name.
func ReadIndex(file, folder string) (v1.ImageIndex, name.Tag, error) {
	if err := untar(file, folder); err != nil {
		return nil, name.Tag{}, fmt.Errorf("read %s: %w", file, err)
	}
	if _, err := os.Stat(filepath.Join(folder, ocispec.ImageLayoutFile)); err != nil {
		return nil, name.Tag{}, fmt.Errorf("%s: %w", file, ErrNoIndex)
	}
	all, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return nil, name.Tag{}, err
	}
	manifest, err := all.IndexManifest()
	if err != nil {
		return nil, name.Tag{}, err
	}
	if len(manifest.Manifests) != 1 {
		return nil, name.Tag{}, fmt.Errorf("%s has to hold one image, and has %d", file, len(manifest.Manifests))
	}
	tag, err := name.NewTag(manifest.Manifests[0].Annotations[containerdName])
	if err != nil {
		return nil, name.Tag{}, fmt.Errorf("the name of the image in %s: %w", file, err)
	}
	index, err := all.ImageIndex(manifest.Manifests[0].Digest)
	return index, tag, err
}

// untar unpacks regular files; a name that leads out of the folder is an error.
func untar(file, folder string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	for archive := tar.NewReader(in); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if err := extract(root, strings.TrimPrefix(path.Clean(header.Name), "/"), archive); err != nil {
			return err
		}
	}
}

func extract(root *os.Root, name string, data io.Reader) error {
	if err := root.MkdirAll(path.Dir(name), executable); err != nil {
		return err
	}
	out, err := root.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, data)
	return errors.Join(err, out.Close())
}
