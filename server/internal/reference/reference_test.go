// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package reference

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
)

// publish writes an artifact of these files and returns the path of its model and the model's digest.
func publish(t *testing.T, files map[string]string) (model, digest string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, contract.ReportDir), 0o700); err != nil {
		t.Fatal(err)
	}
	manifest := contract.Manifest{Version: contract.Version}
	write := func(name, content string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(content))
		return hex.EncodeToString(sum[:])
	}
	for name, content := range files {
		manifest.Files = append(manifest.Files, contract.File{Path: name, SHA256: write(name, content)})
	}
	digest = write(contract.ModelFile, "model")
	manifest.Files = append(manifest.Files, contract.File{Path: contract.ModelFile, SHA256: digest})
	encoded, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	write(contract.ManifestFile, string(encoded))
	return filepath.Join(dir, contract.ModelFile), digest
}

const (
	report  = `{"version":1,"dataset":{"classes":["cat","dog"]},"confusion":[[8,2],[1,9]]}`
	details = `{"version":1,"calibration":[{"answers":5,"confidence":0.6},{"answers":15,"confidence":0.9},{"answers":0,"confidence":0}]}`
)

func TestRead(t *testing.T) {
	model, digest := publish(t, map[string]string{reportFile: report, detailsFile: details})
	got, err := Read(model, digest)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{9, 11}, got.Predicted()); diff != "" || math.Abs(got.Confidence-0.825) > 1e-9 {
		t.Errorf("confidence %v, predicted (-want +got):\n%s", got.Confidence, diff)
	}
	if _, err := Read(model, strings.Repeat("0", 64)); !errors.Is(err, ErrNone) {
		t.Errorf("of another model: %v", err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(model), reportFile), []byte(strings.Replace(report, "8", "7", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(model, digest); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("a report that was changed: %v", err)
	}
}

func TestReadWithout(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), contract.ModelFile), ""); !errors.Is(err, ErrNone) {
		t.Errorf("a model alone: %v", err)
	}
	model, digest := publish(t, map[string]string{reportFile: report})
	if got, err := Read(model, digest); err != nil || got.Confidence != 0 {
		t.Errorf("without details: %+v, %v", got, err)
	}
	model, digest = publish(t, nil)
	if _, err := Read(model, digest); !errors.Is(err, ErrNone) {
		t.Errorf("without a report: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, content := range map[string]string{
		"a row too few":     `{"dataset":{"classes":["cat","dog"]},"confusion":[[8,2]]}`,
		"a column too many": `{"dataset":{"classes":["cat","dog"]},"confusion":[[8,2],[1,9,0]]}`,
		"less than none":    `{"dataset":{"classes":["cat","dog"]},"confusion":[[8,-2],[1,9]]}`,
		"one class":         `{"dataset":{"classes":["cat"]},"confusion":[[8]]}`,
		"no JSON":           `{`,
	} {
		model, digest := publish(t, map[string]string{reportFile: content})
		if got, err := Read(model, digest); err == nil || errors.Is(err, ErrNone) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
