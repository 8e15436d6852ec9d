// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package program compiles this repository's main packages as images and releases have them.
package program

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Platform is an operating system and a CPU, as Go calls them.
type Platform struct{ OS, Arch string }

func (p Platform) String() string { return p.OS + "/" + p.Arch }

// versionVariable is what the linker sets.
const versionVariable = "github.com/trainyard-dev/trainyard/internal/version.version"

// Build returns the program of a main package, an import path or a path relative to the working directory. It is linked statically and holds
// nothing that depends on the machine that builds it or on the state of its checkout; version is what the program says is its own.
func Build(ctx context.Context, pkg, version string, platform Platform) ([]byte, error) {
	dir, err := os.MkdirTemp("", "trainyard-program-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "program")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X "+versionVariable+"="+version, "-o", path, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+platform.OS, "GOARCH="+platform.Arch, "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build %s for %s: %w\n%s", pkg, platform, err, text)
	}
	return os.ReadFile(path)
}
