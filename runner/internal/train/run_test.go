// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package train

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/trainyard-dev/trainyard/internal/artifact"
	"github.com/trainyard-dev/trainyard/internal/contract"
	"github.com/trainyard-dev/trainyard/internal/preprocess"
	"github.com/trainyard-dev/trainyard/runner/internal/evaluate"
	"github.com/trainyard-dev/trainyard/runner/internal/failure"
	"github.com/trainyard-dev/trainyard/runner/internal/report"
)

// smallConfig trains a small network for three epochs of three steps, with everything random at work.
func smallConfig(output string) contract.TrainConfig {
	cfg := contract.DefaultTrainConfig()
	cfg.Run = contract.Run{Name: "small", UID: "0123456789abcdef"}
	cfg.Dataset.Generated = &contract.Generated{SamplesPerClass: 15, Classes: []string{"cat", "dog"}, Seed: 1}
	cfg.Dataset.Split = contract.Split{ValidationPercent: 20, TestPercent: 20, Seed: 3}
	cfg.Dataset.Augmentation = contract.Augmentation{RotationDegrees: 10, HorizontalFlip: true, Brightness: 0.2, Contrast: 0.2, Saturation: 0.2}
	cfg.Model = contract.Model{Architecture: "SimpleCNN", ImageSize: 32, Dropout: 0.3}
	cfg.Training.Epochs, cfg.Training.BatchSize = 3, 8
	cfg.Output = contract.Output{Path: output, URI: "pvc://models"}
	return cfg
}

func newRun(cfg contract.TrainConfig, observers ...Observer) *Run {
	return &Run{Config: cfg, Log: slog.New(slog.DiscardHandler), Observers: observers}
}

// recorder keeps the events of runs. A run has told it everything when it returns.
type recorder struct{ events []Event }

func (r *recorder) Observe(event Event) error {
	r.events = append(r.events, event)
	return nil
}

// images is how many were trained on.
func (r *recorder) images() int {
	n := 0
	for _, event := range r.events {
		if step, ok := event.(Stepped); ok {
			n += step.Images
		}
	}
	return n
}

// kinds are the names of the events without those that say how far something has come.
func (r *recorder) kinds() []string {
	var kinds []string
	for _, event := range r.events {
		switch event.(type) {
		case Fetching, Scanning, Stepped:
		default:
			kinds = append(kinds, strings.TrimPrefix(fmt.Sprintf("%T", event), "train."))
		}
	}
	return kinds
}

// exitCode of an error, 0 for none.
func exitCode(err error) int {
	if err == nil {
		return contract.ExitOK
	}
	_, code := failure.Of(err)
	return code
}

func mustDo(t *testing.T, run *Run) contract.TrainResult {
	t.Helper()
	result, err := run.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// doAndStop does a run and stops it, as a signal does, in the midst of its n-th step.
func doAndStop(t *testing.T, run *Run, n int) (contract.TrainResult, error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	a := run.attempt()
	rate, asked := a.rate, 0
	a.rate = func(m moment) float64 {
		if asked++; asked == n {
			cancel(failure.ErrInterrupted)
		}
		return rate(m)
	}
	return a.run(ctx)
}

func TestRunPublishes(t *testing.T) {
	output := t.TempDir()
	seen := &recorder{}
	run := newRun(smallConfig(output), seen)
	run.SplitFile = filepath.Join(t.TempDir(), "split.json")
	result := mustDo(t, run)

	manifest, err := artifact.Published(output, run.Config.Run)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(manifest.Result, result); diff != "" {
		t.Errorf("manifest and result differ (-manifest +result):\n%s", diff)
	}
	if result.Outcome != contract.OutcomeSucceeded || result.Model.URI != "pvc://models/small-01234567/model.onnx" ||
		result.Model.Samples.URI != "pvc://models/small-01234567/samples.tar" || len(result.Metrics) != 12 || result.Chance == nil ||
		result.Dataset.Samples != 30 || result.Checkpoint != nil || result.Trained == nil || *result.Trained != (contract.Checkpoint{Epoch: 3, Step: 9}) {
		t.Errorf("result is %+v", result)
	}
	var files []string
	for _, file := range manifest.Files {
		files = append(files, file.Path)
	}
	want := []string{"model.onnx", "samples.tar", "report/report.json", "report/metrics.json", "report/confusion-matrix.png",
		"report/training-curves.png", "report/details.json", "report/roc.png", "report/precision-recall.png", "report/calibration.png", "report/report.html"}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	entries, err := os.ReadDir(output)
	if err != nil || len(entries) != 1 {
		t.Errorf("besides the artifact there are %v, %v", entries, err)
	}
	checkEvents(t, seen, result)
	checkReport(t, filepath.Join(output, "small-01234567", "report", "report.json"), result)
	checkSplitFile(t, run.SplitFile)
}

// checkEvents holds the events of a whole run to its result.
func checkEvents(t *testing.T, seen *recorder, result contract.TrainResult) {
	t.Helper()
	want := []string{
		"Started", "EpochEnded", "Checkpointed", "EpochEnded", "Checkpointed", "EpochEnded", "Checkpointed", "Evaluated", "Published", "Ended",
	}
	if diff := cmp.Diff(want, seen.kinds()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	var history []report.Epoch
	for _, event := range seen.events {
		switch e := event.(type) {
		case Started:
			if e.Epochs != 3 || e.StepsPerEpoch != 3 || e.Done != 0 || e.Complete || e.Checkpoint != nil || !cmp.Equal(e.Dataset, *result.Dataset) || e.Parameters == 0 {
				t.Errorf("started with %+v", e)
			}
		case EpochEnded:
			history = append(history, e.Epoch)
			if e.Number != len(history) || e.Done != int64(3*len(history)) || e.Last != (e.Number == 3) {
				t.Errorf("epoch %d ended as %+v", len(history), e)
			}
		case Evaluated:
			if diff := cmp.Diff(result.Metrics, e.Metrics); diff != "" || e.Float32 != nil || e.SizeBytes != int(result.Model.SizeBytes) {
				t.Errorf("evaluated %+v (-result +event):\n%s", e, diff)
			}
		case Published:
			if diff := cmp.Diff(result, e.Result); diff != "" || e.Before {
				t.Errorf("published %v (-result +event):\n%s", e.Before, diff)
			}
		case Ended:
			if diff := cmp.Diff(result, e.Result); diff != "" || e.Err != nil || len(e.History) != 3 || !cmp.Equal(e.History, history) {
				t.Errorf("ended with %v, %v (-result +event):\n%s", e.Err, e.History, diff)
			}
		}
	}
}

// A quantized run publishes the int8 model with its own answers, keeps the float32 one beside it, and says what was lost.
func TestRunPublishesQuantized(t *testing.T) {
	output := t.TempDir()
	cfg := smallConfig(output)
	cfg.Output.Quantization = contract.QuantizationInt8
	run := newRun(cfg)
	result := mustDo(t, run)
	dir := filepath.Join(output, "small-01234567")

	models := map[string]*evaluate.Model{}
	for _, name := range []string{contract.ModelFile, contract.FloatModelFile} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if models[name], err = evaluate.ReadModel(content, 1); err != nil {
			t.Fatal(err)
		}
	}
	int8, float := models[contract.ModelFile].Metadata, models[contract.FloatModelFile].Metadata
	if int8.Quantization != contract.QuantizationInt8 || float.Quantization != "" {
		t.Errorf("the models say they are %q and %q", int8.Quantization, float.Quantization)
	}
	if want := float.Metrics[contract.MetricAccuracy] - int8.Metrics[contract.MetricAccuracy]; int8.Metrics[contract.MetricAccuracyLoss] != want {
		t.Errorf("metadata tell of %v, the accuracy lost is %v", int8.Metrics, want)
	}
	if diff := cmp.Diff(contract.ModelMetrics(result.Metrics), int8.Metrics); diff != "" || len(int8.Metrics) != 6 {
		t.Errorf("metrics (-result +model):\n%s", diff)
	}
	if len(result.Metrics) != 13 || result.Model.SizeBytes > 40_000 {
		t.Errorf("result is %+v, model %+v", result, result.Model)
	}

	// The float32 model is the one of a run that does not quantize.
	plain := t.TempDir()
	want := mustDo(t, newRun(smallConfig(plain)))
	file, err := os.ReadFile(filepath.Join(dir, contract.FloatModelFile))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != want.Model.SHA256 {
		t.Error("the float32 model is another than without quantization")
	}

	var rep report.Report
	readJSON(t, filepath.Join(dir, "report", "report.json"), &rep)
	if diff := cmp.Diff(want.Metrics, rep.Float32Metrics); diff != "" {
		t.Errorf("float32 metrics in the report (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(result.Metrics, rep.Metrics); diff != "" {
		t.Errorf("metrics in the report (-want +got):\n%s", diff)
	}
	checkSamples(t, filepath.Join(dir, contract.SamplesFile), models[contract.ModelFile])
}

// A calibrated run stores in each of its models a temperature of its own, and says what it does. Nothing else of them changes.
func TestRunPublishesCalibrated(t *testing.T) {
	output := t.TempDir()
	cfg := smallConfig(output)
	cfg.Output.Quantization, cfg.Output.Calibration = contract.QuantizationInt8, contract.CalibrationTemperature
	result := mustDo(t, newRun(cfg))
	dir := filepath.Join(output, "small-01234567")
	temperatures := map[string]float64{}
	for _, name := range []string{contract.ModelFile, contract.FloatModelFile} {
		model, err := evaluate.LoadModel(filepath.Join(dir, name), 1)
		if err != nil {
			t.Fatal(err)
		}
		temperatures[name] = model.Metadata.Temperature
		if model.Temperature != 0 || model.Metadata.Temperature <= 0 {
			t.Errorf("%s has the temperature %v, and uses %v unasked", name, model.Metadata.Temperature, model.Temperature)
		}
	}
	var rep report.Report
	readJSON(t, filepath.Join(dir, "report", "report.json"), &rep)
	if c := rep.Calibration; c == nil || c.Temperature != temperatures[contract.ModelFile] || c.Test == nil || c.Validation.Images == 0 ||
		c.Validation.CalibratedLoss > c.Validation.Loss {
		t.Errorf("calibration in the report: %+v", rep.Calibration)
	}
	for name, metrics := range map[string][]contract.Metric{contract.ModelFile: result.Metrics, contract.FloatModelFile: rep.Float32Metrics} {
		i := slices.IndexFunc(metrics, func(m contract.Metric) bool { return m.Name == contract.MetricTemperature })
		if i < 0 || metrics[i].Value != temperatures[name] || metrics[i+1].Name != contract.MetricCalibratedError {
			t.Errorf("metrics of %s: %v, want the temperature %v and what it leaves", name, metrics, temperatures[name])
		}
	}
}

// checkSamples holds samples to the answers of a model, to the last bit.
func checkSamples(t *testing.T, path string, model *evaluate.Model) {
	t.Helper()
	digest, _, err := artifact.FileDigest(path)
	if err != nil {
		t.Fatal(err)
	}
	samples, err := artifact.OpenSamples(path, digest)
	if err != nil {
		t.Fatal(err)
	}
	if len(samples.Items) != 6 {
		t.Errorf("%d samples", len(samples.Items))
	}
	spec := model.Metadata.Preprocess
	tensor := make([]float32, spec.TensorLen())
	for i, sample := range samples.Items {
		if err := preprocess.NewDecoder(preprocess.DefaultLimits()).Tensor(t.Context(), spec, tensor, sample.Image); err != nil {
			t.Fatal(err)
		}
		got, err := model.Logits(tensor, 1)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sample.Logits, got); diff != "" {
			t.Errorf("sample %d (-recorded +model):\n%s", i, diff)
		}
	}
}

func checkReport(t *testing.T, path string, result contract.TrainResult) {
	t.Helper()
	var rep report.Report
	readJSON(t, path, &rep)
	if diff := cmp.Diff(result.Metrics, rep.Metrics); diff != "" {
		t.Errorf("metrics of result and report (-result +report):\n%s", diff)
	}
	if rep.Dataset.Train != 18 || rep.Dataset.Validation != 6 || rep.Dataset.Test != 6 || len(rep.History.Epochs) != 3 || rep.History.BestEpoch < 1 {
		t.Errorf("report tells of %+v and %+v", rep.Dataset, rep.History)
	}
}

func checkSplitFile(t *testing.T, path string) {
	t.Helper()
	var parts map[string][]string
	readJSON(t, path, &parts)
	seen := map[string]bool{}
	for _, names := range parts {
		for _, name := range names {
			seen[name] = true
		}
	}
	if len(parts["train"]) != 18 || len(parts["validation"]) != 6 || len(parts["test"]) != 6 || len(seen) != 30 {
		t.Errorf("split file has %d parts with %d different files", len(parts), len(seen))
	}
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func TestSamplesHoldTheModelToItsAnswers(t *testing.T) {
	output := t.TempDir()
	result := mustDo(t, newRun(smallConfig(output)))
	dir := filepath.Join(output, "small-01234567")
	samples, err := artifact.OpenSamples(filepath.Join(dir, contract.SamplesFile), result.Model.Samples.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	data, _, err := artifact.ReadVerified(filepath.Join(dir, contract.ModelFile), result.Model.SHA256, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	classifier, err := evaluate.ReadModel(data, 1)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	right := 0
	for i, item := range samples.Items {
		counts[item.Label]++
		tensor := make([]float32, classifier.Metadata.Preprocess.TensorLen())
		if err := preprocess.NewDecoder(preprocess.DefaultLimits()).Tensor(t.Context(), classifier.Metadata.Preprocess, tensor, item.Image); err != nil {
			t.Fatal(err)
		}
		logits, err := classifier.Logits(tensor, 1)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(item.Logits, logits); diff != "" {
			t.Errorf("logits of sample %d (-recorded +now):\n%s", i, diff)
		}
		if samples.Classes[argmax(logits)] == item.Label {
			right++
		}
	}
	if diff := cmp.Diff(map[string]int{"cat": 3, "dog": 3}, counts); diff != "" {
		t.Errorf("samples by class (-want +got):\n%s", diff)
	}
	// All of this small test split are samples, so they tell its accuracy.
	if got := float64(right) / float64(len(samples.Items)); got != result.Metrics[0].Value {
		t.Errorf("accuracy on the samples is %v, the result says %v", got, result.Metrics[0].Value)
	}
}

func TestSameResultWhateverTheNumberOfThreads(t *testing.T) {
	var digests []string
	for _, threads := range []int{1, 4} {
		previous := runtime.GOMAXPROCS(threads)
		cfg := smallConfig(t.TempDir())
		cfg.Training.Workers = threads
		digests = append(digests, mustDo(t, newRun(cfg)).Model.SHA256)
		runtime.GOMAXPROCS(previous)
	}
	if digests[0] != digests[1] {
		t.Errorf("models differ: %v", digests)
	}
	cfg := smallConfig(t.TempDir())
	cfg.Training.Seed++
	if other := mustDo(t, newRun(cfg)).Model.SHA256; other == digests[0] {
		t.Error("another seed gave the same model")
	}
}

func TestResumeIsBitIdentical(t *testing.T) {
	for _, optimizer := range contract.Optimizers() {
		t.Run(optimizer, func(t *testing.T) {
			cfg := smallConfig(t.TempDir())
			cfg.Training.Optimizer = optimizer
			want := mustDo(t, newRun(cfg))
			history := historyOf(t, cfg)

			cfg.Output.Path = t.TempDir()
			// Stopped in the midst of the first epoch, at its last step, and in the midst of the last epoch.
			for _, steps := range []int{2, 1, 4} {
				result, err := doAndStop(t, newRun(cfg), steps)
				if got := exitCode(err); got != contract.ExitTerminated || result.Outcome != contract.OutcomeInterrupted {
					t.Fatalf("stopped after %d steps: exit code %d, %+v, %v", steps, got, result, err)
				}
			}
			seen := &recorder{}
			got := mustDo(t, newRun(cfg, seen))
			if seen.images() >= 18 {
				t.Errorf("the last attempt trained on %d images, want it to go on from a checkpoint", seen.images())
			}
			if got.Model.SHA256 != want.Model.SHA256 {
				t.Error("the model differs from that of an uninterrupted run")
			}
			if diff := cmp.Diff(want.Metrics, got.Metrics); diff != "" {
				t.Errorf("metrics (-uninterrupted +resumed):\n%s", diff)
			}
			if diff := cmp.Diff(history, historyOf(t, cfg)); diff != "" {
				t.Errorf("history (-uninterrupted +resumed):\n%s", diff)
			}
		})
	}
}

func historyOf(t *testing.T, cfg contract.TrainConfig) *report.History {
	t.Helper()
	var rep report.Report
	readJSON(t, filepath.Join(cfg.Output.Path, contract.ArtifactName(cfg.Run), contract.ReportDir, report.ReportFile), &rep)
	return rep.History
}

func TestCorruptCheckpointCostsAnEpochOnly(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	want := mustDo(t, newRun(cfg))
	cfg.Output.Path = t.TempDir()
	if _, err := doAndStop(t, newRun(cfg), 7); exitCode(err) != contract.ExitTerminated {
		t.Fatal(err)
	}
	newest := filepath.Join(cfg.Output.Path, ".checkpoints", "small-01234567", "epoch-000002-step-000000000007.safetensors")
	if err := os.WriteFile(newest, []byte("not tensors"), 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	run := newRun(cfg)
	run.Log = slog.New(slog.NewTextHandler(&log, nil))
	got := mustDo(t, run)
	if got.Model.SHA256 != want.Model.SHA256 {
		t.Error("the model differs from that of an uninterrupted run")
	}
	if !strings.Contains(log.String(), "Checkpoint passed over") || !strings.Contains(log.String(), "epoch=2 step=6") {
		t.Errorf("the log doesn't tell of it:\n%s", &log)
	}
}

func TestCheckpointOfOtherSettingsIsPassedOver(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	if _, err := doAndStop(t, newRun(cfg), 4); exitCode(err) != contract.ExitTerminated {
		t.Fatal(err)
	}
	cfg.Training.LearningRate *= 2
	seen := &recorder{}
	mustDo(t, newRun(cfg, seen))
	if got := seen.images(); got != 3*18 {
		t.Errorf("trained on %d images, want all %d", got, 3*18)
	}
}

func TestStoppedBeforeANewCheckpoint(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(failure.ErrInterrupted)
	result, err := newRun(cfg).Do(ctx)
	if got := exitCode(err); got != contract.ExitTemporary || result.Outcome != contract.OutcomeInterrupted {
		t.Errorf("exit code %d, outcome %q, %v", got, result.Outcome, err)
	}
}

func TestStoppedWhileItPublishes(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	ctx := untilExists{t.Context(), filepath.Join(cfg.Output.Path, contract.ArtifactName(cfg.Run))}
	result, err := newRun(cfg).Do(ctx)
	if got := exitCode(err); got != contract.ExitTerminated || result.Outcome != contract.OutcomeInterrupted {
		t.Errorf("exit code %d, outcome %q, want the Job not to count as complete", got, result.Outcome)
	}
	if again := mustDo(t, newRun(cfg)); again.Outcome != contract.OutcomeSucceeded || again.Model == nil {
		t.Errorf("the next attempt says %+v", again)
	}
}

// untilExists is a context that a signal has ended once there is a file.
type untilExists struct {
	context.Context
	path string
}

func (c untilExists) Err() error {
	if _, err := os.Stat(c.path); err == nil {
		return failure.ErrInterrupted
	}
	return c.Context.Err()
}

func TestRepublish(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	want := mustDo(t, newRun(cfg))
	// The dataset is no longer needed.
	cfg.Dataset.Generated, cfg.Dataset.Path = nil, filepath.Join(t.TempDir(), "gone")
	seen := &recorder{}
	got := mustDo(t, newRun(cfg, seen))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result (-first +again):\n%s", diff)
	}
	if diff := cmp.Diff([]Event{Published{Config: cfg, Result: want, Before: true}, Ended{Result: want}}, seen.events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestRunWithoutUIDIsNamedByItsSettings(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	cfg.Run.UID = ""
	run := newRun(cfg)
	first := mustDo(t, run)
	if diff := cmp.Diff(cfg, run.Config); diff != "" {
		t.Errorf("the caller's configuration was changed (-before +after):\n%s", diff)
	}
	if got, want := Identify(cfg, first.Dataset.Digest), first.Model.URI; !strings.HasPrefix(want, "pvc://models/"+contract.ArtifactName(got)+"/") {
		t.Errorf("the run is identified as %+v, and published as %s", got, want)
	}
	seen := &recorder{}
	if got := mustDo(t, newRun(cfg, seen)); got.Model.URI != first.Model.URI || seen.images() != 0 {
		t.Errorf("the same settings gave %s after %s, trained on %d images", got.Model.URI, first.Model.URI, seen.images())
	}
	for _, change := range []func(){
		func() { cfg.Output.Quantization = contract.QuantizationInt8 },
		func() { cfg.Output.Calibration = contract.CalibrationTemperature },
		func() { cfg.Training.Epochs = 1 },
	} {
		change()
		if got := mustDo(t, newRun(cfg)); got.Model.URI == first.Model.URI {
			t.Errorf("other settings gave the same name %s", got.Model.URI)
		}
	}
}

// A run is named by what it learns, not by where that lies or how it is reached. The names of yesterday's runs are today's.
func TestFingerprint(t *testing.T) {
	const path, digest = "906699811e965aa3a6fa4a3792132de4fd6c23590d1173ddf6f02cb179bb6905", "sha256:00"
	generated := contract.DefaultGenerated()
	for name, tc := range map[string]struct {
		dataset contract.Dataset
		want    string
	}{
		"path":        {contract.Dataset{Path: "pets"}, path},
		"uri":         {contract.Dataset{URI: "s3://datasets/pets"}, path},
		"dvc":         {contract.Dataset{DVC: &contract.DVC{Repo: "https://git.example/pets.git", Rev: "v1.2"}}, path},
		"credentials": {contract.Dataset{URI: "s3://datasets/pets", Access: contract.Access{Credentials: "keys", CABundle: "ca.crt"}}, path},
		"generated":   {contract.Dataset{Generated: &generated}, "65e77a51f2f2e35abb8b328abc7e3c4901b8d28cfcbbc09e51f9c503f11b3706"},
	} {
		cfg := contract.DefaultTrainConfig()
		tc.dataset.Split, tc.dataset.Augmentation = cfg.Dataset.Split, cfg.Dataset.Augmentation
		cfg.Dataset = tc.dataset
		if got := fingerprint(cfg, digest); got != tc.want {
			t.Errorf("%s: fingerprint %s, want %s", name, got, tc.want)
		}
		if fingerprint(cfg, "sha256:01") == tc.want {
			t.Errorf("%s: other data have the same fingerprint", name)
		}
		cfg.Tracking.MLflow = &contract.MLflow{URI: "http://mlflow:5000"}
		if got := fingerprint(cfg, digest); got != tc.want {
			t.Errorf("%s, recorded: fingerprint %s, want %s", name, got, tc.want)
		}
	}
}

func TestGates(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	cfg.Gates = []contract.Gate{{Metric: contract.MetricRecall, Min: 0}, {Metric: contract.MetricAccuracy, Min: 1}}
	cfg.Training.Epochs = 1
	for _, attempt := range []string{"first", "published before"} {
		result, err := newRun(cfg).Do(t.Context())
		if got := exitCode(err); got != contract.ExitGate {
			t.Fatalf("%s: exit code %d, %v", attempt, got, err)
		}
		if result.Outcome != contract.OutcomeFailed || result.Reason != contract.ReasonGateNotMet || result.Model == nil ||
			len(result.Metrics) != 12 || !strings.Contains(result.Message, "accuracy is 0.") {
			t.Errorf("%s: result is %+v", attempt, result)
		}
		if _, err := artifact.Published(cfg.Output.Path, cfg.Run); err != nil {
			t.Errorf("%s: the artifact is not kept: %v", attempt, err)
		}
	}
}

func TestCheckGates(t *testing.T) {
	metrics := []contract.Metric{{Name: "accuracy", Value: 0.9}, {Name: "loss", Value: 0.3}}
	for name, tc := range map[string]struct {
		gates []contract.Gate
		says  string
	}{
		"none":         {nil, ""},
		"just met":     {[]contract.Gate{{Metric: "accuracy", Min: 0.9}}, ""},
		"just missed":  {[]contract.Gate{{Metric: "accuracy", Min: 0.9001}}, "accuracy is 0.9 on the test split, the gate asks for 0.9001 at least"},
		"little":       {[]contract.Gate{{Metric: "loss", Max: 0.3}}, ""},
		"too much":     {[]contract.Gate{{Metric: "loss", Max: 0.2999}}, "loss is 0.3 on the test split, the gate asks for 0.2999 at most"},
		"not measured": {[]contract.Gate{{Metric: "accuracy"}, {Metric: "f1"}}, "f1 was not measured"},
	} {
		t.Run(name, func(t *testing.T) {
			// What an earlier attempt with other gates said doesn't count.
			result := contract.TrainResult{Metrics: metrics, Reason: "before", Message: "before"}
			checkGates(tc.gates, &result)
			met := tc.says == ""
			if (result.Outcome == contract.OutcomeSucceeded) != met || (gateError(&result) == nil) != met ||
				!strings.Contains(result.Message, tc.says) || result.Reason == "before" {
				t.Errorf("result is %+v", result)
			}
		})
	}
}

// picture returns a JPEG of one color.
func picture(t *testing.T, shade int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 40, 40))
	for i := range img.Pix {
		img.Pix[i] = uint8(shade + i%7)
	}
	img.Set(1, 1, color.Gray{Y: uint8(255 - shade)})
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// folder writes images of two classes, light and dark ones.
func folder(t *testing.T, perClass int) string {
	t.Helper()
	dir := t.TempDir()
	for class, shade := range map[string]int{"dark": 20, "light": 180} {
		if err := os.Mkdir(filepath.Join(dir, class), 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range perClass {
			writeFile(t, filepath.Join(dir, class, string(rune('a'+i))+".jpg"), picture(t, shade+i))
		}
	}
	return dir
}

func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBrokenImagesAreLeftOutAndReported(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	dir := folder(t, 20)
	whole := picture(t, 99)
	writeFile(t, filepath.Join(dir, "dark", "truncated.jpg"), whole[:len(whole)/2])
	writeFile(t, filepath.Join(dir, "dark", "empty.jpg"), nil)
	writeFile(t, filepath.Join(dir, "light", "notes.txt"), []byte("no image"))
	cfg.Dataset.Generated, cfg.Dataset.Path = nil, dir
	result := mustDo(t, newRun(cfg))
	if result.Dataset.Samples != 40 {
		t.Errorf("dataset has %d samples, want the 40 whole ones", result.Dataset.Samples)
	}
	var rep report.Report
	readJSON(t, filepath.Join(cfg.Output.Path, "small-01234567", "report", "report.json"), &rep)
	var skipped []string
	for _, file := range rep.Dataset.SkippedFiles {
		skipped = append(skipped, file.Name)
	}
	if diff := cmp.Diff([]string{"dark/empty.jpg", "dark/truncated.jpg", "light/notes.txt"}, skipped); diff != "" {
		t.Errorf("skipped files (-want +got):\n%s", diff)
	}
}

func TestFailures(t *testing.T) {
	cases := map[string]struct {
		change func(t *testing.T, cfg *contract.TrainConfig)
		code   int
		reason string
		says   string
	}{
		"unknown architecture": {
			change: func(_ *testing.T, cfg *contract.TrainConfig) { cfg.Model.Architecture = "Perceptron" },
			code:   contract.ExitConfig, reason: contract.ReasonConfigInvalid, says: "model.architecture",
		},
		"unknown class to generate": {
			change: func(_ *testing.T, cfg *contract.TrainConfig) { cfg.Dataset.Generated.Classes[0] = "cow" },
			code:   contract.ExitConfig, reason: contract.ReasonConfigInvalid, says: "cow",
		},
		"diverges": {
			change: func(_ *testing.T, cfg *contract.TrainConfig) {
				cfg.Training.Optimizer, cfg.Training.LearningRate = "SGD", 10
				cfg.Training.Epochs, cfg.Training.WeightDecay = 200, 1
			},
			code: contract.ExitConfig, reason: contract.ReasonLossDiverged, says: "lower training.learningRate",
		},
		"missing folder": {
			change: func(_ *testing.T, cfg *contract.TrainConfig) {
				cfg.Dataset.Generated, cfg.Dataset.Path = nil, "/nowhere/pets"
			},
			code: contract.ExitDataset, reason: contract.ReasonDatasetNotFound, says: "/nowhere/pets",
		},
		"one class only": {
			change: func(t *testing.T, cfg *contract.TrainConfig) {
				dir := folder(t, 5)
				if err := os.RemoveAll(filepath.Join(dir, "dark")); err != nil {
					t.Fatal(err)
				}
				cfg.Dataset.Generated, cfg.Dataset.Path = nil, dir
			},
			code: contract.ExitDataset, reason: contract.ReasonDatasetInvalid, says: "one class only",
		},
		"damaged artifact": {
			change: func(t *testing.T, cfg *contract.TrainConfig) {
				if err := os.MkdirAll(filepath.Join(cfg.Output.Path, "small-01234567"), 0o755); err != nil {
					t.Fatal(err)
				}
			},
			code: contract.ExitArtifact, reason: contract.ReasonArtifactInvalid, says: "MANIFEST.json",
		},
		"artifact without a model": {
			change: func(t *testing.T, cfg *contract.TrainConfig) {
				staging, err := artifact.Stage(cfg.Output.Path, cfg.Run)
				if err != nil {
					t.Fatal(err)
				}
				if err := staging.Publish(contract.TrainResult{Version: contract.Version}); err != nil {
					t.Fatal(err)
				}
			},
			code: contract.ExitArtifact, reason: contract.ReasonArtifactInvalid, says: "names no model",
		},
		"output is a file": {
			change: func(t *testing.T, cfg *contract.TrainConfig) {
				cfg.Output.Path = filepath.Join(t.TempDir(), "file")
				writeFile(t, cfg.Output.Path, nil)
			},
			code: contract.ExitConfig, reason: contract.ReasonConfigInvalid, says: "not a directory",
		},
		"split file can't be written": {
			change: nil, code: contract.ExitConfig, reason: contract.ReasonConfigInvalid, says: "write the split",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			run := newRun(smallConfig(t.TempDir()))
			if tc.change == nil {
				run.SplitFile = "/nowhere/split.json"
			} else {
				tc.change(t, &run.Config)
			}
			result, err := run.Do(t.Context())
			if got := exitCode(err); got != tc.code {
				t.Errorf("exit code %d, want %d", got, tc.code)
			}
			if result.Outcome != contract.OutcomeFailed || result.Reason != tc.reason || !strings.Contains(result.Message, tc.says) {
				t.Errorf("result is %s, %s, %q; want %s and %q", result.Outcome, result.Reason, result.Message, tc.reason, tc.says)
			}
		})
	}
}

func TestErrorsOfDoWrapTheirCause(t *testing.T) {
	cfg := smallConfig(t.TempDir())
	cfg.Run.Name = "Not A Name"
	_, err := newRun(cfg).Do(t.Context())
	var failed *failure.Error
	if !errors.As(err, &failed) || failed.Reason != contract.ReasonConfigInvalid {
		t.Errorf("got %v", err)
	}
}

// endAfterTheBestEpoch trains at a learning rate that is too high until a run's best
// epoch is not its last: which seed does that depends on how the kernels round.
func endAfterTheBestEpoch(t *testing.T) (contract.TrainConfig, *Run, *report.History) {
	t.Helper()
	for seed := range int64(20) {
		cfg := smallConfig(t.TempDir())
		cfg.Training.Optimizer, cfg.Training.LearningRate = "SGD", 0.3
		cfg.Training.Epochs, cfg.Training.Seed = 6, seed
		run := newRun(cfg)
		mustDo(t, run)
		if history := historyOf(t, cfg); history.BestEpoch < len(history.Epochs) {
			return cfg, run, history
		}
	}
	t.Fatal("the last epoch is the best with every seed: this test shows nothing")
	return contract.TrainConfig{}, nil, nil
}

func TestPublishesTheBestEpoch(t *testing.T) {
	cfg, run, history := endAfterTheBestEpoch(t)
	best := history.Epochs[history.BestEpoch-1]
	for _, e := range history.Epochs {
		if e.ValidationAccuracy > best.ValidationAccuracy ||
			e.ValidationAccuracy == best.ValidationAccuracy && e.ValidationLoss < best.ValidationLoss {
			t.Errorf("kept is %+v, but there is %+v", best, e)
		}
	}
	encoded, err := os.ReadFile(filepath.Join(cfg.Output.Path, contract.ArtifactName(cfg.Run), contract.ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	published, err := evaluate.ReadModel(encoded, 1)
	if err != nil {
		t.Fatal(err)
	}
	data, err := run.attempt().load(t.Context(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	tally, err := evaluate.Score(t.Context(), published, data.split.Validation, evaluate.Batches{Size: 8})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(best.ValidationLoss, tally.Loss(), cmpopts.EquateApprox(1e-3, 0)); diff != "" {
		t.Errorf("validation loss of the published model (-best epoch +published):\n%s", diff)
	}
}
