// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command krew builds the kubectl plugin for each platform and writes what krew installs it by: an archive for each, and the
// manifest that names them with their digests. It runs in the repository's root.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed trainyard.yaml
var manifest string

// platform is an operating system and a CPU, as Go and krew name them.
type platform struct{ OS, Arch string }

var platforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"},
}

// Bin is the name of the program there.
func (p platform) Bin() string {
	if p.OS == "windows" {
		return "kubectl-trainyard.exe"
	}
	return "kubectl-trainyard"
}

// Archive is the name of what krew downloads.
func (p platform) Archive() string {
	return fmt.Sprintf("kubectl-trainyard_%s_%s.tar.gz", p.OS, p.Arch)
}

func main() {
	version := flag.String("version", "", "Version to release, such as v0.2.0.")
	out := flag.String("out", "out/krew", "Folder to write to.")
	flag.Parse()
	if err := run(*version, *out); err != nil {
		fmt.Fprintln(os.Stderr, "krew:", err)
		os.Exit(1)
	}
}

func run(version, out string) error {
	if !strings.HasPrefix(version, "v") {
		return fmt.Errorf("--version is %q: name a release such as v0.2.0", version)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	license, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	digests := map[platform]string{}
	for _, p := range platforms {
		binary, err := build(p, version, out)
		if err != nil {
			return err
		}
		archive, err := pack(p.Bin(), binary, license)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(archive)
		digests[p] = hex.EncodeToString(sum[:])
		if err := os.WriteFile(filepath.Join(out, p.Archive()), archive, 0o644); err != nil {
			return err
		}
	}
	text, err := render(version, digests)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, "trainyard.yaml"), []byte(text), 0o644)
}

// build compiles the plugin for a platform.
func build(p platform, version, out string) ([]byte, error) {
	program := filepath.Join(out, p.Bin())
	command := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X github.com/trainyard-dev/trainyard/internal/version.version="+version, "-o", program, "./internal/plugin")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.OS, "GOARCH="+p.Arch)
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("build for %s/%s: %w", p.OS, p.Arch, err)
	}
	binary, err := os.ReadFile(program)
	return binary, errors.Join(err, os.Remove(program))
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
func render(version string, digests map[platform]string) (string, error) {
	parsed, err := template.New("trainyard.yaml").Option("missingkey=error").Parse(manifest)
	if err != nil {
		return "", err
	}
	type released struct {
		platform
		SHA256 string
	}
	values := struct {
		Version   string
		Platforms []released
	}{Version: version}
	for _, p := range platforms {
		if digests[p] == "" {
			return "", fmt.Errorf("there is no archive for %s/%s", p.OS, p.Arch)
		}
		values.Platforms = append(values.Platforms, released{p, digests[p]})
	}
	var b strings.Builder
	err = parsed.Execute(&b, values)
	return b.String(), err
}
