// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

func TestEarlier(t *testing.T) {
	output := t.TempDir()
	written := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range []string{"older", "newer", "newest"} {
		staging, err := Stage(output, contract.Run{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		if err := staging.Publish(contract.TrainResult{Version: contract.Version}); err != nil {
			t.Fatal(err)
		}
		written = written.Add(time.Hour)
		if err := os.Chtimes(filepath.Join(output, name, contract.ManifestFile), written, written); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"broken", ".staging-x", "empty"} {
		if err := os.Mkdir(filepath.Join(output, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(output, "broken", contract.ManifestFile), "{")
	write(t, filepath.Join(output, ".staging-x", contract.ManifestFile), `{"version":1,"run":{"name":"unfinished"}}`)
	find := func(not string) string {
		t.Helper()
		manifest, err := Earlier(output, func(m *contract.Manifest) bool { return m.Run.Name != not })
		if err != nil || manifest == nil {
			t.Fatalf("found %v, error %v", manifest, err)
		}
		return manifest.Run.Name
	}
	if got := find("newest"); got != "newer" {
		t.Errorf("found %s, want newer", got)
	}
	if got := find(""); got != "newest" {
		t.Errorf("found %s, want newest", got)
	}
	for _, folder := range []string{filepath.Join(output, "absent"), filepath.Join(output, "empty")} {
		if manifest, err := Earlier(folder, func(*contract.Manifest) bool { return true }); manifest != nil || err != nil {
			t.Errorf("%s: found %v, error %v", folder, manifest, err)
		}
	}
}
