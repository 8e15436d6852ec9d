// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/dataset/dvc/dvctest"
	"github.com/trainyard-dev/trainyard/internal/onnx"
	"github.com/trainyard-dev/trainyard/runner/internal/evaluate"
)

// mainEnv makes the test's own executable the runner, for tests that send it signals.
const mainEnv = "TRAINYARD_TEST_RUNNER"

func TestMain(m *testing.M) {
	if os.Getenv(mainEnv) != "" {
		os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// runner runs the program in this process.
func runner(args ...string) (exitCode int, stdout, stderr string) {
	var out, errs bytes.Buffer
	exitCode = Main(args, &out, &errs)
	return exitCode, out.String(), errs.String()
}

// quick are the flags of a training that takes a moment.
func quick(dir string, more ...string) []string {
	return append([]string{"train", "--samples-per-class=12", "--image-size=32", "--architecture=SimpleCNN", "--epochs=2",
		"--batch-size=8", "--validation-percent=20", "--test-percent=20", "--output=" + filepath.Join(dir, "models"),
		"--result=" + filepath.Join(dir, "result.json")}, more...)
}

func readResult(t *testing.T, dir string) contract.TrainResult {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	var result contract.TrainResult
	if err := contract.DecodeResult(data, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

func TestTrainThenEvaluate(t *testing.T) {
	dir := t.TempDir()
	code, stdout, stderr := runner(quick(dir)...)
	if code != contract.ExitOK {
		t.Fatalf("train exits %d\n%s", code, stderr)
	}
	result := readResult(t, dir)
	if result.Outcome != contract.OutcomeSucceeded || !strings.Contains(stdout, result.Model.URI) || !strings.Contains(stdout, result.Model.SHA256) {
		t.Errorf("result is %+v, stdout\n%s", result, stdout)
	}
	if !strings.Contains(stderr, "INF Epoch 2 of 2") {
		t.Errorf("the log is\n%s", stderr)
	}

	pictures, reportDir := filepath.Join(dir, "pets"), filepath.Join(dir, "report")
	if code, stdout, stderr = runner("generate-data", "--out", pictures, "--samples-per-class=5", "--image-size=32", "--seed=9"); code != contract.ExitOK {
		t.Fatalf("generate-data exits %d\n%s", code, stderr)
	}
	if !strings.Contains(stdout, "10 pictures in "+pictures) {
		t.Errorf("generate-data says %q", stdout)
	}
	code, stdout, stderr = runner("evaluate", "--model", result.Model.URI, "--data", pictures, "--report", reportDir)
	if code != contract.ExitOK {
		t.Fatalf("evaluate exits %d\n%s", code, stderr)
	}
	for _, want := range []string{"accuracy           0.", " with 95 % confidence\n", "true \\ predicted  cat  dog"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("evaluate doesn't print %q:\n%s", want, stdout)
		}
	}
	for _, name := range []string{"report.json", "confusion-matrix.png"} {
		if _, err := os.Stat(filepath.Join(reportDir, name)); err != nil {
			t.Error(err)
		}
	}
}

// job sets the environment of a Job.
func job(t *testing.T, change func(cfg *contract.TrainConfig)) {
	t.Helper()
	generated := contract.DefaultGenerated()
	generated.SamplesPerClass = 12
	cfg := contract.DefaultTrainConfig()
	cfg.Run.UID = "0123456789"
	cfg.Dataset.Generated = &generated
	cfg.Model = contract.Model{Architecture: "SimpleCNN", ImageSize: 32}
	cfg.Training.Epochs, cfg.Training.BatchSize = 1, 8
	cfg.Dataset.Split.TestPercent = 60 // many enough that not all are right
	if change != nil {
		change(&cfg)
	}
	encoded, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(contract.ConfigEnv, string(encoded))
}

func TestJobTakesItsConfigurationFromTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	job(t, func(cfg *contract.TrainConfig) {
		cfg.Output = contract.Output{Path: dir, URI: "pvc://models/"}
		cfg.Gates = []contract.Gate{{Metric: "accuracy", Min: 1}}
	})
	// A flag overrides one field, a repeated one adds to a list.
	code, stdout, stderr := runner("train", "--name=renamed", "--gate=recall=0", "--listen=127.0.0.1:0", "--result="+filepath.Join(dir, "result.json"))
	if code != contract.ExitGate {
		t.Fatalf("exits %d\n%s", code, stderr)
	}
	result := readResult(t, dir)
	if result.Reason != contract.ReasonGateNotMet || result.Model.URI != "pvc://models/renamed-01234567/model.onnx" || result.LogTail == "" {
		t.Errorf("result is %+v", result)
	}
	if lines := strings.Split(strings.TrimSpace(stdout), "\n"); len(lines) != 2 || !strings.Contains(lines[0], " epoch=1 ") || !strings.Contains(lines[1], " accuracy=") {
		t.Errorf("stdout is %q, want a line of metrics for the epoch and one for the model", stdout)
	}
	first, _, _ := strings.Cut(stderr, "\n")
	var line map[string]any
	if err := json.Unmarshal([]byte(first), &line); err != nil {
		t.Errorf("the log is no JSON: %q", first)
	}
}

// What DVC keeps is trained on as the same folder is, and the result names the commit.
func TestTrainOnWhatDVCKeeps(t *testing.T) {
	pictures := filepath.Join(t.TempDir(), "pets")
	if code, _, stderr := runner("generate-data", "--out", pictures, "--samples-per-class=12", "--image-size=32"); code != contract.ExitOK {
		t.Fatalf("generate-data exits %d\n%s", code, stderr)
	}
	repo, revision := dvctest.New(t, pictures, t.TempDir())
	train := func(source ...string) contract.TrainResult {
		dir := t.TempDir()
		args := append([]string{"train"}, source...)
		args = append(args, "--image-size=32", "--architecture=SimpleCNN", "--epochs=1", "--batch-size=8", "--validation-percent=20",
			"--test-percent=20", "--output="+filepath.Join(dir, "models"), "--result="+filepath.Join(dir, "result.json"))
		if code, _, stderr := runner(args...); code != contract.ExitOK {
			t.Fatalf("train exits %d\n%s", code, stderr)
		}
		return readResult(t, dir)
	}
	kept := train("--dvc=file://"+repo, "--rev="+revision, "--dvc-path="+dvctest.Path, "--dvc-remote="+dvctest.Remote)
	if kept.Dataset.Revision != revision {
		t.Errorf("the result names revision %q, want %q", kept.Dataset.Revision, revision)
	}
	if folder := train("--data=" + pictures); folder.Model.SHA256 != kept.Model.SHA256 || folder.Dataset.Digest != kept.Dataset.Digest {
		t.Errorf("the folder gave %+v of %+v, DVC %+v of %+v", folder.Model, folder.Dataset, kept.Model, kept.Dataset)
	}
}

func TestFailuresLeaveAResult(t *testing.T) {
	dir := t.TempDir()
	notes := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(notes, []byte("no model"), 0o644); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(t.TempDir(), "large.onnx")
	if err := os.WriteFile(large, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, onnx.MaxFileBytes+1); err != nil { // takes no room on disk
		t.Fatal(err)
	}
	cases := map[string]struct {
		args   []string
		code   int
		reason string
		says   string
	}{
		"no dataset":         {[]string{"train"}, contract.ExitConfig, contract.ReasonConfigInvalid, "--data"},
		"missing dataset":    {[]string{"train", "--data=/nowhere"}, contract.ExitDataset, contract.ReasonDatasetNotFound, "/nowhere"},
		"unknown flag":       {[]string{"train", "--speed=9"}, contract.ExitConfig, contract.ReasonConfigInvalid, "--speed"},
		"argument":           {[]string{"train", "pets"}, contract.ExitConfig, contract.ReasonConfigInvalid, "pets"},
		"unknown command":    {[]string{"trane"}, contract.ExitConfig, contract.ReasonConfigInvalid, "trane"},
		"missing config":     {[]string{"train", "--config=/nowhere.json"}, contract.ExitConfig, contract.ReasonConfigInvalid, "/nowhere.json"},
		"bad gate":           {[]string{"train", "--gate=accuracy"}, contract.ExitConfig, contract.ReasonConfigInvalid, "accuracy=0.9"},
		"bad log format":     {[]string{"train", "--log-format=xml"}, contract.ExitConfig, contract.ReasonConfigInvalid, "xml"},
		"bad address":        {[]string{"train", "--data=/nowhere", "--listen=nowhere"}, contract.ExitConfig, contract.ReasonConfigInvalid, "nowhere"},
		"required flag":      {[]string{"evaluate", "--data=x"}, contract.ExitConfig, contract.ReasonConfigInvalid, "model"},
		"missing model":      {[]string{"evaluate", "--data=x", "--model=/nowhere"}, contract.ExitArtifact, contract.ReasonArtifactInvalid, "/nowhere"},
		"no model":           {[]string{"evaluate", "--data=x", "--model=" + notes}, contract.ExitArtifact, contract.ReasonArtifactInvalid, "notes.txt"},
		"large model":        {[]string{"evaluate", "--data=x", "--model=" + large}, contract.ExitArtifact, contract.ReasonArtifactInvalid, "too large"},
		"quantize large":     {[]string{"quantize", "--model=" + large, "--out=y", "--data=x"}, contract.ExitArtifact, contract.ReasonArtifactInvalid, "too large"},
		"quantize nothing":   {[]string{"quantize", "--model=x", "--out=y"}, contract.ExitConfig, contract.ReasonConfigInvalid, "--data"},
		"quantize no model":  {[]string{"quantize", "--model=" + notes, "--out=y", "--data=x"}, contract.ExitArtifact, contract.ReasonArtifactInvalid, "notes.txt"},
		"bad quantization":   {[]string{"train", "--data=" + dir, "--quantization=Int4"}, contract.ExitConfig, contract.ReasonConfigInvalid, "output.quantization"},
		"unknown class":      {[]string{"generate-data", "--out=" + dir, "--classes=cat,cow"}, contract.ExitConfig, contract.ReasonConfigInvalid, "cow"},
		"output is no place": {[]string{"generate-data", "--out=" + notes}, contract.ExitConfig, contract.ReasonConfigInvalid, "not a directory"},
		"two sources":        {[]string{"train", "--data=x", "--samples-per-class=5"}, contract.ExitConfig, contract.ReasonConfigInvalid, "--samples-per-class"},
		"two remote sources": {[]string{"train", "--data=x", "--dvc=y"}, contract.ExitConfig, contract.ReasonConfigInvalid, "--data and --dvc: train on one of them"},
		"DVC without a repo": {[]string{"train", "--dvc-path=x"}, contract.ExitConfig, contract.ReasonConfigInvalid, "--dvc-path says more of a repository"},
		"no repository":      {[]string{"train", "--dvc=/nowhere"}, contract.ExitDataset, contract.ReasonDatasetNotFound, "no Git repository"},
		"overwrite a model":  {[]string{"quantize", "--model=" + notes, "--out=" + notes, "--data=x"}, contract.ExitConfig, contract.ReasonConfigInvalid, "exists already"},
		"data there already": {[]string{"generate-data", "--out=" + dir}, contract.ExitConfig, contract.ReasonConfigInvalid, "isn't empty"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			a := newApp(&stdout, &stderr)
			a.resultFile = filepath.Join(t.TempDir(), "result.json")
			if code := a.run(t.Context(), tc.args); code != tc.code {
				t.Errorf("exits %d, want %d", code, tc.code)
			}
			result := readResult(t, filepath.Dir(a.resultFile))
			if result.Outcome != contract.OutcomeFailed || result.Reason != tc.reason || !strings.Contains(result.Message, tc.says) {
				t.Errorf("result is %s, %s, %q; want %s and %q", result.Outcome, result.Reason, result.Message, tc.reason, tc.says)
			}
			if !strings.Contains(stderr.String(), tc.says) {
				t.Errorf("stderr is %q, want it to say %q", &stderr, tc.says)
			}
		})
	}
}

func TestEvaluateRefusesOtherClasses(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := runner(quick(dir)...); code != contract.ExitOK {
		t.Fatal(stderr)
	}
	pictures := filepath.Join(dir, "pets")
	if code, _, stderr := runner("generate-data", "--out", pictures, "--samples-per-class=4", "--image-size=32"); code != contract.ExitOK {
		t.Fatal(stderr)
	}
	if err := os.Rename(filepath.Join(pictures, "cat"), filepath.Join(pictures, "kitten")); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := runner("evaluate", "--model", readResult(t, dir).Model.URI, "--data", pictures)
	if code != contract.ExitDataset || !strings.Contains(stderr, "kitten") {
		t.Errorf("exits %d\n%s", code, stderr)
	}
}

func TestQuantize(t *testing.T) {
	dir := t.TempDir()
	if code, _, stderr := runner(append(quick(dir), "--calibration=Temperature")...); code != contract.ExitOK {
		t.Fatal(stderr)
	}
	model := readResult(t, dir).Model
	out, resultFile := filepath.Join(dir, "int8.onnx"), filepath.Join(dir, "quantize.json")
	command := []string{"quantize", "--model", model.URI, "--out", out, "--samples-per-class=20", "--test-percent=50", "--result", resultFile}
	code, stdout, stderr := runner(command...)
	if code != contract.ExitOK {
		t.Fatalf("exits %d\n%s", code, stderr)
	}
	for _, want := range []string{"float32", "int8", "accuracy ", out} {
		if !strings.Contains(stdout, want) {
			t.Errorf("doesn't print %q:\n%s", want, stdout)
		}
	}
	var result quantizeResult
	content, err := os.ReadFile(resultFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &result); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if result.Model != out || result.CalibrationSamples != 4 || result.TestSamples != 20 || int64(result.Float32.SizeBytes) != model.SizeBytes ||
		result.Int8.SizeBytes != len(file) || 2*len(file) > result.Float32.SizeBytes {
		t.Errorf("result is %+v, the file has %d bytes", result, len(file))
	}
	for _, m := range result.Int8.Metrics {
		if m.Name == contract.MetricAccuracyLoss && m.Value != result.Float32.Metrics[0].Value-result.Int8.Metrics[0].Value {
			t.Errorf("accuracy lost is %v of\n%s", m.Value, stdout)
		}
	}
	quantized, err := evaluate.LoadModel(out, 1)
	if err != nil {
		t.Fatal(err)
	}
	for model, metrics := range map[string][]contract.Metric{"float32": result.Float32.Metrics, "int8": result.Int8.Metrics} {
		i := slices.IndexFunc(metrics, func(m contract.Metric) bool { return m.Name == contract.MetricTemperature })
		if i < 0 || model == "int8" && metrics[i].Value != quantized.Metadata.Temperature {
			t.Errorf("the temperature of the %s model is not among %v", model, metrics)
		}
	}
	// What it wrote is a model like any other, but not one to be quantized again.
	command[2], command[4] = out, out+".again"
	if code, _, stderr := runner(command...); code != contract.ExitArtifact || !strings.Contains(stderr, "quantized already") {
		t.Errorf("quantized again exits %d\n%s", code, stderr)
	}
}

func TestPanicLeavesAResult(t *testing.T) {
	var stderr bytes.Buffer
	a := newApp(panicking{}, &stderr)
	a.resultFile = filepath.Join(t.TempDir(), "result.json")
	if code := a.run(t.Context(), []string{"version"}); code != 1 {
		t.Errorf("exits %d, want 1", code)
	}
	result := readResult(t, filepath.Dir(a.resultFile))
	if result.Reason != contract.ReasonRunnerFailed || !strings.Contains(result.Message, "out of paper") || !strings.Contains(result.LogTail, ".go:") {
		t.Errorf("result is %+v", result)
	}
}

type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("out of paper") }

func TestResultThatCannotBeWrittenIsAFailure(t *testing.T) {
	dir := t.TempDir()
	code, _, stderr := runner(quick(dir, "--epochs=1", "--result=/dev/full")...)
	if code != contract.ExitTemporary || !strings.Contains(stderr, "write result") {
		t.Errorf("exits %d\n%s", code, stderr)
	}
}

func TestFilesThatCannotBeWrittenAreToldBeforeTheWork(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing", "result.json")
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"result of a training":     {quick(dir, "--result="+missing), "--result: folder " + filepath.Dir(missing) + " isn't there: create it"},
		"split":                    {quick(dir, "--split-out="+missing), "--split-out: folder"},
		"result that is a folder":  {quick(dir, "--result="+dir), "--result: " + dir + " is a folder: name a file"},
		"result of a quantization": {[]string{"quantize", "--model=x", "--data=x", "--out=" + filepath.Join(dir, "y"), "--result=" + missing}, "--result: folder"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := runner(tc.args...)
			if code != contract.ExitConfig || !strings.Contains(stderr, tc.says) || strings.Contains(stderr, "write result") {
				t.Errorf("exits %d, want %d and %q:\n%s", code, contract.ExitConfig, tc.says, stderr)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	if code, stdout, _ := runner("version"); code != contract.ExitOK || strings.TrimSpace(stdout) == "" {
		t.Errorf("exits %d, prints %q", code, stdout)
	}
}

func TestGatesFlag(t *testing.T) {
	var g gates
	for _, value := range []string{"accuracy=0.9,recall=0.85", "f1=1", "loss=0.3"} {
		if err := g.Set(value); err != nil {
			t.Fatal(err)
		}
	}
	want := gates{{Metric: "accuracy", Min: 0.9}, {Metric: "recall", Min: 0.85}, {Metric: "f1", Min: 1}, {Metric: "loss", Max: 0.3}}
	if diff := cmp.Diff(want, g); diff != "" {
		t.Errorf("gates (-want +got):\n%s", diff)
	}
	var again gates
	if err := again.Set(g.String()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(g, again); diff != "" {
		t.Errorf("String and Set differ:\n%s", diff)
	}
}

// freeAddress returns an address on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// awaitStep waits until the runner has made so many steps.
func awaitStep(t *testing.T, address string, step int64) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		response, err := http.Get("http://" + address + contract.ProgressPath)
		if err != nil {
			continue // not there yet
		}
		var p contract.Progress
		err = json.NewDecoder(response.Body).Decode(&p)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if p.Step >= step {
			return
		}
	}
	t.Fatalf("no step %d in two minutes", step)
}

func TestSIGTERM(t *testing.T) {
	reference := t.TempDir()
	if code, _, stderr := runner(quick(reference, "--epochs=40")...); code != contract.ExitOK {
		t.Fatal(stderr)
	}
	want := readResult(t, reference)

	dir, address := t.TempDir(), freeAddress(t)
	command := exec.Command(os.Args[0], quick(dir, "--epochs=40", "--listen="+address)...)
	command.Env = append(os.Environ(), mainEnv+"=1")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	awaitStep(t, address, 3)
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait() // the exit code tells
	if got := command.ProcessState.ExitCode(); got != contract.ExitTerminated {
		t.Fatalf("exits %d, want %d\n%s", got, contract.ExitTerminated, &stderr)
	}
	if !strings.Contains(stderr.String(), "The same command goes on from there.") {
		t.Errorf("it doesn't say how to go on:\n%s", &stderr)
	}
	stopped := readResult(t, dir)
	if stopped.Outcome != contract.OutcomeInterrupted || stopped.Checkpoint == nil || stopped.Checkpoint.Step < 3 {
		t.Errorf("result is %+v", stopped)
	}

	code, _, log := runner(quick(dir, "--epochs=40")...)
	if code != contract.ExitOK || !strings.Contains(log, fmt.Sprintf("Going on from a checkpoint epoch=%d step=%d", stopped.Checkpoint.Epoch, stopped.Checkpoint.Step)) {
		t.Fatalf("exits %d\n%s", code, log)
	}
	if got := readResult(t, dir); got.Model.SHA256 != want.Model.SHA256 {
		t.Error("the model differs from that of an uninterrupted run")
	}
}
