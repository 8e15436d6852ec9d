// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package tracking

import (
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset/generate"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/internal/onnx/onnxtest"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/runner/internal/train"
)

// readRun prints what MLflow's own client finds of a run.
//
//go:embed testdata/read_run.py
var readRun string

// maxAnswerError is how far an answer may be from ONNX Runtime's, relative to the largest logit.
const maxAnswerError = 1e-4

// drawn is a short run on drawn pictures.
func drawn(output, uri string) contract.TrainConfig {
	cfg := contract.DefaultTrainConfig()
	cfg.Run = contract.Run{Name: "drawn", UID: "drawn-0123456789"}
	cfg.Dataset.Generated = &contract.Generated{SamplesPerClass: 15, Classes: []string{"cat", "dog"}, Seed: 1}
	cfg.Dataset.Split = contract.Split{ValidationPercent: 20, TestPercent: 20, Seed: 3}
	cfg.Model = contract.Model{Architecture: "SimpleCNN", ImageSize: 32}
	cfg.Training.Epochs, cfg.Training.BatchSize = 3, 8
	cfg.Output = contract.Output{Path: output, URI: "pvc://models"}
	cfg.Tracking.MLflow = &contract.MLflow{URI: uri, Experiment: "drawn", RegisteredModel: "drawn"}
	return cfg
}

// pictures are all that cfg draws, as input of its model.
func pictures(t *testing.T, cfg contract.TrainConfig) []float32 {
	t.Helper()
	source, err := generate.New(generate.ConfigOf(*cfg.Dataset.Generated, cfg.Model.ImageSize))
	if err != nil {
		t.Fatal(err)
	}
	listing, err := source.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	spec, decoder := preprocess.DefaultSpec(cfg.Model.ImageSize), preprocess.NewDecoder(preprocess.DefaultLimits())
	var all []float32
	for _, file := range listing.Files {
		data, err := source.Read(t.Context(), file.Name, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		picture := make([]float32, spec.TensorLen())
		if err := decoder.Tensor(t.Context(), spec, picture, data); err != nil {
			t.Fatal(err)
		}
		all = append(all, picture...)
	}
	return all
}

// testClient trains for real, and has MLflow's own client find the run and answer with its model.
func testClient(t *testing.T, on *server) {
	cfg := drawn(t.TempDir(), on.uri)
	tracker := New(cfg, slog.New(slog.DiscardHandler), func(contract.MLflowResult) {})
	run := &train.Run{Config: cfg, Log: slog.New(slog.DiscardHandler), Observers: []train.Observer{tracker}}
	result, err := run.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	recorded := tracker.Close(t.Context())
	if recorded.Reason != "" {
		t.Fatalf("the recording came to %+v", recorded)
	}

	input := pictures(t, cfg)
	file := filepath.Join(t.TempDir(), "pictures")
	raw, err := binary.Append(nil, binary.LittleEndian, input)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	var found struct {
		Runs []struct {
			ID, Status string
			Params     map[string]string
			Accuracy   float64
			Loss       float64
		}
		Answers map[string][]float32
	}
	said := on.real.Python(readRun, "drawn", cfg.Run.UID, file, strconv.Itoa(cfg.Model.ImageSize))
	if err := json.Unmarshal([]byte(said), &found); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if len(found.Runs) != 1 {
		t.Fatalf("search_runs finds %d runs, want 1: %s", len(found.Runs), said)
	}
	i := slices.IndexFunc(result.Metrics, func(m contract.Metric) bool { return m.Name == contract.MetricAccuracy })
	if r := found.Runs[0]; r.ID != recorded.RunID || r.Status != "FINISHED" || r.Params["training.epochs"] != "3" || r.Accuracy != result.Metrics[i].Value || r.Loss <= 0 {
		t.Errorf("search_runs finds %+v, want %s with an accuracy of %v", r, recorded.RunID, result.Metrics[i].Value)
	}

	model, err := os.ReadFile(filepath.Join(cfg.Output.Path, contract.ArtifactName(cfg.Run), contract.ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := onnx.Decode(model)
	if err != nil {
		t.Fatal(err)
	}
	batch := len(input) / (3 * cfg.Model.ImageSize * cfg.Model.ImageSize)
	want := onnxtest.Run(t, decoded.Graph, input, batch)
	for _, uri := range []string{"onnx runs:/", "onnx models:/", "pyfunc runs:/", "pyfunc models:/"} {
		got := found.Answers[uri]
		if len(got) != len(want) {
			t.Errorf("%s: %d logits, want %d", uri, len(got), len(want))
			continue
		}
		if e := onnxtest.LargestError(got, want); !(e <= maxAnswerError) {
			t.Errorf("%s: the answers differ by %.2g of the largest logit, at most %.0g", uri, e, maxAnswerError)
		}
	}
}
