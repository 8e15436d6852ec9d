// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Client runs a program that asks a server, and returns what it prints: a script of test/peers/protocols if name ends in .py, by
// the virtual environment venv, or else a program of bin/ or of that environment. The test fails if the program does. Without the
// program, and in short mode, the test is skipped.
func Client(t testing.TB, venv, name string, args ...string) string {
	t.Helper()
	program := filepath.Join(root(), "bin", name)
	if venv != "" {
		program = filepath.Join(root(), ".venv-"+venv, "bin", name)
	}
	if filepath.Ext(name) == ".py" {
		program = filepath.Join(root(), ".venv-"+venv, "bin", "python")
		args = append([]string{ProtocolFile(name)}, args...)
	}
	if _, err := os.Stat(program); err != nil || testing.Short() {
		t.Skipf("%s is missing, or this is short mode: run `make test-protocols`", name)
	}
	command := exec.CommandContext(t.Context(), program, args...)
	command.Dir = t.TempDir()
	said, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, said)
	}
	return string(said)
}

// ProtocolFile is the path of a file of test/peers/protocols.
func ProtocolFile(name string) string {
	return filepath.Join(root(), "test", "peers", "protocols", name)
}
