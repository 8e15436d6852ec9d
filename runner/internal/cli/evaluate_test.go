// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// relabeled writes a copy of a model whose classes are called otherwise.
func relabeled(t *testing.T, model string, classes ...string) string {
	t.Helper()
	content, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := onnx.Decode(content)
	if err != nil {
		t.Fatal(err)
	}
	metadata, err := decoded.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	metadata.Classes = classes
	if content, err = onnx.WithMetadata(content, *metadata); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(copied, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return copied
}

// evaluated is the report on a model.
func evaluated(t *testing.T, model, data string, more ...string) (report.Report, string) {
	t.Helper()
	dir := t.TempDir()
	code, _, stderr := runner(append([]string{"evaluate", "--model", model, "--data", data, "--report", dir}, more...)...)
	if code != contract.ExitOK {
		t.Fatalf("evaluate exits %d\n%s", code, stderr)
	}
	content, err := os.ReadFile(filepath.Join(dir, report.ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	var rep report.Report
	if err := json.Unmarshal(content, &rep); err != nil {
		t.Fatal(err)
	}
	return rep, stderr
}

// A model's classes are the folders of the same names, in whatever order they are.
func TestEvaluateMatchesClassesByName(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := runner(quick(dir, "--epochs=4")...); code != contract.ExitOK {
		t.Fatal(stderr)
	}
	model, pictures := readResult(t, dir).Model.URI, filepath.Join(dir, "pets")
	if code, _, stderr := runner("generate-data", "--out", pictures, "--samples-per-class=8", "--image-size=32", "--seed=9"); code != contract.ExitOK {
		t.Fatal(stderr)
	}
	want, _ := evaluated(t, model, pictures)
	if want.Metrics[0].Value == 0.5 {
		t.Fatal("the model guesses: this test shows nothing")
	}
	swapped, _ := evaluated(t, relabeled(t, model, "dog", "cat"), pictures)
	if got := swapped.Metrics[0].Value; got != 1-want.Metrics[0].Value {
		t.Errorf("with its labels interchanged the model has accuracy %v, with the right ones %v", got, want.Metrics[0].Value)
	}
	if swapped.Dataset.Digest != want.Dataset.Digest {
		t.Errorf("dataset digest is %s, want %s", swapped.Dataset.Digest, want.Dataset.Digest)
	}
	// A folder named on macOS is the class of a model trained on Linux, and the other way round.
	if err := os.Rename(filepath.Join(pictures, "cat"), filepath.Join(pictures, "caf\u00e9")); err != nil {
		t.Fatal(err)
	}
	decomposed, _ := evaluated(t, relabeled(t, model, "cafe\u0301", "dog"), pictures)
	if diff := cmp.Diff(want.Metrics, decomposed.Metrics); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestEvaluateTakesFoldersOfAnySize(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := runner(quick(dir)...); code != contract.ExitOK {
		t.Fatal(stderr)
	}
	model, pictures := readResult(t, dir).Model.URI, filepath.Join(dir, "pets")
	if code, _, stderr := runner("generate-data", "--out", pictures, "--samples-per-class=2", "--image-size=32"); code != contract.ExitOK {
		t.Fatal(stderr)
	}
	if err := os.CopyFS(filepath.Join(pictures, "cow"), os.DirFS(filepath.Join(pictures, "dog"))); err != nil {
		t.Fatal(err)
	}
	rep, log := evaluated(t, model, pictures)
	if diff := cmp.Diff([]report.LeftOut{{Cause: "UnknownClass", Count: 2, Examples: []string{"cow/dog.00000.jpg", "cow/dog.00001.jpg"}}}, rep.Dataset.LeftOut); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
	if !strings.Contains(log, "cow") {
		t.Errorf("the log is\n%s", log)
	}
	for _, class := range []string{"cow", "cat"} {
		if err := os.RemoveAll(filepath.Join(pictures, class)); err != nil {
			t.Fatal(err)
		}
	}
	rep, log = evaluated(t, model, pictures)
	if !strings.Contains(log, `no images of the model's`) || rep.Dataset.Samples != 2 {
		t.Errorf("report is of %d images, the log is\n%s", rep.Dataset.Samples, log)
	}
	// The figures are those of the class that there is.
	dog := rep.PerClass["dog"]
	want := map[string]float64{
		contract.MetricAccuracy: dog.Recall, contract.MetricPrecision: dog.Precision, contract.MetricRecall: dog.Recall, contract.MetricF1: dog.F1,
	}
	got := map[string]float64{}
	for _, m := range rep.Metrics {
		got[m.Name] = m.Value
	}
	other := cmpopts.IgnoreMapEntries(func(name string, _ float64) bool { return !slices.Contains(slices.Collect(maps.Keys(want)), name) })
	if diff := cmp.Diff(want, got, other); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestEvaluateMeasuresTheTestPart(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := runner(quick(dir)...); code != contract.ExitOK {
		t.Fatal(stderr)
	}
	pictures := filepath.Join(dir, "pets")
	for i, part := range []string{"train", "test"} {
		if code, _, stderr := runner("generate-data", "--out", filepath.Join(pictures, part), "--samples-per-class=4", "--image-size=32", "--seed", string(rune('1'+i))); code != contract.ExitOK {
			t.Fatal(stderr)
		}
	}
	model := readResult(t, dir).Model.URI
	want, _ := evaluated(t, model, filepath.Join(pictures, "test"))
	got, log := evaluated(t, model, pictures)
	if diff := cmp.Diff(want.Confusion, got.Confusion); diff != "" {
		t.Errorf("confusion matrix of the test part alone, and of all (-want +got):\n%s", diff)
	}
	if !strings.Contains(log, "split already") {
		t.Errorf("the log is\n%s", log)
	}
}

// A manifest gives labels and parts to train with, and to measure with.
func TestTrainAndEvaluateByAManifest(t *testing.T) {
	dir := t.TempDir()
	pictures := filepath.Join(dir, "pets")
	if code, _, stderr := runner("generate-data", "--out", pictures, "--samples-per-class=8", "--image-size=32"); code != contract.ExitOK {
		t.Fatal(stderr)
	}
	files, err := filepath.Glob(filepath.Join(pictures, "*", "*"))
	if err != nil || len(files) != 16 {
		t.Fatal(files, err)
	}
	var rows strings.Builder
	rows.WriteString("animal;image;subset\r\n")
	for i, file := range files {
		class := filepath.Base(filepath.Dir(file))
		part := "train"
		if i%4 == 3 {
			part = "test"
		}
		rows.WriteString("a " + class + ";" + class + "/" + filepath.Base(file) + ";" + part + "\r\n")
	}
	if err := os.WriteFile(filepath.Join(pictures, "labels.csv"), []byte(rows.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := runner("train", "--data", pictures, "--labels=labels.csv", "--label-column=animal", "--image-size=32", "--architecture=SimpleCNN",
		"--epochs=1", "--output", filepath.Join(dir, "models"), "--result", filepath.Join(dir, "result.json"))
	if code != contract.ExitOK {
		t.Fatalf("train exits %d\n%s", code, stderr)
	}
	result := readResult(t, dir)
	if diff := cmp.Diff([]string{"a cat", "a dog"}, result.Model.Classes); diff != "" || result.Dataset.Samples != 16 {
		t.Errorf("%d samples, classes (-want +got):\n%s", result.Dataset.Samples, diff)
	}
	reported, log := evaluated(t, result.Model.URI, pictures, "--labels=labels.csv", "--label-column=animal")
	images := 0
	for _, row := range reported.Confusion {
		for _, n := range row {
			images += n
		}
	}
	if images != 4 || reported.Dataset.Labels != "labels.csv" || !strings.Contains(log, "A manifest gives the labels") {
		t.Errorf("measured %d images by the labels %q; the log is\n%s", images, reported.Dataset.Labels, log)
	}
}

// Data to quantize with is matched as data to measure on, and divided as in training.
func TestQuantizeMatchesClassesByName(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := runner(quick(dir)...); code != contract.ExitOK {
		t.Fatal(stderr)
	}
	swapped := relabeled(t, readResult(t, dir).Model.URI, "dog", "cat")
	out := filepath.Join(dir, "int8.onnx")
	if code, _, stderr := runner("quantize", "--model", swapped, "--out", out, "--samples-per-class=20"); code != contract.ExitOK {
		t.Errorf("exits %d\n%s", code, stderr)
	}
	strange := relabeled(t, swapped, "horse", "cow")
	code, _, stderr := runner("quantize", "--model", strange, "--out", out+".2", "--samples-per-class=20")
	if code != contract.ExitDataset || !strings.Contains(stderr, `folders for "cat", "dog"`) || !strings.Contains(stderr, `none for its "horse", "cow"`) {
		t.Errorf("exits %d\n%s", code, stderr)
	}
}
