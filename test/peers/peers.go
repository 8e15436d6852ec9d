// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package peers gives tests the programs of the field that they compare against, from the virtual environment
// .venv-peers, which `test/peers/venv.sh` creates: the ONNX standard's package with its node tests, and ONNX Runtime.
package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Environment variable and value with which tests that need the peers fail without them.
const (
	EnvironmentVariable = "TRAINYARD_PEERS"
	Required            = "required"
)

// Python returns the interpreter of the peers' environment. Where the peers are required, a test fails without one, in short
// mode too; elsewhere it is skipped without one and in short mode.
func Python(t testing.TB) string {
	t.Helper()
	required := os.Getenv(EnvironmentVariable) == Required
	if testing.Short() && !required {
		t.Skip("short mode: nothing is compared with other programs")
	}
	python := filepath.Join(root(), ".venv-peers", "bin", "python")
	if _, err := os.Stat(python); err == nil {
		return python
	}
	message := "the Python packages that this test compares against are missing: run `test/peers/venv.sh`"
	if required {
		t.Fatal(message)
	}
	t.Skip(message)
	return ""
}

// Run runs a script of this folder with arguments and returns what it prints. The test fails if the script does.
func Run(t testing.TB, script string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), Python(t), append([]string{filepath.Join(root(), "test", "peers", script)}, args...)...)
	var stderr strings.Builder
	command.Stderr = &stderr
	stdout, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, stderr.String())
	}
	return strings.TrimSpace(string(stdout))
}

// root is the repository's root, the folder of go.mod above the tested package's, which is where its tests run. What the
// compiler says of this file's place is no path in a build with -trimpath.
func root() string {
	folder, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			panic("no go.mod above the working directory: run the tests by go test")
		}
		folder = parent
	}
}

// ONNXTestData returns the folder with the ONNX standard's own test data: node holds a case for each use of an operator.
func ONNXTestData(t testing.TB) string {
	t.Helper()
	pattern := filepath.Join(filepath.Dir(filepath.Dir(Python(t))), "lib", "python*", "site-packages", "onnx", "backend", "test", "data")
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: found %v, error %v: remove .venv-peers and run `test/peers/venv.sh`", pattern, found, err)
	}
	return found[0]
}
