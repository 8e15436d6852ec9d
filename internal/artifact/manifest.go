// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// What can be wrong with an artifact; test with errors.Is.
var (
	// ErrNotPublished says that there is no artifact under that name.
	ErrNotPublished = errors.New("not published")
	// ErrInvalid says that something stands under that name, but is no complete artifact of that run.
	ErrInvalid = errors.New("artifact invalid")
)

// ReadManifest reads the manifest of the artifact in dir and checks every file that it lists. Errors wrap
// ErrNotPublished if dir does not exist and ErrInvalid if the manifest or a file can't be believed.
func ReadManifest(dir string) (*contract.Manifest, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNotPublished)
	} else if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, contract.ManifestFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s has no %s", ErrInvalid, dir, contract.ManifestFile)
	} else if err != nil {
		return nil, err
	}
	manifest := &contract.Manifest{}
	if err := contract.DecodeResult(data, manifest); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, path, err)
	}
	for _, file := range manifest.Files {
		if err := verifyFile(dir, file); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return manifest, nil
}

// Published returns the manifest of the artifact that run has published below output, with the errors of ReadManifest.
// An artifact of another UID is ErrInvalid.
func Published(output string, run contract.Run) (*contract.Manifest, error) {
	dir := filepath.Join(output, contract.ArtifactName(run))
	manifest, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	if manifest.Run.UID != run.UID {
		return nil, fmt.Errorf("%w: %s belongs to a run with UID %q, not %q", ErrInvalid, dir, manifest.Run.UID, run.UID)
	}
	return manifest, nil
}

// verifyFile holds one file of the artifact in dir against its entry in the manifest.
func verifyFile(dir string, file contract.File) error {
	name := filepath.FromSlash(file.Path)
	if !filepath.IsLocal(name) {
		return fmt.Errorf("%s lists %q, which lies outside the artifact", contract.ManifestFile, file.Path)
	}
	path := filepath.Join(dir, name)
	digest, _, err := FileDigest(path)
	if err != nil {
		return err
	}
	return checkDigest(path, digest, file.SHA256)
}
