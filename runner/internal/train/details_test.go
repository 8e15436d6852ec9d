// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// reportOf reads a file of the report of a run.
func reportOf(t *testing.T, cfg contract.TrainConfig, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(cfg.Output.Path, contract.ArtifactName(cfg.Run), contract.ReportDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReportShowsDrawnPicturesAndTheRunBefore(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	mustDo(t, newRun(cfg))
	var first report.Details
	readJSON(t, filepath.Join(cfg.Output.Path, "small-01234567", "report", report.DetailsFile), &first)
	if first.Before != nil || first.Pictures != report.PicturesShown || len(first.Classes) != 2 || len(first.Augmentations) != 6 || len(first.Curves) != 2 {
		t.Errorf("details are of %+v, before %v, %d classes, %d augmentations", first.Pictures, first.Before, len(first.Classes), len(first.Augmentations))
	}
	if page := reportOf(t, cfg, report.PageFile); !bytes.Contains(page, []byte("data:image/jpeg")) || bytes.Contains(page, []byte(`id="before"`)) {
		t.Error("the page has no pictures, or compares with nothing")
	}

	// Another run of the same data, without pictures.
	cfg.Run.UID, cfg.Training.Seed, cfg.Report.Samples = "fedcba9876543210", 7, contract.ReportSamplesDisabled
	mustDo(t, newRun(cfg))
	var second report.Details
	readJSON(t, filepath.Join(cfg.Output.Path, "small-fedcba98", "report", report.DetailsFile), &second)
	if b := second.Before; b == nil || b.Run.UID != "0123456789abcdef" || !b.SameDataset || !b.SameTestImages || len(b.Metrics) != 12 {
		t.Errorf("the run before is %+v", b)
	}
	if page := reportOf(t, cfg, report.PageFile); bytes.Contains(page, []byte("data:image/jpeg")) || !bytes.Contains(page, []byte("the same dataset digest")) {
		t.Error("the page has pictures, or doesn't compare")
	}

	// One of other data.
	cfg.Run.UID, cfg.Dataset.Generated.Seed = "00aa00aa", 2
	mustDo(t, newRun(cfg))
	if page := reportOf(t, cfg, report.PageFile); !bytes.Contains(page, []byte("The dataset is not the same")) {
		t.Error("the page doesn't say that the dataset is another")
	}
}

// What is shown of a model doesn't change what it is: with and without pictures a run has the same name and goes on from the
// same checkpoints.
func TestReportIsNoPartOfTheFingerprint(t *testing.T) {
	cfg := smallConfig("models")
	want := fingerprint(cfg, "sha256:00")
	cfg.Report.Samples = contract.ReportSamplesDisabled
	if got := fingerprint(cfg, "sha256:00"); got != want {
		t.Errorf("fingerprint is %s, want %s", got, want)
	}
}

// A report that can't be made costs a warning, not the model.
func TestReportThatCannotBeMadeIsAWarning(t *testing.T) {
	var log bytes.Buffer
	cfg := smallConfig(t.TempDir())
	run := newRun(cfg)
	run.Log = slog.New(slog.NewTextHandler(&log, nil))
	a := run.attempt()
	defer a.events.close()
	staging, err := artifact.Stage(cfg.Output.Path, cfg.Run)
	if err != nil {
		t.Fatal(err)
	}
	rep := &report.Report{Dataset: report.Dataset{Classes: []string{"cat", "dog"}}, Confusion: [][]int{{1, 0}, {0, 1}}}
	bad := &report.Details{Curves: []report.Curve{{Class: 1}}} // of no images
	if err := a.stageReport(staging, rep, bad, contract.TrainResult{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "Left out of the report") || !strings.Contains(log.String(), report.PageFile) {
		t.Errorf("the log is\n%s", &log)
	}
	if err := staging.Publish(contract.TrainResult{Version: contract.Version}); err != nil {
		t.Fatal(err)
	}
	manifest, err := artifact.ReadManifest(staging.Dir())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range manifest.Files {
		if strings.HasSuffix(file.Path, report.PageFile) {
			t.Errorf("%s was published", file.Path)
		}
	}
}
