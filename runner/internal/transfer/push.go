// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package transfer

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/registry/remote"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

const (
	// artifactType tells a model from other artifacts of a registry.
	artifactType = "application/vnd.trainyard.model.v1"
	// fileType is that of the files in it. Their names are titles, as oras push writes them.
	fileType = "application/octet-stream"
	// created is the same time in every manifest: the same files have the same digest.
	created = "1970-01-01T00:00:00Z"
	// maxFiles bounds the files of an artifact that is pushed.
	maxFiles = 1000
)

// Push brings a file, or all files of a folder, to a registry as an OCI artifact and returns its URI by digest. A file is
// pushed as a model; a folder, which must hold one, keeps its names.
func (c *Client) Push(ctx context.Context, path, uri string, access contract.Access) (string, error) {
	if err := contract.CheckRemoteURI(uri); err != nil {
		return "", fmt.Errorf("%w: %w", ErrConfig, err)
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != contract.SchemeOCI {
		return "", fmt.Errorf("%w: push to oci://REGISTRY/REPOSITORY:TAG", ErrConfig)
	}
	files, err := filesToPush(path)
	if err != nil {
		return "", err
	}
	repo, tag, err := repository(u, access)
	if err != nil {
		return "", err
	}
	var layers []ocispec.Descriptor
	for _, file := range files {
		layer, err := c.pushFile(ctx, repo, file)
		if err != nil {
			return "", registryError(u, err)
		}
		layers = append(layers, layer)
	}
	manifest, err := oras.PackManifest(ctx, repo, oras.PackManifestVersion1_1, artifactType, oras.PackManifestOptions{
		Layers: layers, ManifestAnnotations: map[string]string{ocispec.AnnotationCreated: created},
	})
	if err != nil {
		return "", registryError(u, err)
	}
	if err := repo.Tag(ctx, manifest, tag); err != nil {
		return "", registryError(u, err)
	}
	pushed := url.URL{Scheme: contract.SchemeOCI, Host: u.Host, Path: "/" + repo.Reference.Repository + "@" + manifest.Digest.String(), RawQuery: u.RawQuery}
	return pushed.String(), nil
}

// localFile is a file to push, and its name in the artifact.
type localFile struct{ path, title string }

// filesToPush lists the files at a path. Links are left alone: what they lead to may be anywhere.
func filesToPush(path string) ([]localFile, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if !info.IsDir() {
		return []localFile{{path, contract.ModelFile}}, nil
	}
	var files []localFile
	hasModel := false
	err = filepath.WalkDir(path, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(path, at)
		if err != nil {
			return err
		}
		files = append(files, localFile{at, filepath.ToSlash(name)})
		hasModel = hasModel || name == contract.ModelFile
		if len(files) > maxFiles {
			return fmt.Errorf("%w: %s holds more than %d files: push the folder of one model", ErrConfig, path, maxFiles)
		}
		return nil
	})
	if err == nil && !hasModel {
		err = fmt.Errorf("%w: %s holds no %s: push the folder of a model, or a file", ErrConfig, path, contract.ModelFile)
	}
	return files, err
}

// pushFile pushes one file unless the registry has it.
func (c *Client) pushFile(ctx context.Context, repo *remote.Repository, file localFile) (ocispec.Descriptor, error) {
	sum, size, err := artifact.FileDigest(file.path)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	layer := ocispec.Descriptor{
		MediaType: fileType, Digest: digest.NewDigestFromEncoded(digest.SHA256, sum), Size: size,
		Annotations: map[string]string{ocispec.AnnotationTitle: file.title},
	}
	if there, err := repo.Blobs().Exists(ctx, layer); err != nil || there {
		return layer, err
	}
	f, err := os.Open(file.path)
	if err != nil {
		return layer, err
	}
	defer f.Close()
	c.Log.Info("Pushing", "file", file.title, "bytes", size, "sha256", sum)
	return layer, repo.Blobs().Push(ctx, layer, f) // verified by the registry
}
