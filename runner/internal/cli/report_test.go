// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

func TestReportIsMadeAgain(t *testing.T) {
	dir := t.TempDir()
	code, stdout, stderr := runner(quick(dir, "--name=pets")...)
	if code != contract.ExitOK {
		t.Fatalf("train exits %d\n%s", code, stderr)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "models", "pets-*", "report", "report.html"))
	if err != nil || len(pages) != 1 || !strings.Contains(stdout, pages[0]) || !strings.Contains(stdout, "class  images  precision") {
		t.Fatalf("pages %v, stdout\n%s", pages, stdout)
	}
	published, again := filepath.Dir(filepath.Dir(pages[0])), filepath.Join(dir, "again.html")
	if code, stdout, stderr = runner("report", published, "--out", again); code != contract.ExitOK || strings.TrimSpace(stdout) != again {
		t.Fatalf("report exits %d, %q\n%s", code, stdout, stderr)
	}
	want, err := os.ReadFile(pages[0])
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(again); err != nil || !bytes.Equal(got, want) {
		t.Errorf("another page is rendered from the artifact, of %d bytes where the run's has %d; error %v", len(got), len(want), err)
	}

	if code, stdout, stderr = runner("report", published, "--out", "-"); code != contract.ExitOK || stdout != string(want) {
		t.Errorf("to standard output: exits %d, %d bytes where the page has %d\n%s", code, len(stdout), len(want), stderr)
	}
	if code, _, stderr = runner("report", published, "--out", again); code != contract.ExitConfig || !strings.Contains(stderr, "--out") {
		t.Errorf("over a file that is there: exits %d\n%s", code, stderr)
	}
	if code, _, stderr = runner("report", dir, "--out", filepath.Join(dir, "none.html")); code != contract.ExitArtifact || !strings.Contains(stderr, "MANIFEST.json") {
		t.Errorf("of a folder that is no artifact: exits %d\n%s", code, stderr)
	}
	if err := os.WriteFile(filepath.Join(published, "report", "details.json"), []byte(`{"version":1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr = runner("report", published, "--out", filepath.Join(dir, "damaged.html")); code != contract.ExitArtifact || !strings.Contains(stderr, "digest") {
		t.Errorf("of a damaged artifact: exits %d\n%s", code, stderr)
	}
}

// An artifact that was published before there were pages gets one.
func TestReportOfAnOlderArtifact(t *testing.T) {
	dir := t.TempDir()
	published := filepath.Join(dir, "old")
	if err := os.MkdirAll(filepath.Join(published, "report"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"MANIFEST.json":      `{"version":1,"run":{"name":"old"},"result":{"version":1,"outcome":"Succeeded"},"files":[]}`,
		"report/report.json": `{"version":1,"program":"v0","dataset":{"digest":"sha256:00","classes":["cat","dog"],"samples":4,"skipped":0},"metrics":[{"name":"accuracy","value":1}],"perClass":{},"confusion":[[2,0],[0,2]]}`,
	} {
		if err := os.WriteFile(filepath.Join(published, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "old.html")
	if code, _, stderr := runner("report", published, "--out", out); code != contract.ExitOK {
		t.Fatalf("exits %d\n%s", code, stderr)
	}
	if page, err := os.ReadFile(out); err != nil || !bytes.Contains(page, []byte("Run old")) {
		t.Errorf("the page is\n%s\nerror %v", page, err)
	}
}
