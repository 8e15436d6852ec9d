// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/progress"
)

// TestEnsure builds a small program for real, and builds it once.
func TestEnsure(t *testing.T) {
	t.Setenv(cacheEnv, t.TempDir())
	top := writeModule(t, "module example.com/x\ngo 1.26\n")
	dir := filepath.Join(top, componentsDir)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("package main\n\nfunc main() { println(\"built\") }\n")
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	report := progress.New(null)
	source := &Source{Dir: dir, KubernetesVersion: "v1.37.2", key: "key"}
	programs := []Program{{Name: "x", Package: ".", Links: []string{"link"}}}

	bin, err := Ensure(t.Context(), source, programs, report)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(bin, "link")).CombinedOutput(); err != nil || string(out) != "built\n" {
		t.Errorf("the program printed %q, %v", out, err)
	}
	write("package main\n\nfunc main() { nonsense }\n")
	if _, err := Ensure(t.Context(), source, programs, report); err != nil {
		t.Errorf("what is cached was built again: %v", err)
	}
	source.key = "other"
	_, err = Ensure(t.Context(), source, programs, report)
	if err == nil || !strings.Contains(err.Error(), "undefined: nonsense") {
		t.Errorf("error %v, want the compiler's words", err)
	}
}
