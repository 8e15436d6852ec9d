// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package peers

import (
	"os"
	"path/filepath"
	"testing"
)

// KeyFolder makes a folder of credentials, a file for each, as a mounted Secret is.
func KeyFolder(t testing.TB, values map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, value := range values {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
