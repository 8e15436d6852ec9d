// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package trainer holds the example of a trainer of one's own, docs/examples/pytorch-trainer, to the contract: what it leaves is what the
// operator reads and the server serves.
package trainer

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
)

const script = "../../../docs/examples/pytorch-trainer/train.py"

// environment returns the programs that make test-trainer names.
func environment(t *testing.T) (python, runner, server string) {
	t.Helper()
	python, runner, server = os.Getenv("TRAINER_PYTHON"), os.Getenv("RUNNER"), os.Getenv("SERVER")
	if python == "" {
		t.Skip("make test-trainer runs it")
	}
	return python, runner, server
}

// run runs a program and returns what it prints, and its exit code.
func run(t *testing.T, env []string, program string, args ...string) (string, int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, args...)
	command.Env = append(os.Environ(), env...)
	out, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), command.ProcessState.ExitCode()
}

// job is a TrainingRun's container, as the operator would start it.
type job struct {
	folder string
	config map[string]any
}

func newJob(t *testing.T, runner string) job {
	t.Helper()
	folder := t.TempDir()
	if out, code := run(t, nil, runner, "generate-data", "--out", filepath.Join(folder, "data"), "--samples-per-class", "60", "--image-size", "48"); code != 0 {
		t.Fatalf("generate-data: %s", out)
	}
	return job{folder: folder, config: map[string]any{
		"version": 1,
		"run":     map[string]any{"name": "pets", "namespace": "team", "uid": "0123456789abcdef"},
		"dataset": map[string]any{"path": filepath.Join(folder, "data"), "split": map[string]any{"validationPercent": 20, "testPercent": 20, "seed": 7}},
		"model":   map[string]any{"architecture": "BaselineCNN", "imageSize": 48},
		"training": map[string]any{
			"epochs": 3, "batchSize": 16, "learningRate": 0.001, "weightDecay": 0.0001, "optimizer": "AdamW", "seed": 7,
		},
		"output": map[string]any{"path": filepath.Join(folder, "output"), "uri": "pvc://models"},
	}}
}

// train runs the example, and returns what it says as the operator decodes it.
func (j job) train(t *testing.T, python string) (result contract.TrainResult, code int) {
	t.Helper()
	config, err := json.Marshal(j.config)
	if err != nil {
		t.Fatal(err)
	}
	said := filepath.Join(j.folder, "termination-log")
	out, code := run(t, []string{"TRAINYARD_CONFIG=" + string(config), "TERMINATION_LOG=" + said, "WEIGHTS="}, python, script, "train")
	data, err := os.ReadFile(said)
	if err != nil {
		t.Fatalf("no result: %v\n%s", err, out)
	}
	if err := contract.DecodeResult(data, &result); err != nil {
		t.Fatalf("result: %v\n%s", err, data)
	}
	return result, code
}

// The artifact is whole, the operator takes the result, and the server answers each sample as the trained network did.
func TestItsModelIsServed(t *testing.T) {
	python, runner, server := environment(t)
	j := newJob(t, runner)
	result, code := j.train(t, python)
	if code != contract.ExitOK || result.Outcome != contract.OutcomeSucceeded || result.Model == nil {
		t.Fatalf("exit code %d, result %+v", code, result)
	}
	manifest, err := artifact.Published(filepath.Join(j.folder, "output"), contract.Run{Name: "pets", UID: "0123456789abcdef"})
	if err != nil {
		t.Fatal(err)
	}
	if got := manifest.Result.Model.SHA256; got != result.Model.SHA256 || result.Model.URI != "pvc://models/pets-01234567/model.onnx" {
		t.Errorf("the manifest has model %s, the result %+v", got, result.Model)
	}
	folder := filepath.Join(j.folder, "output", "pets-01234567")
	out, code := run(t, nil, server, "smoke", "--url", serve(t, server, filepath.Join(folder, "model.onnx")), "--samples", filepath.Join(folder, "samples.tar"))
	if code != 0 || !strings.Contains(out, "integrity     Passed") {
		t.Errorf("smoke test: exit code %d\n%s", code, out)
	}
	again, code := j.train(t, python)
	if code != contract.ExitOK || again.Model.SHA256 != result.Model.SHA256 {
		t.Errorf("begun again it ends with exit code %d and model %+v, want what is published", code, again.Model)
	}
}

func TestItSaysWhatFailed(t *testing.T) {
	python, runner, _ := environment(t)
	j := newJob(t, runner)
	j.config["gates"] = []map[string]any{{"metric": "accuracy", "min": 1.01}}
	if result, code := j.train(t, python); code != contract.ExitGate || result.Reason != contract.ReasonGateNotMet || result.Model == nil {
		t.Errorf("a missed gate: exit code %d, %+v", code, result)
	}
	j.config["dataset"].(map[string]any)["path"] = j.folder + "/nowhere"
	j.config["run"].(map[string]any)["uid"] = "another-one"
	if result, code := j.train(t, python); code != contract.ExitDataset || result.Reason != contract.ReasonDatasetInvalid || !strings.Contains(result.Message, "nowhere") {
		t.Errorf("no dataset: exit code %d, %+v", code, result)
	}
}

// serve serves a model until the test ends and returns its address.
func serve(t *testing.T, server, model string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	_, port, _ := net.SplitHostPort(address)
	command := exec.CommandContext(t.Context(), server, "serve", "--name", "pets", "--model", model, "--address", "127.0.0.1", "--port", port, "--termination-log", os.DevNull)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		response, err := http.Get("http://" + address + "/v2/health/ready") //nolint:noctx // the test's own server
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return "http://" + address
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server isn't ready: %v", err)
		}
	}
}
