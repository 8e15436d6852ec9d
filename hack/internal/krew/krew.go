// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package krew builds the kubectl plugin for each platform and what krew installs it by: an archive for each, and the manifest that names them
// with their digests.
package krew

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/trainyard-dev/trainyard/hack/internal/program"
)

// ManifestFile is what krew wants the manifest's file to be called.
const ManifestFile = "trainyard.yaml"

//go:embed trainyard.yaml
var manifest string

// Platforms are those that the plugin is built for.
var Platforms = []program.Platform{
	{OS: "linux", Arch: "amd64"}, {OS: "linux", Arch: "arm64"}, {OS: "darwin", Arch: "amd64"}, {OS: "darwin", Arch: "arm64"}, {OS: "windows", Arch: "amd64"},
}

// bin is the name of the program on a platform.
func bin(p program.Platform) string {
	if p.OS == "windows" {
		return "kubectl-trainyard.exe"
	}
	return "kubectl-trainyard"
}

// Archive is the name of what krew downloads for a platform.
func Archive(p program.Platform) string {
	return fmt.Sprintf("kubectl-trainyard_%s_%s.tar.gz", p.OS, p.Arch)
}

// Build writes the archives and the manifest to a folder, and returns the programs. It runs in the repository's root.
func Build(ctx context.Context, version, out string) (map[program.Platform][]byte, error) {
	if !strings.HasPrefix(version, "v") {
		return nil, fmt.Errorf("the version is %q: name a release such as v0.2.0", version)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	license, err := os.ReadFile("LICENSE")
	if err != nil {
		return nil, err
	}
	programs, digests := map[program.Platform][]byte{}, map[program.Platform]string{}
	for _, p := range Platforms {
		binary, err := program.Build(ctx, "./internal/plugin", version, p)
		if err != nil {
			return nil, err
		}
		archive, err := pack(bin(p), binary, license)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(archive)
		programs[p], digests[p] = binary, hex.EncodeToString(sum[:])
		if err := os.WriteFile(filepath.Join(out, Archive(p)), archive, 0o644); err != nil {
			return nil, err
		}
	}
	text, err := render(version, digests)
	if err != nil {
		return nil, err
	}
	return programs, os.WriteFile(filepath.Join(out, ManifestFile), []byte(text), 0o644)
}

// pack makes an archive of the program and its license. It holds no times, so the same program has the same digest.
func pack(name string, binary, license []byte) ([]byte, error) {
	var buffer bytes.Buffer
	compressed := gzip.NewWriter(&buffer)
	archive := tar.NewWriter(compressed)
	for _, file := range []struct {
		name    string
		mode    int64
		content []byte
	}{{name, 0o755, binary}, {"LICENSE", 0o644, license}} {
		if err := archive.WriteHeader(&tar.Header{Name: file.name, Mode: file.mode, Size: int64(len(file.content))}); err != nil {
			return nil, err
		}
		if _, err := archive.Write(file.content); err != nil {
			return nil, err
		}
	}
	err := errors.Join(archive.Close(), compressed.Close()) // before the bytes are taken
	return buffer.Bytes(), err
}

// render writes the manifest of a release.
func render(version string, digests map[program.Platform]string) (string, error) {
	parsed, err := template.New(ManifestFile).Option("missingkey=error").Parse(manifest)
	if err != nil {
		return "", err
	}
	type released struct{ OS, Arch, Archive, Bin, SHA256 string }
	values := struct {
		Version   string
		Platforms []released
	}{Version: version}
	for _, p := range Platforms {
		if digests[p] == "" {
			return "", fmt.Errorf("there is no archive for %s", p)
		}
		values.Platforms = append(values.Platforms, released{p.OS, p.Arch, Archive(p), bin(p), digests[p]})
	}
	var b strings.Builder
	err = parsed.Execute(&b, values)
	return b.String(), err
}
