// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package checksum

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// check is what whoever has a release's files runs.
func check(folder string) error {
	command := exec.Command("sha256sum", "--strict", "--check", File)
	command.Dir = folder
	return command.Run()
}

func TestWrite(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{"a.tar": "archive", "b with spaces.json": "{}", "c": ""} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the list isn't in the list
		if err := Write(folder); err != nil {
			t.Fatal(err)
		}
	}
	if sums, err := Of(folder); err != nil || len(sums) != 3 {
		t.Errorf("sums %v, %v; want those of three files", sums, err)
	}
	if err := check(folder); err != nil {
		t.Errorf("sha256sum --check: %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "a.tar"), []byte("another archive"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := check(folder); err == nil {
		t.Error("a changed file passes")
	}
	if err := Write(filepath.Join(folder, "none")); err == nil {
		t.Error("a folder that isn't there has sums")
	}
}
